"""How a deadline came about: one answer for the agent, the customer and the API.

It says only what is true for both sides: that a ticket is On-hold, who works on it and what the staff calls things
stays inside. Instants are instants; who shows them shows them in the viewer's zone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from accounts import places
from tickets.models import Priority, ServiceTerms, SlaClock, Ticket
from tickets.sla import week
from tickets.sla.countdown import Countdown, countdown, hours_in_words, target_in_words
from tickets.sla.holidays import holiday_name
from tickets.sla.promises import HoursKind, Promise
from tickets.sla.terms import Target, holidays_between

REASONS = {
    "submitted": "The request was submitted",
    "customer_wrote": "The customer wrote",
    "replied": "Support replied",
    "pending": "Support waits for the customer's answer",
    "kept_open": "Support waits for the customer's answer",
    "not_begun": "Updates are owed once work on the request has begun",
    "unpromised": "Nothing was promised for this",
    "priority": "The priority was changed",
    "reopened": "The request was reopened",
    "may_close": "The wait for the customer's answer no longer stops the clock",
    "open_again": "Work on the request went on",
    "terms_policy": "The promises were changed",
    "terms_calendar": "The business hours were changed",
    "terms_organization": "The organisation's plan, time zone or country was changed",
    "terms_person": "The requester's time zone or country was changed",
    "terms_plan": "What the plan covers was changed",
}
_MOST_AT_ONCE = 100
STATES = ("running", "late", "paused", "met", "met_late", "ended", "unpromised")
_LOOKS = {"calm": "running", "warning": "running", "breached": "late", "paused": "paused"}


@dataclass(frozen=True)
class Version:
    """What held, and since when."""

    name: str
    number: int
    since: datetime


@dataclass(frozen=True)
class SpecialDay:
    """A day between start and end whose hours were not the weekday's."""

    day: date
    what: str


@dataclass(frozen=True)
class Stretch:
    """From one instant to another (None: still) the clock ran or stood; `used` is working time by its own terms."""

    began_at: datetime
    ended_at: datetime | None
    ran: bool
    reason: str
    priority: str
    target: str
    policy: str
    used: timedelta
    total: timedelta


@dataclass(frozen=True)
class Explanation:
    """All that a deadline follows from; `state` is one of STATES."""

    clock: int
    promise: Promise
    state: str
    countdown: Countdown | None
    priority: str
    target: str
    hours: str
    weekly: tuple[str, ...]
    zone: str
    place: str
    holidays: str
    special_days: tuple[SpecialDay, ...]
    policy: Version
    calendar: Version | None
    started_at: datetime
    due_at: datetime | None
    met_at: datetime | None
    warned_at: datetime | None
    broke_at: datetime | None
    ended_at: datetime | None
    stretches: tuple[Stretch, ...]
    used: timedelta
    left: timedelta | None

    @property
    def label(self) -> str:
        return self.promise.label


def of_ticket(ticket: Ticket, *, now: datetime) -> list[Explanation]:
    """Of a ticket's promises, newest first; of very many the newest, and whatever is still open."""
    rows = SlaClock.objects.of([ticket]).with_terms().order_by("-started_at", "-id")
    newest = rows.values("pk")[:_MOST_AT_ONCE]
    return explained(list(rows.filter(Q(ended_at=None) | Q(pk__in=newest))), now=now)


def explained(found: Sequence[SlaClock], *, now: datetime) -> list[Explanation]:
    """How the deadlines of these clocks came about, in their order; the terms of all of them come in one query."""
    keys = {span["terms"] for clock in found for span in clock.spans} | {clock.terms_id for clock in found}
    rows = ServiceTerms.objects.filter(pk__in=keys).select_related(
        "policy_version__policy__plan", "policy_version__policy__organization", "calendar_version__calendar"
    )
    terms = {row.pk: row for row in rows}
    return [_explained(clock, terms, now) for clock in found]


def _explained(clock: SlaClock, terms: Mapping[int, ServiceTerms], now: datetime) -> Explanation:
    row = terms[clock.terms_id]
    promise = Promise(clock.promise)
    target = row.target(promise, clock.priority)
    stretches = tuple(_stretches(clock, promise, terms, now))
    used = stretches[-1].total if stretches else timedelta()
    due = clock.due_at or _was_due(clock, target)
    version = row.policy_version
    told = countdown(clock, now)
    is_business = target is not None and target.kind is HoursKind.BUSINESS
    return Explanation(
        clock=clock.pk,
        promise=promise,
        state=_state(clock, told),
        countdown=told,
        priority=Priority(clock.priority).label,
        target=target_in_words(target) if target else "",
        hours=hours_in_words(target) if target else "",
        weekly=tuple(week.in_words(target.hours.rule.week)) if target else (),
        zone=target.hours.rule.zone if target and (is_business or target.is_weekdays) else "",
        place=place_in_words(row),
        holidays=_holidays(row, target) if target and is_business else "",
        special_days=tuple(_special_days(clock, promise, terms, clock.ended_at or due or now)),
        policy=Version(str(version.policy), version.number, version.made_at),
        calendar=_calendar(row) if is_business else None,
        started_at=clock.started_at,
        due_at=due,
        met_at=clock.met_at,
        warned_at=clock.warned_at,
        broke_at=clock.breached_at,
        ended_at=clock.ended_at,
        stretches=stretches,
        used=used,
        left=target.length - used if target and clock.is_open else None,
    )


def _state(clock: SlaClock, told: Countdown | None) -> str:
    if clock.met_at is not None:
        return "met_late" if clock.breached_at else "met"
    if clock.ended_at is not None:
        return "ended"
    return _LOOKS[told.look] if told else "unpromised"


def _was_due(clock: SlaClock, target: Target | None) -> datetime | None:
    """The deadline of a clock that has ended while it ran: where its last stretch was aimed at."""
    last = clock.spans[-1] if clock.spans else None
    if target is None or last is None or not last["runs"] or clock.ended_at is None:
        return clock.breached_at
    before = timedelta(seconds=clock.spans[-2]["used"]) if len(clock.spans) > 1 else timedelta()
    if before >= target.length:
        return clock.breached_at or datetime.fromisoformat(last["from"])
    return target.due(datetime.fromisoformat(last["from"]), used=before)


# --- Stretch by stretch --------------------------------------------------------------------------------------------


def _stretches(
    clock: SlaClock, promise: Promise, terms: Mapping[int, ServiceTerms], now: datetime
) -> Iterable[Stretch]:
    total = timedelta()
    for span in clock.spans:
        began, ended = _ends(span)
        row = terms[span["terms"]]
        target = row.target(promise, span["priority"])
        ran = bool(span["runs"])
        used = target.hours.elapsed(began, ended or now) if ran and target else timedelta()
        total += used
        yield Stretch(
            began_at=began,
            ended_at=ended,
            ran=ran,
            reason=REASONS.get(span["why"], REASONS["open_again"]),
            priority=Priority(span["priority"]).label,
            target=target_in_words(target) if target else "",
            policy=str(row.policy_version),
            used=used,
            total=total,
        )


def _ends(span: Mapping[str, str | None]) -> tuple[datetime, datetime | None]:
    return datetime.fromisoformat(str(span["from"])), datetime.fromisoformat(span["to"]) if span["to"] else None


def _special_days(
    clock: SlaClock, promise: Promise, terms: Mapping[int, ServiceTerms], until: datetime
) -> Iterable[SpecialDay]:
    """Holidays and dates with hours of their own between the start and the end, by what held at each time."""
    found: dict[date, str] = {}
    for span in clock.spans:
        began, ended = _ends(span)
        target = terms[span["terms"]].target(promise, span["priority"])
        if span["runs"] and target is not None and target.kind is HoursKind.BUSINESS:
            found |= _differing(target, began, ended or max(until, began))
    return [SpecialDay(day, what) for day, what in sorted(found.items())]


def _differing(target: Target, began: datetime, ended: datetime) -> dict[date, str]:
    rule = target.hours.rule
    zone = ZoneInfo(rule.zone)
    first, last = (at.astimezone(zone).date() for at in (began, ended))
    closed = {
        day: f"Closed: {holiday_name(rule.country, rule.subdivision, day) or 'public holiday'}"
        for day in holidays_between(rule, first, last)
    }
    own = {day: week.day_in_words(spans) for day, spans in rule.dates if first <= day <= last}
    return closed | own


# --- What held, in words -------------------------------------------------------------------------------------------


def place_in_words(row: ServiceTerms) -> str:
    """`America/New_York, United States (NY)`; the country only where it is known."""
    country = country_in_words(row.country, row.subdivision)
    return f"{row.time_zone}, {country}" if country else row.time_zone


def country_in_words(country: str, subdivision: str) -> str:
    if not country:
        return ""
    name = dict(places.country_choices()).get(country, country)
    return f"{name} ({subdivision})" if subdivision else name


def _holidays(row: ServiceTerms, target: Target) -> str:
    rule = target.hours.rule
    if rule.country:
        return f"Public holidays of {country_in_words(rule.country, rule.subdivision)} are closed"
    if row.calendar_version.says.holidays == "none":
        return "Public holidays are like other days"
    return "The customer's country isn't known, so public holidays are like other days"


def _calendar(row: ServiceTerms) -> Version:
    version = row.calendar_version
    return Version(version.calendar.name, version.number, version.made_at)
