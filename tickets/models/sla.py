"""What is promised and how it went: calendars and policies with their versions, the terms that clocks run on, clocks.

Versions and terms never change once they are there; calendars and policies point to the version in force.
"""

from datetime import timedelta
from functools import lru_cache
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import Organization, SupportPlan, User
from supportdesk.lib.fields import TimeZoneField
from tickets.models.ticket import Priority, Ticket
from tickets.sla import terms as sla_terms
from tickets.sla.promises import HoursKind, Promise
from tickets.sla.querysets import SlaClockQuerySet, SlaPolicyQuerySet

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PROMISES = [(promise.value, promise.label) for promise in Promise]


class BusinessCalendar(models.Model):
    """Hours that targets run on: weekly spans, holidays, and dates that differ; edits become versions."""

    class Holidays(models.TextChoices):
        CUSTOMER = "customer", "the customer's country"
        FIXED = "fixed", "the country below"
        NONE = "none", "none"

    name = models.CharField(max_length=64, unique=True)
    time_zone = TimeZoneField(max_length=64, blank=True, help_text="Empty: the customer's own.")
    holidays = models.CharField(
        "public holidays of", max_length=10, choices=Holidays, default=Holidays.CUSTOMER, help_text="Are closed."
    )
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1 code, with holidays of a fixed country.")
    subdivision = models.CharField(max_length=6, blank=True, help_text="ISO 3166-2 code without the country.")
    current = models.ForeignKey(
        "tickets.CalendarVersion", null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class CalendarSpan(models.Model):
    """Open from one time of a weekday to another, which is the next day's where it isn't later."""

    calendar = models.ForeignKey(BusinessCalendar, on_delete=models.CASCADE, related_name="spans")
    weekday = models.PositiveSmallIntegerField(choices=list(enumerate(WEEKDAYS)))
    starts = models.TimeField(help_text="Local time.")
    ends = models.TimeField(help_text="Local time; at or before the start it is the next day's: 00:00 is midnight.")

    class Meta:
        ordering = ("weekday", "starts")
        constraints = [
            models.UniqueConstraint(fields=["calendar", "weekday", "starts"], name="span_once_per_calendar"),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="span_on_a_weekday"),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.starts:%H:%M} to {self.ends:%H:%M}"


class CalendarDate(models.Model):
    """A date with hours of its own, also where it is a holiday; without times it is closed."""

    calendar = models.ForeignKey(BusinessCalendar, on_delete=models.CASCADE, related_name="dates")
    date = models.DateField()
    starts = models.TimeField(null=True, blank=True, help_text="Empty: closed all day.")
    ends = models.TimeField(null=True, blank=True)
    note = models.CharField(max_length=80, blank=True, help_text="For whoever reads this calendar here.")

    class Meta:
        ordering = ("date", "starts")
        constraints = [
            models.UniqueConstraint(
                fields=["calendar", "date", "starts"], nulls_distinct=False, name="date_once_per_calendar"
            ),
            models.CheckConstraint(
                condition=Q(starts=None, ends=None) | Q(starts__isnull=False, ends__isnull=False),
                name="date_has_both_times_or_none",
            ),
        ]

    def __str__(self) -> str:
        hours = f"{self.starts:%H:%M} to {self.ends:%H:%M}" if self.starts and self.ends else "closed"
        return f"{self.date}: {hours}"


class CalendarVersion(models.Model):
    """What a calendar said from some time on; never changed."""

    calendar = models.ForeignKey(BusinessCalendar, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    content = models.JSONField(help_text="As `sla.terms.Calendar` reads it.")
    made_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ("calendar", "-number")
        constraints = [models.UniqueConstraint(fields=["calendar", "number"], name="calendar_version_once")]

    def __str__(self) -> str:
        return f"{self.calendar}, version {self.number}"

    @property
    def says(self) -> sla_terms.Calendar:
        return _calendar(self.pk) or sla_terms.Calendar.from_data(self.content)


class SlaPolicy(models.Model):
    """The promises of a plan, or an organisation's own, which go before its plan's; edits become versions."""

    plan = models.OneToOneField(SupportPlan, null=True, blank=True, on_delete=models.PROTECT, related_name="sla_policy")
    organization = models.OneToOneField(
        Organization, null=True, blank=True, on_delete=models.PROTECT, related_name="sla_policy"
    )
    current = models.ForeignKey(
        "tickets.PolicyVersion", null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    objects: ClassVar[SlaPolicyQuerySet] = SlaPolicyQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "SLA policy"
        verbose_name_plural = "SLA policies"
        constraints = [
            models.CheckConstraint(
                condition=Q(plan=None, organization__isnull=False) | Q(plan__isnull=False, organization=None),
                name="policy_of_plan_or_organization",
            )
        ]

    def __str__(self) -> str:
        return f"{self.plan or self.organization} policy"


class PolicyVersion(models.Model):
    """What a policy promised from some time on; never changed."""

    policy = models.ForeignKey(SlaPolicy, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    calendar = models.ForeignKey(
        BusinessCalendar, on_delete=models.PROTECT, related_name="policy_versions", help_text="Its business hours."
    )
    warn_percent = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    warn_before = ArrayField(models.PositiveIntegerField(), default=list, blank=True)
    made_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("policy", "-number")
        constraints = [models.UniqueConstraint(fields=["policy", "number"], name="policy_version_once")]

    def __str__(self) -> str:
        return f"{self.policy}, version {self.number}"


class PromiseTarget(models.Model):
    """What a version of a policy promises for a priority: a span and the hours it runs on."""

    version = models.ForeignKey(PolicyVersion, on_delete=models.CASCADE, related_name="targets")
    priority = models.PositiveSmallIntegerField(choices=Priority)
    promise = models.CharField(max_length=16, choices=_PROMISES)
    minutes = models.PositiveIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(60 * 24 * 366)], help_text="A business day is 480."
    )
    hours = models.CharField(max_length=10, choices=[(kind.value, kind.label) for kind in HoursKind])

    class Meta:
        ordering = ("version", "promise", "priority")
        constraints = [
            models.UniqueConstraint(fields=["version", "priority", "promise"], name="promise_once_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.get_priority_display()}: {self.get_promise_display()} in {self.span}"

    @property
    def span(self) -> str:
        """The span in words: "2 hours", "1 business day"."""
        return span_in_words(self.minutes, HoursKind(self.hours))


def span_in_words(minutes: int, hours: HoursKind) -> str:
    """`2 hours`, `1 business day`."""
    is_business = hours is HoursKind.BUSINESS
    if is_business and minutes % 480 == 0:
        return _counted(minutes // 480, "business day")
    if minutes % 60 == 0:
        return _counted(minutes // 60, "business hour" if is_business else "hour")
    return _counted(minutes, "business minute" if is_business else "minute")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class ServiceTerms(models.Model):
    """All that a clock's deadline depends on beside the ticket itself: written once for each that occurs."""

    plan = models.ForeignKey(SupportPlan, on_delete=models.PROTECT, related_name="+")
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="terms")
    calendar_version = models.ForeignKey(CalendarVersion, on_delete=models.PROTECT, related_name="terms")
    time_zone = TimeZoneField(max_length=64)
    country = models.CharField(max_length=2, blank=True)
    subdivision = models.CharField(max_length=6, blank=True)
    covers_weekends = models.BooleanField()

    class Meta:
        verbose_name_plural = "service terms"
        constraints = [
            models.UniqueConstraint(
                fields=[
                    *("plan", "policy_version", "calendar_version"),
                    *("time_zone", "country", "subdivision", "covers_weekends"),
                ],
                name="terms_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.policy_version}, {self.time_zone}"

    @property
    def agreed(self) -> sla_terms.Terms:
        return _terms(self.pk) or self.build()

    def build(self) -> sla_terms.Terms:
        """The terms themselves, also of a row that isn't saved."""
        version = self.policy_version
        return sla_terms.Terms(
            targets=targets_of(version.pk),
            calendar=self.calendar_version.says,
            place=sla_terms.Place(self.time_zone, self.country, self.subdivision),
            covers_weekends=self.covers_weekends,
            warn_percent=tuple(version.warn_percent),
            warn_before=tuple(version.warn_before),
        )

    def target(self, promise: Promise, priority: int) -> sla_terms.Target | None:
        return self.agreed.target(promise, priority)

    def promises(self, promise: Promise) -> bool:
        return self.agreed.promises(promise)


# Rows that never change are kept for as long as the process lives; keys of PostgreSQL aren't given out twice.
@lru_cache(maxsize=4096)
def _terms(pk: int | None) -> sla_terms.Terms | None:
    if pk is None:
        return None
    return ServiceTerms.objects.select_related("policy_version", "calendar_version").get(pk=pk).build()


@lru_cache(maxsize=1024)
def targets_of(version: int) -> dict[tuple[Promise, int], tuple[int, HoursKind]]:
    """What a policy's version promises: minutes and hours by promise and priority."""
    rows = PromiseTarget.objects.filter(version=version)
    return {(Promise(row.promise), row.priority): (row.minutes, HoursKind(row.hours)) for row in rows}


@lru_cache(maxsize=1024)
def _calendar(pk: int | None) -> sla_terms.Calendar | None:
    if pk is None:
        return None
    return sla_terms.Calendar.from_data(CalendarVersion.objects.get(pk=pk).content)


class SlaClock(models.Model):
    """One promise of one ticket, from when it began to when it was met or ended (see `sla.clocks`).

    `due_at` is set while it runs, `next_action_at` while the sweep has something to do for it. `breached_at` is when it
    broke, not when that was noticed; `warned` holds the points that were warned of: percent, or minutes before as
    negative numbers.
    """

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="clocks")
    promise = models.CharField(max_length=16, choices=_PROMISES)
    priority = models.PositiveSmallIntegerField(choices=Priority)
    terms = models.ForeignKey(ServiceTerms, on_delete=models.PROTECT, related_name="clocks", db_index=False)
    started_at = models.DateTimeField()
    running_since = models.DateTimeField(null=True)
    used = models.DurationField(default=timedelta)
    due_at = models.DateTimeField(null=True)
    next_action_at = models.DateTimeField(null=True)
    warned_at = models.DateTimeField(null=True)
    warned = ArrayField(models.IntegerField(), default=list)
    breached_at = models.DateTimeField(null=True)
    met_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text="When it was met, or ended without that.")
    spans: Any = models.JSONField(default=list, help_text="Each stretch: from, to, whether it ran, why, the time used.")

    objects: ClassVar[SlaClockQuerySet] = SlaClockQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "SLA clock"
        ordering = ("ticket", "id")
        constraints = [
            models.UniqueConstraint(fields=["ticket", "promise"], condition=Q(ended_at=None), name="clock_one_open"),
            models.UniqueConstraint(
                fields=["ticket", "promise"],
                condition=Q(promise__in=["first_reply", "resolution"]),
                name="clock_one_for_the_whole_ticket",
            ),
            models.CheckConstraint(condition=Q(met_at=None) | Q(ended_at__isnull=False), name="clock_met_is_ended"),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(running_since=None, due_at=None, next_action_at=None),
                name="clock_stands_when_ended",
            ),
        ]
        indexes = [
            models.Index(fields=["next_action_at"], condition=~Q(next_action_at=None), name="clock_to_act_on"),
            models.Index(fields=["terms", "id"], condition=Q(ended_at=None), name="clock_open_by_terms"),
            models.Index(
                fields=["priority", "id"],
                condition=Q(ended_at=None) & ~Q(breached_at=None),
                name="clock_open_and_broken",
            ),
            models.Index(fields=["promise", "ended_at"], name="clock_by_promise_and_end"),
        ]

    def __str__(self) -> str:
        return f"{self.get_promise_display()} of #{self.ticket_id}"

    @property
    def label(self) -> str:
        return Promise(self.promise).label

    @property
    def is_open(self) -> bool:
        return self.ended_at is None
