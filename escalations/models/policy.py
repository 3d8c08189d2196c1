"""Whom a page climbs to: policies, their steps, and which policy a ticket pages by."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import SupportPlan, Team, User
from escalations.models.outside import OutsideService
from escalations.models.people import PAGING_PRIORITIES
from escalations.models.schedule import Schedule


class EscalationPolicy(models.Model):
    """Steps that a page climbs until somebody acknowledges it; running pages keep the shape they began with."""

    name = models.CharField(max_length=64, unique=True)
    active_from = models.DateTimeField(
        help_text="When the desk was switched on: customers who had been waiting before don't ring."
    )
    repeat_after_minutes = models.PositiveSmallIntegerField(
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
        help_text="From the last step to the second round, which adds the catch-all list.",
    )
    catch_all = models.ManyToManyField(
        User, blank=True, related_name="+", help_text="Paged too from the second round on, when no step has helped."
    )
    outside = models.ManyToManyField(
        OutsideService,
        blank=True,
        related_name="+",
        verbose_name="outside services",
        help_text="Handed to from the third round on, when nobody here has answered.",
    )
    is_default = models.BooleanField(
        "in use", default=False, help_text="The policy that tickets page by where no choice names another."
    )
    is_for_breaches = models.BooleanField(
        "used for SLA breaches", default=False, help_text="The policy that broken promises page by: the leads' one."
    )
    is_for_set = models.BooleanField(
        "used for SET", default=False, help_text="The policy by which the Sustained Engineering Team is paged."
    )

    class Meta:
        ordering = ("name",)
        verbose_name_plural = "escalation policies"
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="policy_one_default"),
            models.UniqueConstraint(
                fields=["is_for_breaches"], condition=Q(is_for_breaches=True), name="policy_one_for_breaches"
            ),
            models.UniqueConstraint(fields=["is_for_set"], condition=Q(is_for_set=True), name="policy_one_for_set"),
        ]

    def __str__(self) -> str:
        return self.name

    def snapshot(self) -> dict[str, Any]:
        """The policy's shape, to be kept by a page that begins now (`decide.Shape.from_snapshot` reads it)."""
        steps = self.steps.select_related("schedule", "team").prefetch_related("people", "outside")
        return {
            "policy": self.name,
            "steps": [{"delay": 60 * step.delay_minutes, "targets": step.targets()} for step in steps],
            "catch_all": [{"kind": "user", "key": user.pk, "name": user.display_name} for user in self.catch_all.all()],
            "outside": [{"kind": "outside", "key": row.pk, "name": row.name} for row in self.outside.all()],
            "repeat_after": 60 * self.repeat_after_minutes,
        }


class PolicyStep(models.Model):
    """Who is paged at one step: a schedule's person on call, a team, named people, everybody, a service outside."""

    policy = models.ForeignKey(EscalationPolicy, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField(help_text="The order of steps, from 1.")
    delay_minutes = models.PositiveSmallIntegerField(
        default=5,
        validators=[MaxValueValidator(240)],
        help_text="Minutes after the step before it; the first step fires at once.",
    )
    schedule = models.ForeignKey(Schedule, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    people = models.ManyToManyField(User, blank=True, related_name="+")
    everybody = models.BooleanField(default=False, help_text="All agents, leads and admins.")
    outside = models.ManyToManyField(OutsideService, blank=True, related_name="+", verbose_name="outside services")

    class Meta:
        ordering = ("policy", "position")
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "position"], name="step_one_per_position", deferrable=models.Deferrable.DEFERRED
            )
        ]

    def __str__(self) -> str:
        return f"Step {self.position} of {self.policy}"

    def targets(self) -> list[dict[str, Any]]:
        """The step's targets as the snapshot holds them."""
        rows: list[dict[str, Any]] = []
        if self.schedule:
            rows.append({"kind": "schedule", "key": self.schedule_id, "name": self.schedule.name})
        if self.team:
            rows.append({"kind": "team", "key": self.team_id, "name": self.team.name})
        rows += [{"kind": "user", "key": user.pk, "name": user.display_name} for user in self.people.all()]
        if self.everybody:
            rows.append({"kind": "everybody", "key": None, "name": "everybody"})
        return [*rows, *({"kind": "outside", "key": row.pk, "name": row.name} for row in self.outside.all())]


class PolicyChoice(models.Model):
    """Tickets that it fits page by its policy; the first that fits, in order of position, is asked.

    What is left empty fits everything. Without a fitting choice the policy that is in use holds.
    """

    position = models.PositiveSmallIntegerField(unique=True, help_text="Asked in this order.")
    policy = models.ForeignKey(EscalationPolicy, on_delete=models.PROTECT, related_name="choices")
    plan = models.ForeignKey(SupportPlan, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    priority = models.PositiveSmallIntegerField(choices=PAGING_PRIORITIES, null=True, blank=True)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        ordering = ("position",)

    def __str__(self) -> str:
        return f"{self.position}. {self.policy}"

    def fits(self, *, plan: int | None, priority: int, team: int | None) -> bool:
        """Whether a ticket with this plan, priority and team pages by it."""
        wanted = ((self.plan_id, plan), (self.priority, priority), (self.team_id, team))
        return all(mine is None or mine == theirs for mine, theirs in wanted)
