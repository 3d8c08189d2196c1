"""Making versions: what an admin edited becomes, all at once, what holds from now on."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from django.db import transaction
from django.db.models import Max

from accounts.models import Organization, SupportPlan, User
from supportdesk.lib.errors import Conflict, Invalid
from tickets.models import BusinessCalendar, CalendarVersion, PolicyVersion, PromiseTarget, SlaPolicy
from tickets.models.sla import WEEKDAYS
from tickets.sla.calendar import Day, NoWorkingTime, Span, opens_within_a_year, overlaps, working_time
from tickets.sla.promises import HoursKind, Promise
from tickets.sla.terms import Calendar, Place

Targets = Mapping[tuple[Promise, int], tuple[int, HoursKind]]
"""Minutes and hours by promise and priority; what isn't in it isn't promised."""
WARN_PERCENT = (75,)
BUSINESS_HOURS = "Business hours"
"""The calendar that a new desk begins with."""


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
    check_targets(targets, calendar.current, at=at)
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


def begin_policy(plan: SupportPlan, *, at: datetime) -> PolicyVersion | None:
    """An empty first version for a new plan, on the usual hours; None as long as there are no hours at all."""
    known = BusinessCalendar.objects.exclude(current=None).order_by("pk")
    usual = known.filter(name=BUSINESS_HOURS).first() or known.first()
    return policy_of(plan, {}, calendar=usual, at=at) if usual else None


@transaction.atomic
def begin_own(organization: Organization, *, by: User, at: datetime) -> SlaPolicy:
    """A policy of the organisation's own, which begins as a copy of its plan's version in force.

    Twice at once begins one. Raises Invalid where its plan has no policy that could be copied.
    """
    Organization.objects.select_for_update(of=("self",), no_key=True).get(pk=organization.pk)
    if existing := SlaPolicy.objects.filter(organization=organization).first():
        return existing
    former = check_may_have_own(organization)
    row = SlaPolicy.objects.create(organization=organization)
    policy(
        row,
        {
            (Promise(one.promise), one.priority): (one.minutes, HoursKind(one.hours))
            for one in PromiseTarget.objects.filter(version=former)
        },
        calendar=former.calendar,
        by=by,
        at=at,
        warn_percent=tuple(former.warn_percent),
        warn_before=tuple(former.warn_before),
        note=f"Begun as a copy of {former}"[:200],
    )
    return row


def check_may_have_own(organization: Organization) -> PolicyVersion:
    """The version of its plan that the organisation's own policy would begin with."""
    if SlaPolicy.objects.filter(organization=organization).exists():
        raise Conflict(f"{organization} has a policy of its own already.", code="has_own", field="organization")
    of_plan = SlaPolicy.objects.with_content().filter(plan=organization.plan_id).first()
    if of_plan is None or of_plan.current is None:
        sentence = f"The plan {organization.plan} has no policy to begin from."
        raise Invalid(sentence, code="no_policy", field="organization")
    return of_plan.current


@transaction.atomic
def calendar(calendar: BusinessCalendar, *, by: User | None, at: datetime) -> CalendarVersion | None:
    """Make what the calendar's rows say its version in force; None where that is so already.

    Raises Invalid for overlapping spans and for a calendar without a minute of working time in a year.
    """
    row = BusinessCalendar.objects.select_for_update(of=("self",)).get(pk=calendar.pk)
    content = read(row)
    if row.current is not None and row.current.content == content.as_data():
        return None
    check_in_use(row, content, at=at)
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


def check_in_use(row: BusinessCalendar, content: Calendar, *, at: datetime) -> None:
    """Invalid also for hours that are too few for what has been promised on them."""
    check(content, at=at)
    on_it = PromiseTarget.objects.filter(version__calendar=row.pk, hours=HoursKind.BUSINESS.value)
    _check_due(content, on_it.aggregate(longest=Max("minutes"))["longest"] or 0, at)


def check_targets(targets: Targets, version: CalendarVersion | None, *, at: datetime) -> None:
    """Invalid where these targets can't be kept on a calendar's hours since those never open, or hardly ever."""
    if version is None:
        raise Invalid("This calendar has no hours yet.", code="never_open", field="calendar")
    check(version.says, at=at)
    business = (minutes for minutes, hours in targets.values() if hours is HoursKind.BUSINESS)
    _check_due(version.says, max(business, default=0), at)


def _check_due(content: Calendar, minutes: int, at: datetime) -> None:
    try:
        working_time(content.rule_at(Place("UTC"))).add(at, timedelta(minutes=minutes))
    except NoWorkingTime:
        raise Invalid(
            f"{minutes // 60} business hours, the longest target, never pass in these hours. Open for longer.",
            code="never_due",
            field="calendar",
        ) from None


def _words(span: tuple[int, int]) -> str:
    begins, ends = (f"{seconds // 3600:02}:{seconds // 60 % 60:02}" for seconds in span)
    return f"{begins}–{ends}"


def day_of(*spans: tuple[str, str]) -> Day:
    """`day_of(("09:00", "12:00"), ("13:00", "17:00"))`"""
    return tuple((_seconds(time.fromisoformat(a)), _seconds(time.fromisoformat(b))) for a, b in spans)
