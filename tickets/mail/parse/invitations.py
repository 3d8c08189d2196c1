"""What a calendar part (RFC 5545) says, as a line of text."""

from datetime import date, datetime

from icalendar import Calendar, Component

from tickets.mail.parse.words import cut, one_line

_MOST_BYTES = 256 * 1024
_MOST_EVENTS = 5
_TITLES = {"CANCEL": "Cancelled invitation", "REPLY": "Answer to an invitation", "PUBLISH": "Appointment"}


def lines_of(data: bytes) -> list[str]:
    """A line for each event, as "Invitation: <summary>, <start> – <end>, <place>"; none for what can't be read."""
    if len(data) > _MOST_BYTES:
        return []
    try:
        calendar = Calendar.from_ical(data)
        title = _TITLES.get(str(calendar.get("METHOD", "")).upper(), "Invitation")
        return [f"{title}: {_details(event)}" for event in calendar.walk("VEVENT")[:_MOST_EVENTS]]
    except Exception:  # the library raises many kinds for what is no calendar: the file is kept all the same
        return []


def _details(event: Component) -> str:
    start, end = (_moment(event.decoded(name)) if name in event else "" for name in ("DTSTART", "DTEND"))
    times = f"{start} – {end}" if start and end else start
    details = [str(event.get("SUMMARY", "")), times, str(event.get("LOCATION", ""))]
    return ", ".join(cut(one_line(detail), 200) for detail in details if detail.strip())


def _moment(value: date) -> str:
    if not isinstance(value, datetime):
        return f"{value:%Y-%m-%d}"
    return f"{value:%Y-%m-%d %H:%M} {value.tzname() or ''}".strip()
