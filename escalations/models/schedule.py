"""Who is on call when: schedules of layered rotations, with overrides. The arithmetic is paging.rotation's."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from accounts.models import User
from escalations.querysets import OverrideQuerySet
from supportdesk.lib.fields import TimeZoneField


class Schedule(models.Model):
    """A duty that one person has at a time."""

    name = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=200, blank=True, help_text="One sentence, shown on the on-call page.")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Layer(models.Model):
    """A rotation within a schedule; where several name somebody, the highest goes first."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="layers")
    name = models.CharField(max_length=64)
    priority = models.PositiveSmallIntegerField(
        default=0, help_text="The highest layer that names somebody is on call; lower ones fill in."
    )
    days = models.PositiveSmallIntegerField(
        "length",
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(366)],
        help_text="Days of a turn: 7 is weekly.",
    )
    anchor = models.DateField("first day", help_text="The first member's turn begins on this date.")
    hand_over = models.TimeField("hand-over", default="09:00", help_text="Local time of the zone below.")
    zone = TimeZoneField("time zone", max_length=64, default="UTC", help_text="Such as Europe/Berlin.")

    class Meta:
        ordering = ("schedule", "-priority", "id")
        constraints = [
            models.CheckConstraint(condition=Q(days__gte=1), name="layer_has_length"),
            models.UniqueConstraint(fields=["schedule", "priority"], name="layer_one_per_priority"),
        ]

    def __str__(self) -> str:
        return f"{self.schedule}: {self.name}"


class LayerMember(models.Model):
    """A person's place in a rotation; somebody may stand in it twice."""

    layer = models.ForeignKey(Layer, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="rotations")
    position = models.PositiveSmallIntegerField(default=0, help_text="The order of turns, from 0.")

    class Meta:
        ordering = ("layer", "position")
        constraints = [
            models.UniqueConstraint(
                fields=["layer", "position"], name="member_one_per_position", deferrable=models.Deferrable.DEFERRED
            )
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.user}"


class Override(models.Model):
    """Somebody takes a schedule for a while, whoever's turn it is."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="overrides")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="overrides")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    why = models.CharField(max_length=120, blank=True)

    objects: ClassVar[OverrideQuerySet] = OverrideQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("starts_at",)
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="override_ends_after_its_start")
        ]
        indexes = [models.Index(fields=["ends_at"], name="override_by_end")]

    def __str__(self) -> str:
        return f"{self.user} for {self.schedule}, {self.starts_at:%Y-%m-%d %H:%M} to {self.ends_at:%Y-%m-%d %H:%M} UTC"
