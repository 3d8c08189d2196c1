"""Making versions: what an admin edited becomes, all at once, what holds from now on."""

from collections.abc import Mapping
from datetime import UTC, datetime, time

from django.db import transaction

from accounts.models import SupportPlan, User
from supportdesk.lib.errors import Invalid
from tickets.models import BusinessCalendar, CalendarVersion, PolicyVersion, PromiseTarget, SlaPolicy
from tickets.models.sla import WEEKDAYS
from tickets.sla.calendar import Day, Span, opens_within_a_year, overlaps
from tickets.sla.promises import HoursKind, Promise
from tickets.sla.terms import Calendar, Place

Targets = Mapping[tuple[Promise, int], tuple[int, HoursKind]]
"""Minutes and hours by promise and priority; what isn't in it isn't promised."""
WARN_PERCENT = (75,)


@transaction.atomic
def policy(
    policy: SlaPolicy,
    targets: Targets,
    *,
    calendar: BusinessCalendar,
    by: User | None,
    at: datetime,
    warn_percent: tuple[int, ...] = WARN_PERCENT,
    warn_before: tuple[int, ...] = (),
    note: str = "",
) -> PolicyVersion:
    """Make `targets` the policy's version in force. Raises Invalid where its business hours never open."""
    row = SlaPolicy.objects.select_for_update(of=("self",)).get(pk=policy.pk)
    _check_opens(calendar.current, at)
    number = (row.versions.values_list("number", flat=True).first() or 0) + 1
    version = PolicyVersion.objects.create(
        policy=row,
        number=number,
        calendar=calendar,
        warn_percent=sorted(warn_percent),
        warn_before=sorted(warn_before, reverse=True),
        made_by=by,
        made_at=at,
        note=note,
    )
    PromiseTarget.objects.bulk_create(
        PromiseTarget(version=version, promise=promise.value, priority=priority, minutes=minutes, hours=hours.value)
        for (promise, priority), (minutes, hours) in targets.items()
    )
    row.current = policy.current = version
    row.save(update_fields=["current"])
    return version


def policy_of(plan: SupportPlan, targets: Targets, *, calendar: BusinessCalendar, at: datetime) -> PolicyVersion:
    """The first version of a plan's policy."""
    row, _ = SlaPolicy.objects.get_or_create(plan=plan)
    return policy(row, targets, calendar=calendar, by=None, at=at)


@transaction.atomic
def calendar(calendar: BusinessCalendar, *, by: User | None, at: datetime) -> CalendarVersion | None:
    """Make what the calendar's rows say its version in force; None where that is so already.

    Raises Invalid for overlapping spans and for a calendar without a minute of working time in a year.
    """
    row = BusinessCalendar.objects.select_for_update(of=("self",)).get(pk=calendar.pk)
    content = read(row)
    if row.current is not None and row.current.content == content.as_data():
        return None
    check(content, at=at)
    number = (row.versions.values_list("number", flat=True).first() or 0) + 1
    version = CalendarVersion.objects.create(
        calendar=row, number=number, content=content.as_data(), made_by=by, made_at=at
    )
    row.current = calendar.current = version
    row.save(update_fields=["current"])
    return version


def read(row: BusinessCalendar) -> Calendar:
    """What the calendar's rows say now."""
    week: list[list[Span]] = [[] for _ in WEEKDAYS]
    for span in row.spans.order_by("weekday", "starts"):
        week[span.weekday].append(span_of(span.starts, span.ends))
    dates: dict[object, list[Span]] = {}
    for one in row.dates.order_by("date", "starts"):
        spans = dates.setdefault(one.date, [])
        if one.starts is not None and one.ends is not None:
            spans.append(span_of(one.starts, one.ends))
    return Calendar(
        zone=row.time_zone,
        week=tuple(tuple(day) for day in week),
        holidays=row.holidays,
        country=row.country,
        subdivision=row.subdivision,
        dates=tuple((day, tuple(spans)) for day, spans in dates.items()),  # type: ignore[misc]
    )


def span_of(starts: time, ends: time) -> Span:
    return _seconds(starts), _seconds(ends)


def _seconds(at: time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


def check(content: Calendar, *, at: datetime) -> None:
    """Invalid, in words that say how to mend it, for a calendar that can't be worked by."""
    for day, span, other_day, other in overlaps(content.week):
        raise Invalid(
            f"{WEEKDAYS[day]} {_words(span)} and {WEEKDAYS[other_day]} {_words(other)} overlap. "
            "Let one begin where the other ends.",
            code="overlap",
            field="spans",
        )
    for date, spans in content.dates:
        if overlaps((spans, (), (), (), (), (), ())):
            raise Invalid(f"The hours of {date:%d %b %Y} overlap.", code="overlap", field="dates")
    if not opens_within_a_year(content.rule_at(Place("UTC")), start=at.astimezone(UTC)):
        raise Invalid("This calendar doesn't open for a minute in a year.", code="never_open", field="spans")


def _check_opens(version: CalendarVersion | None, at: datetime) -> None:
    if version is None:
        raise Invalid("This calendar has no hours yet.", code="never_open", field="calendar")
    check(version.says, at=at)


def _words(span: tuple[int, int]) -> str:
    begins, ends = (f"{seconds // 3600:02}:{seconds // 60 % 60:02}" for seconds in span)
    return f"{begins}–{ends}"


def day_of(*spans: tuple[str, str]) -> Day:
    """`day_of(("09:00", "12:00"), ("13:00", "17:00"))`"""
    return tuple((_seconds(time.fromisoformat(a)), _seconds(time.fromisoformat(b))) for a, b in spans)
