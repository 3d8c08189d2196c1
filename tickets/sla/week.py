"""A calendar's hours in words: "Monday to Friday 09:00 to 17:00". Pure."""

from collections.abc import Iterator, Sequence

from tickets.sla.calendar import ALL_DAY, Day, Span

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY = 86_400


def in_words(week: Sequence[Day]) -> Iterator[str]:
    """A line for each run of days with the same hours; days that are closed are left out."""
    first = 0
    for place in range(1, len(week) + 1):
        if place < len(week) and week[place] == week[first]:
            continue
        if week[first]:
            days, spans = _days(first, place - 1), week[first]
            yield f"{days}, day and night" if spans == ALL_DAY else f"{days} {_spans(spans)}"
        first = place


def day_in_words(spans: Day) -> str:
    return f"Open {_spans(spans)}" if spans else "Closed"


def _days(first: int, last: int) -> str:
    if first == last:
        return DAYS[first]
    if last - first == len(DAYS) - 1:
        return "Every day"
    return f"{DAYS[first]} {'and' if last == first + 1 else 'to'} {DAYS[last]}"


def _spans(spans: Day) -> str:
    return "day and night" if spans == ALL_DAY else " and ".join(map(_span, spans))


def _span(span: Span) -> str:
    begins, ends = span
    overnight = " the next day" if 0 < ends <= begins else ""
    return f"{_time(begins)} to {_time(ends or _DAY)}{overnight}"


def _time(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}"
