"""What can be promised, on which hours, and in which status a promise runs. Pure.

The table is "promise × status" of the domain description.
"""

from enum import StrEnum

from tickets.states import Status


class Promise(StrEnum):
    FIRST_REPLY = "first_reply"
    NEXT_REPLY = "next_reply"
    REGULAR_UPDATE = "regular_update"
    RESOLUTION = "resolution"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()


class HoursKind(StrEnum):
    """The hours that a target runs on."""

    AROUND_THE_CLOCK = "clock"
    BUSINESS = "business"

    @property
    def label(self) -> str:
        return "around the clock" if self is HoursKind.AROUND_THE_CLOCK else "business hours"


URGENT, HIGH, NORMAL, LOW = 1, 2, 3, 4
PRIORITIES = (URGENT, HIGH, NORMAL, LOW)
WITHOUT_PRIORITY = HIGH
"""A ticket without a priority yet runs on its plan's High targets until it has one."""
COVERED_ON_WEEKENDS = (URGENT, HIGH)
"""A plan's weekend coverage is for these priorities; the other targets stand still on Saturday and Sunday."""

FINISHED = (Status.SOLVED, Status.CLOSED)
MEASURED = (Promise.FIRST_REPLY, Promise.NEXT_REPLY)
"""These have a clock on every ticket, so that their times are known also where nothing is promised."""

_UNFINISHED = frozenset({Status.NEW, Status.OPEN, Status.PENDING, Status.ON_HOLD})
RUNS_IN: dict[Promise, frozenset[Status]] = {
    Promise.FIRST_REPLY: _UNFINISHED,
    Promise.NEXT_REPLY: _UNFINISHED,
    Promise.REGULAR_UPDATE: frozenset({Status.OPEN, Status.ON_HOLD}),
    Promise.RESOLUTION: _UNFINISHED - {Status.PENDING},
}


def runs(promise: Promise, status: Status, *, kept_open: bool) -> bool:
    """Whether the promise's clock runs in `status`; *do not close* (`kept_open`) stops all of them while Pending."""
    if kept_open and status is Status.PENDING:
        return False
    return status in RUNS_IN[promise]
