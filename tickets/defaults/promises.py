"""What the plans promise, exactly as the tables of the domain description have it; Free promises nothing."""

from tickets.sla.promises import HoursKind, Promise

_CLOCK = HoursKind.AROUND_THE_CLOCK
_BUSINESS = HoursKind.BUSINESS
_HOUR = 60
_DAY = 8 * _HOUR  # a business day is 8 business hours

Row = list[tuple[int, HoursKind]]

PROMISES: dict[Promise, dict[str, Row]] = {
    # Each row: Urgent, High, Normal, Low; a shorter one promises nothing for the rest.
    Promise.FIRST_REPLY: {
        "professional": [(4 * _HOUR, _BUSINESS), (8 * _HOUR, _BUSINESS), (_DAY, _BUSINESS), (2 * _DAY, _BUSINESS)],
        "enterprise": [(2 * _HOUR, _CLOCK), (4 * _HOUR, _CLOCK), (8 * _HOUR, _BUSINESS), (_DAY, _BUSINESS)],
        "premier": [(_HOUR, _CLOCK), (2 * _HOUR, _CLOCK), (4 * _HOUR, _BUSINESS), (8 * _HOUR, _BUSINESS)],
    },
    Promise.NEXT_REPLY: {
        "enterprise": [(4 * _HOUR, _CLOCK), (8 * _HOUR, _CLOCK), (24 * _HOUR, _CLOCK), (24 * _HOUR, _CLOCK)],
        "premier": [(2 * _HOUR, _CLOCK), (4 * _HOUR, _CLOCK), (24 * _HOUR, _CLOCK), (24 * _HOUR, _CLOCK)],
    },
    Promise.REGULAR_UPDATE: {"premier": [(4 * _HOUR, _CLOCK), (_DAY, _BUSINESS)]},
}
