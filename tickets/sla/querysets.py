"""Which policies and clocks there are, what the sweep looks for, and what reports count, as QuerySet vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django.db import models
from django.db.models import (
    Avg,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    FloatField,
    Func,
    OuterRef,
    Q,
    Subquery,
    Value,
)

from accounts.models import Organization, SupportPlan, User
from tickets.sla.promises import Promise

if TYPE_CHECKING:
    from tickets.models import SlaClock, SlaPolicy, Ticket  # noqa: F401 - the querysets' parameters


Rows = models.QuerySet[Any, dict[str, Any]]
"""Figures by what they are grouped by."""


class SlaPolicyQuerySet(models.QuerySet["SlaPolicy"]):
    def of(self, plan: SupportPlan | None, organization: Organization | None) -> SlaPolicyQuerySet:
        """The policy that counts for an organisation (or, without one, for a plan) first, then the plan's."""
        wanted = Q(plan=plan) if plan is not None else Q(pk=None)
        if organization is not None:
            wanted |= Q(organization=organization)
        return self.filter(wanted).order_by(F("organization").asc(nulls_last=True))

    def covering(self, plans: Sequence[int], organizations: Sequence[int]) -> SlaPolicyQuerySet:
        """The policies of several plans and organisations (keys)."""
        return self.filter(Q(plan__in=plans) | Q(organization__in=organizations))

    def with_content(self) -> SlaPolicyQuerySet:
        return self.select_related("current__calendar__current")


class SlaClockQuerySet(models.QuerySet["SlaClock"]):
    def visible_to(self, user: User) -> SlaClockQuerySet:
        """The clocks of visible tickets."""
        from tickets.models import Ticket

        return self.filter(ticket__in=Ticket.objects.visible_to(user).values("pk"))

    def of(self, tickets: Iterable[Ticket]) -> SlaClockQuerySet:
        """Those of tickets that somebody has been found to see."""
        return self.filter(ticket__in=[ticket.pk for ticket in tickets])

    def open(self) -> SlaClockQuerySet:
        return self.filter(ended_at=None)

    def running(self) -> SlaClockQuerySet:
        return self.filter(ended_at=None, running_since__isnull=False)

    def with_terms(self) -> SlaClockQuerySet:
        return self.select_related("terms")

    def to_act_on(self, now: datetime) -> SlaClockQuerySet:
        """Those that the sweep has something to do for: found by the partial index `clock_to_act_on`."""
        return self.filter(next_action_at__lt=now)

    def by_ticket(self) -> dict[int, list[SlaClock]]:
        """The rows themselves, by the ticket (its key) that they are of."""
        found: dict[int, list[SlaClock]] = {}
        for clock in self:
            found.setdefault(clock.ticket_id, []).append(clock)
        return found

    # --- What reports and exports ask --------------------------------------------------------------------------

    def of_promise(self, promise: Promise) -> SlaClockQuerySet:
        return self.filter(promise=promise)

    def settled_between(self, start: datetime, end: datetime) -> SlaClockQuerySet:
        """Those that were met, ended or broke from `start` up to, not including, `end`."""
        return self.filter(Q(ended_at__gte=start, ended_at__lt=end) | Q(breached_at__gte=start, breached_at__lt=end))

    def attained(self) -> SlaClockQuerySet:
        """Met before the promise broke."""
        return self.filter(met_at__isnull=False, breached_at=None)

    def broken(self) -> SlaClockQuerySet:
        return self.filter(breached_at__isnull=False)

    def promised(self) -> SlaClockQuerySet:
        """Those that ended, or stand, with a target."""
        from tickets.models import PromiseTarget

        target = PromiseTarget.objects.filter(
            version=OuterRef("terms__policy_version"), priority=OuterRef("priority"), promise=OuterRef("promise")
        )
        return self.annotate(minutes=Subquery(target.values("minutes")[:1])).filter(minutes__isnull=False)

    def with_reply_time(self) -> SlaClockQuerySet:
        """`reply_time`: from the clock's start to the reply, around the clock; only those that were met by a reply.

        What an agent said while opening a ticket for a customer counts as met, but not as a time.
        """
        taken = ExpressionWrapper(F("met_at") - F("started_at"), output_field=DurationField())
        return self.filter(met_at__gt=F("started_at")).annotate(reply_time=taken)

    def reply_times(self, by: Sequence[str] = ()) -> Rows:
        """Number, mean and median (seconds) of reply times; `by` groups, such as ("terms__plan__name", "priority")."""
        seconds = Func(F("reply_time"), function="EXTRACT", template="EXTRACT(EPOCH FROM %(expressions)s)")
        rows = self.with_reply_time().annotate(seconds=ExpressionWrapper(seconds, output_field=FloatField()))
        return cast(
            Rows, _grouped(rows, by).annotate(replies=Count("pk"), mean=Avg("seconds"), median=Median("seconds"))
        )

    def attainment(self, by: Sequence[str] = ("terms__plan__name", "priority")) -> Rows:
        """How many promises were kept and how many broke, by plan and priority (or what `by` names).

        Kept is met in time; broken is over its deadline, met since or not. What ended without either (solved without
        a reply) counts for neither. Attainment is kept / (kept + broken).
        """
        kept = Count("pk", filter=Q(met_at__isnull=False, breached_at=None))
        broken = Count("pk", filter=Q(breached_at__isnull=False))
        return cast(Rows, _grouped(self.promised(), by).annotate(kept=kept, broken=broken))


def _grouped(rows: SlaClockQuerySet, by: Sequence[str]) -> Rows:
    """One row for each value of `by`, in their order; a single one, of all, where there is nothing to tell apart."""
    if not by:
        rows, by = rows.annotate(all=Value(True)), ("all",)
    return cast(Rows, rows.order_by(*by).values(*by))


class Median(models.Aggregate):
    """The middle value, in between where there are two."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()
