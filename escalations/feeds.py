"""Shifts as a calendar that other programs read (iCalendar, RFC 5545): plain UTC events, nothing of any ticket."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from icalendar import Calendar, Event

from accounts import tokens
from escalations.access import is_responder
from escalations.models import CalendarFeed, Shift

KEPT = timedelta(days=30)
"""How long a shift that is over stays in a feed."""
_REFRESH = timedelta(hours=1)


def find(secret: str) -> CalendarFeed | None:
    """The feed behind an address, unless it was revoked or its owner has left."""
    rows = CalendarFeed.objects.select_related("owner", "schedule").filter(revoked_at=None)
    feed = rows.filter(token_hash=tokens.digest(secret)).first()
    return feed if feed is not None and is_responder(feed.owner) else None


def calendar_of(feed: CalendarFeed, *, now: datetime) -> bytes:
    """All shifts of the feed's owner, or of its schedule, from 30 days back to as far ahead as they are known."""
    rows = Shift.objects.filter(ends_at__gt=now - KEPT).select_related("schedule", "person").order_by("starts_at", "pk")
    rows = rows.filter(person=feed.owner) if feed.schedule is None else rows.filter(schedule=feed.schedule)
    calendar = Calendar()
    calendar.add("prodid", f"-//{settings.MAIL_DOMAIN}//on-call//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"On call: {feed.schedule or feed.owner}")
    calendar.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    for shift in rows:
        calendar.add_component(_event(shift, now=now, names_person=feed.schedule is not None))
    return bytes(calendar.to_ical())


def _event(shift: Shift, *, now: datetime, names_person: bool) -> Event:
    event = Event()
    begins = shift.starts_at.astimezone(UTC)
    # The same as long as the shift begins when it does, however often the rows are rewritten.
    event.add("uid", f"shift-{shift.schedule_id}-{begins:%Y%m%dT%H%M%SZ}@{settings.MAIL_DOMAIN}")
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", begins)
    event.add("dtend", shift.ends_at.astimezone(UTC))
    who = f", {shift.person}" if names_person else ""
    event.add("summary", f"On call: {shift.schedule}{who}")
    event.add("transp", "TRANSPARENT")
    return event
