"""What a mail about promises says: which broke and which are about to, a line each, by its reader's clock."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse

from accounts.models import User
from supportdesk.lib.tags import exact
from tickets.models import EventKind, SlaClock, SlaNotice, Ticket
from tickets.notifications.wording import Item, Letter, Link, Section, one_line, zone_of
from tickets.sla.clocks import target_of
from tickets.sla.countdown import countdown, hours_in_words

_MOST_LINES = 50


@dataclass(frozen=True)
class Told:
    """A notice, and the clock that it is about as that stands now."""

    notice: SlaNotice
    clock: SlaClock

    @property
    def ticket(self) -> Ticket:
        return self.notice.event.ticket

    @property
    def is_breach(self) -> bool:
        return self.notice.event.kind == EventKind.SLA_BREACHED


def subject_of(news: Sequence[Told]) -> str:
    """`3 promises are about to break, 1 broke`; a single one names its ticket. One line in any case (S024)."""
    broken, near = _by_clock(news)
    if len(broken) + len(near) > 1:
        return _headline(len(broken), len(near))
    told = (broken or near)[0]
    what = "broke" if broken else "is about to break"
    return one_line(f"[#{told.ticket.number}] {told.clock.label} {what}: {told.ticket.subject}")


def letter_to(reader: User, news: Sequence[Told], *, now: datetime) -> Letter:
    """The mail for `reader`, in their time zone; the most pressing come first and fifty are named."""
    zone = zone_of(reader)
    broken, near = _by_clock(news)
    # Half of the lines are kept for what can still be saved.
    to_save = min(len(near), max(_MOST_LINES // 2, _MOST_LINES - len(broken)))
    sections = [
        _section("Broken", broken, _MOST_LINES - to_save, lambda clock: _broken(clock, zone)),
        _section("About to break", near, to_save, lambda clock: _near(clock, zone, now)),
    ]
    return Letter(
        heading=_headline(len(broken), len(near)),
        lead=f"As of {exact(now.astimezone(zone))}.",
        sections=[section for section in sections if section.items],
        links=_links({told.ticket.number: told.ticket for told in news}.values()),
        why="You get this mail because the tickets are assigned to you, on your shift, or of a team that you lead.",
    )


def _by_clock(news: Sequence[Told]) -> tuple[list[Told], list[Told]]:
    """What broke and what is about to, each clock once; sorted by deadline, the Urgent ones of what broke first."""
    broken = {told.clock.pk: told for told in news if told.is_breach}
    near = {told.clock.pk: told for told in news if not told.is_breach and told.clock.pk not in broken}
    return (
        sorted(broken.values(), key=lambda told: (told.clock.priority, told.clock.breached_at)),
        sorted(near.values(), key=lambda told: told.clock.due_at.timestamp() if told.clock.due_at else float("inf")),
    )


def _headline(broken: int, near: int) -> str:
    if not near:
        return f"{_promises(broken)} broke"
    told = f"{_promises(near)} {'is' if near == 1 else 'are'} about to break"
    return f"{told}, {broken} broke" if broken else told


def _promises(number: int) -> str:
    return "1 promise" if number == 1 else f"{number} promises"


def _links(tickets: Iterable[Ticket]) -> list[Link]:
    found = list(tickets)
    first = Link("Open the queue", settings.SITE_URL + reverse("queue"))
    if len(found) == 1:
        first = Link("Open the ticket", settings.SITE_URL + found[0].desk_url)
    return [first, Link("Choose what you are told of", settings.SITE_URL + reverse("my_notices"))]


# --- A line --------------------------------------------------------------------------------------------------------


def _section(title: str, told: Sequence[Told], most: int, say: Callable[[SlaClock], str]) -> Section:
    items = [Item(_about(one), say(one.clock)) for one in told[:most]]
    return Section(title, items, len(told) - len(items))


def _about(told: Told) -> Link:
    ticket = told.ticket
    customer = ticket.organization or ticket.requester.display_name
    label = f"#{ticket.number} {ticket.subject} ({customer}, {told.clock.terms.plan})"
    return Link(" ".join(label.split()), settings.SITE_URL + ticket.desk_url)


def _broken(clock: SlaClock, zone: ZoneInfo) -> str:
    """`First reply was due Mon 23 Nov 2026, 16:30 CET (business hours Berlin): still owed`"""
    assert clock.breached_at is not None  # noqa: S101 - else it is no news
    target = target_of(clock)
    hours = f" ({hours_in_words(target)})" if target else ""
    return f"{clock.label} was due {_time(clock.breached_at, zone)}{hours}: {_since(clock, zone)}"


def _since(clock: SlaClock, zone: ZoneInfo) -> str:
    if clock.met_at is not None:
        return f"met {_time(clock.met_at, zone)}"
    return "still owed" if clock.ended_at is None else f"ended without it {_time(clock.ended_at, zone)}"


def _near(clock: SlaClock, zone: ZoneInfo, now: datetime) -> str:
    """`First reply is due Mon 23 Nov 2026, 16:30 CET: 1 h 12 m left, business hours Berlin`"""
    told = countdown(clock, now)
    assert told is not None  # noqa: S101 - else it is no news
    rest = f"{told.time}, {told.hours}"
    if clock.due_at is None:
        return f"{clock.label} stands still: {rest}"
    return f"{clock.label} is due {_time(clock.due_at, zone)}: {rest}"


def _time(at: datetime, zone: ZoneInfo) -> str:
    return exact(at.astimezone(zone))
