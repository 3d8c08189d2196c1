"""The agents' queue: its built-in views, what narrows them, in which order they come, and how many there are.

Whatever comes from an address is looked up in fixed lists or is a number; what can't be is passed over (S103, S106).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q

from accounts.models import Organization, User
from supportdesk.lib import keyset
from supportdesk.lib.errors import Invalid
from tickets.models import SlaClock, Ticket
from tickets.querysets import TicketQuerySet
from tickets.sla.countdown import Countdown, of_each
from tickets.states import Status

PAGE_SIZE = 50
COUNTED_TO = 999
_MOST_ORGANIZATIONS = 50
_WORDS_LENGTH = 120


@dataclass(frozen=True)
class Asker:
    """Who looks at the queue, and which regions are off shift meanwhile."""

    user: User
    off_shift: Sequence[int] = ()


Narrow = Callable[[TicketQuerySet, Asker], TicketQuerySet]


@dataclass(frozen=True)
class View:
    """A built-in view: a name for a question that is asked all day. `go` is its letter after `g`."""

    key: str
    label: str
    picture: str
    go: str
    narrow: Narrow
    sort: str = "due"
    empty: str = "Nothing is waiting here."


VIEWS = {
    view.key: view
    for view in (
        View(
            "mine",
            "Assigned to me",
            "user-check",
            "m",
            lambda rows, asker: rows.unfinished().filter(assignee=asker.user),
            empty="Nothing is assigned to you. Take something from New, unassigned.",
        ),
        View(
            "new",
            "New, unassigned",
            "inbox",
            "n",
            lambda rows, asker: rows.filter(status=Status.NEW).unassigned(),
            empty="Every new ticket has been taken.",
        ),
        View("unfinished", "All unfinished", "layers", "q", lambda rows, asker: rows.unfinished()),
        View(
            "waiting",
            "Waiting for a reply",
            "message-circle",
            "w",
            lambda rows, asker: rows.unfinished().filter(waiting_since__isnull=False),
            empty="No customer is waiting for an answer.",
        ),
        View(
            "premier",
            "Premier",
            "gem",
            "p",
            lambda rows, asker: rows.unfinished().filter(
                organization__in=Organization.objects.filter(plan__pages=True)
            ),
            empty="Nothing unfinished of organisations that are paged for.",
        ),
        View("pending", "Pending", "hourglass", "e", lambda rows, asker: rows.filter(status=Status.PENDING)),
        View("on_hold", "On-hold", "circle-pause", "h", lambda rows, asker: rows.filter(status=Status.ON_HOLD)),
        View(
            "escalated",
            "Escalated",
            "wrench",
            "x",
            lambda rows, asker: rows.unfinished().filter(escalated_at__isnull=False),
            empty="Engineering has no ticket now.",
        ),
        View(
            "off_shift",
            "Assignee off shift",
            "moon",
            "f",
            lambda rows, asker: rows.unfinished().filter(assignee__in=User.objects.away(asker.off_shift)),
            empty="Everybody who has unfinished tickets is on shift.",
        ),
        View("solved", "Solved", "circle-check", "s", lambda rows, asker: rows.filter(status=Status.SOLVED), "updated"),
        View("all", "All", "archive", "a", lambda rows, asker: rows, "updated"),
    )
}
DEFAULT_VIEW = VIEWS["unfinished"]


@dataclass(frozen=True)
class Sort:
    label: str
    by: tuple[str, ...]
    ascending: bool = False


SORTS = {
    "due": Sort("Next promise due", ("due",), ascending=True),
    "priority": Sort("Priority, longest waiting", ("rank", "waits"), ascending=True),
    "newest": Sort("Newest", ("created_at",)),
    "oldest": Sort("Oldest", ("created_at",), ascending=True),
    "updated": Sort("Recently updated", ("updated_at",)),
}


@dataclass(frozen=True)
class Filters:
    """What an address asks for, as far as there is such a thing; empty where it asks for nothing."""

    view: View = DEFAULT_VIEW
    status: str = ""
    priority: str = ""
    assignee: str = ""
    organization: str = ""
    category: str = ""
    sort: str = ""
    cursor: str = ""
    organizations: list[int] | None = field(default=None, compare=False)

    @property
    def is_narrowed(self) -> bool:
        return bool(self.status or self.priority or self.assignee or self.organization or self.category)

    @property
    def order(self) -> str:
        return self.sort or self.view.sort

    @property
    def cleared(self) -> str:
        """The query string of the view in the same order, narrowed by nothing."""
        return self.address(status="", priority="", assignee="", organization="", category="")

    def address(self, **changes: str) -> str:
        """The query string that asks for the same (without a page), but for `changes`."""
        asked = {
            "view": "" if self.view is DEFAULT_VIEW else self.view.key,
            "status": self.status,
            "priority": self.priority,
            "assignee": self.assignee,
            "organization": self.organization,
            "category": self.category,
            "sort": self.sort,
        } | changes
        return f"?{urlencode({name: value for name, value in asked.items() if value})}"


def read(asked: Mapping[str, str], *, user: User) -> Filters:
    """The filters of a query string; whatever no filter knows is left out."""
    words = asked.get("organization", "").replace("\x00", "").strip()[:_WORDS_LENGTH]
    return Filters(
        view=VIEWS.get(asked.get("view", ""), DEFAULT_VIEW),
        status=_one_of(asked.get("status", ""), Status),
        priority=_one_of(asked.get("priority", ""), ("1", "2", "3", "4", "none")),
        assignee=_one_of(asked.get("assignee", ""), ("me", "nobody")) or _number(asked.get("assignee", "")),
        organization=words,
        category=_number(asked.get("category", "")),
        sort=_one_of(asked.get("sort", ""), SORTS),
        cursor=asked.get("page", ""),
        organizations=organizations_named(words, user=user) if words else None,
    )


def _one_of(value: str, known: object) -> str:
    return value if value in list(known) else ""  # type: ignore[call-overload]


def _number(value: str) -> str:
    return value if value.isascii() and value.isdigit() and len(value) < 19 else ""


def organizations_named(words: str, *, user: User) -> list[int]:
    """The organisation of exactly this name, else those whose names hold the words."""
    seen = Organization.objects.visible_to(user)
    exact = list(seen.filter(name__iexact=words).values_list("pk", flat=True))
    return exact or list(seen.filter(name__icontains=words).values_list("pk", flat=True)[:_MOST_ORGANIZATIONS])


def tickets(filters: Filters, asker: Asker) -> TicketQuerySet:
    """The tickets that the filters ask for, as far as the person sees them; in no order yet."""
    rows = filters.view.narrow(Ticket.objects.visible_to(asker.user), asker)
    return rows.filter(_condition(filters, asker))


def _condition(filters: Filters, asker: Asker) -> Q:
    wanted = Q()
    if filters.status:
        wanted &= Q(status=filters.status)
    if filters.priority:
        wanted &= Q(priority=None if filters.priority == "none" else int(filters.priority))
    if filters.assignee:
        people = {"me": asker.user.pk, "nobody": None}
        wanted &= Q(assignee=people[filters.assignee] if filters.assignee in people else int(filters.assignee))
    if filters.organizations is not None:
        wanted &= Q(organization__in=filters.organizations)
    if filters.category:
        wanted &= Q(category=int(filters.category))
    return wanted


def page(filters: Filters, asker: Asker) -> keyset.Page[Ticket]:
    """One page in the order asked for; a cursor that is none of ours begins at the first."""
    sort = SORTS[filters.order]
    rows = _with_columns(tickets(filters, asker).with_triage())
    try:
        return keyset.page_of(rows, by=sort.by, size=PAGE_SIZE, cursor=filters.cursor, ascending=sort.ascending)
    except Invalid:
        return keyset.page_of(rows, by=sort.by, size=PAGE_SIZE, ascending=sort.ascending)


def countdowns(tickets: Sequence[Ticket], *, now: datetime) -> dict[int, Countdown]:
    """What is due next on each of `tickets`, by its key, in one query."""
    return of_each(SlaClock.objects.open().of(tickets).with_terms(), now)


def _with_columns(rows: TicketQuerySet) -> TicketQuerySet:
    """What a row shows, and no more: texts and deadlines stay in the database."""
    related = rows.select_related("organization__plan", "requester", "assignee")
    return related.only(
        *("subject", "priority", "status", "created_at", "updated_at", "waiting_since"),
        *("organization__name", "organization__plan__name"),
        *("requester__name", "requester__email", "requester__role"),
        *("assignee__name", "assignee__email", "assignee__role"),
    )


def counts(asker: Asker) -> dict[str, str]:
    """How many tickets each view holds, by its key; those that are everybody's may be a moment old."""
    global _kept
    asked = (settings.QUEUE_COUNTS_SECONDS, tuple(asker.off_shift))
    own = [view for view in VIEWS.values() if view.key == "mine"]
    kept = _kept
    if kept is not None and kept.asked == asked and time.monotonic() < kept.until:
        return kept.found | _counted(own, asker)
    found = _counted(list(VIEWS.values()), asker)
    _kept = _Kept(asked, time.monotonic() + settings.QUEUE_COUNTS_SECONDS, found)
    return found


def forget_counts() -> None:
    """Count anew at the next look: something has just been changed."""
    global _kept
    _kept = None


@dataclass(frozen=True)
class _Kept:
    asked: tuple[object, ...]
    until: float
    found: dict[str, str]


_kept: _Kept | None = None


def _counted(views: Sequence[View], asker: Asker) -> dict[str, str]:
    """All in one query, which stops counting a view after 999."""
    parts = []
    params: list[Any] = []
    for view in views:
        rows = view.narrow(Ticket.objects.visible_to(asker.user), asker).order_by()
        try:
            statement, values = rows.values("pk")[: COUNTED_TO + 1].query.sql_with_params()
        except EmptyResultSet:  # such as of an empty list of regions
            parts.append("0")
            continue
        parts.append(f"(SELECT count(*) FROM ({statement}) AS counted)")  # noqa: S608 - a statement of the ORM
        params.extend(values)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", params)  # its values are bound
        found = cursor.fetchone()
    return {view.key: _shown(number) for view, number in zip(views, found, strict=True)}


def _shown(number: int) -> str:
    return f"{COUNTED_TO}+" if number > COUNTED_TO else str(number)
