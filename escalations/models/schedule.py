"""Who is on call when: schedules of layered rotations, with overrides and leave. The arithmetic is paging.rotation's.

What people read (calendars, feeds, reminders, gaps) is materialised from it as `Shift` and `CoverageGap`; whom a page
rings is always computed from the rows above them.
"""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from accounts.models import User
from escalations.querysets import (
    CoverageGapQuerySet,
    LeaveQuerySet,
    OverrideQuerySet,
    ScheduleQuerySet,
    ShiftQuerySet,
    SwapRequestQuerySet,
)
from supportdesk.lib.fields import TimeZoneField


class Schedule(models.Model):
    """A duty that one person has at a time."""

    name = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=200, blank=True, help_text="One sentence, shown on the on-call page.")
    gaps_accepted_at = models.DateTimeField(
        null=True, editable=False, help_text="When somebody confirmed the hours that its layers leave to nobody."
    )
    gaps_accepted_by = models.ForeignKey(User, null=True, editable=False, on_delete=models.PROTECT, related_name="+")
    gaps_accepted_why = models.CharField(max_length=300, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects: ClassVar[ScheduleQuerySet] = ScheduleQuerySet.as_manager()  # type: ignore[assignment]

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


class LayerWindow(models.Model):
    """Hours of the layer's zone in which it names somebody; a layer without windows always does.

    It begins at `starts` on each of `weekdays` (ISO: 1 is Monday), and ends at `ends`, `ends_after_days` days later: 0
    is the same day, 1 over midnight, 3 from Friday to Monday.
    """

    layer = models.ForeignKey(Layer, on_delete=models.CASCADE, related_name="windows")
    weekdays = models.CharField(max_length=7, default="1234567", help_text="Such as 12345 for Monday to Friday.")
    starts = models.TimeField()
    ends = models.TimeField()
    ends_after_days = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(6)])

    class Meta:
        ordering = ("layer", "id")
        constraints = [
            models.CheckConstraint(
                condition=Q(weekdays__regex=r"^1?2?3?4?5?6?7?$") & ~Q(weekdays=""), name="window_has_days"
            ),
            models.CheckConstraint(
                condition=Q(ends_after_days__range=(1, 6)) | Q(ends_after_days=0, ends__gt=F("starts")),
                name="window_ends_after_its_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.layer}, {self.weekdays} {self.starts:%H:%M} to {self.ends:%H:%M}"


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
    created_by = models.ForeignKey(
        User, null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )

    objects: ClassVar[OverrideQuerySet] = OverrideQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("starts_at",)
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="override_ends_after_its_start")
        ]
        indexes = [models.Index(fields=["ends_at"], name="override_by_end")]

    def __str__(self) -> str:
        return f"{self.user} for {self.schedule}, {self.starts_at:%Y-%m-%d %H:%M} to {self.ends_at:%Y-%m-%d %H:%M} UTC"


class Leave(models.Model):
    """Somebody is away: they take no turn in any schedule, and the layer below shows through."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="leaves")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    why = models.CharField(max_length=120, blank=True)

    objects: ClassVar[LeaveQuerySet] = LeaveQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("starts_at",)
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="leave_ends_after_its_start")
        ]
        indexes = [models.Index(fields=["ends_at"], name="leave_by_end")]

    def __str__(self) -> str:
        return f"{self.user} away, {self.starts_at:%Y-%m-%d %H:%M} to {self.ends_at:%Y-%m-%d %H:%M} UTC"


class SwapRequest(models.Model):
    """Somebody asks a colleague to take hours of theirs, perhaps against hours of the colleague's.

    Once accepted it is overrides.
    """

    class State(models.TextChoices):
        ASKED = "asked", "asked"
        ACCEPTED = "accepted", "accepted"
        DECLINED = "declined", "declined"
        WITHDRAWN = "withdrawn", "withdrawn"

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="swaps")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="swaps_asked")
    asked_of = models.ForeignKey(User, on_delete=models.PROTECT, related_name="swaps_to_answer")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    back_starts_at = models.DateTimeField(null=True, blank=True, help_text="Hours taken in return, if any.")
    back_ends_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.ASKED)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    objects: ClassVar[SwapRequestQuerySet] = SwapRequestQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-asked_at", "-id")
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="swap_ends_after_its_start"),
            models.CheckConstraint(condition=~Q(asked_by=F("asked_of")), name="swap_between_two"),
            models.CheckConstraint(
                condition=Q(back_starts_at=None, back_ends_at=None) | Q(back_ends_at__gt=F("back_starts_at")),
                name="swap_back_ends_after_its_start",
            ),
            models.CheckConstraint(
                condition=Q(state="asked", answered_at=None) | (~Q(state="asked") & Q(answered_at__isnull=False)),
                name="swap_answered_at_some_time",
            ),
        ]
        indexes = [models.Index(fields=["asked_of"], condition=Q(state="asked"), name="swap_to_answer")]

    def __str__(self) -> str:
        return f"{self.asked_by} asks {self.asked_of} for {self.schedule}"

    @property
    def people(self) -> tuple[User, User]:
        """Between whom it is."""
        return self.asked_by, self.asked_of


class Shift(models.Model):
    """Somebody has a schedule from one instant to another: materialised, 180 days ahead; the past stays as it was."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="shifts")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="shifts")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    is_override = models.BooleanField(default=False)

    objects: ClassVar[ShiftQuerySet] = ShiftQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("starts_at", "id")
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="shift_ends_after_its_start"),
            models.UniqueConstraint(fields=["schedule", "starts_at"], name="shift_one_at_a_time"),
        ]
        indexes = [
            models.Index(fields=["schedule", "ends_at"], name="shift_of_schedule"),
            models.Index(fields=["person", "ends_at"], name="shift_of_person"),
        ]

    def __str__(self) -> str:
        return (
            f"{self.person} for {self.schedule}, {self.starts_at:%Y-%m-%d %H:%M} to {self.ends_at:%Y-%m-%d %H:%M} UTC"
        )


class CoverageGap(models.Model):
    """Hours ahead in which a page would reach nobody by this schedule; rewritten together with its shifts.

    `planned` ones, which the layers leave to nobody, are confirmed on the schedule; the others never are.
    """

    class Why(models.TextChoices):
        PLANNED = "planned", "no layer names anybody"
        ABSENT = "absent", "whoever's turn it is is away"
        UNREACHABLE = "unreachable", "fewer than two verified contacts"

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="gaps")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    why = models.CharField(max_length=12, choices=Why)
    person = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects: ClassVar[CoverageGapQuerySet] = CoverageGapQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("starts_at", "id")
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="gap_ends_after_its_start"),
            models.CheckConstraint(
                condition=Q(why="unreachable", person__isnull=False) | (~Q(why="unreachable") & Q(person=None)),
                name="gap_of_a_person_if_unreachable",
            ),
        ]
        indexes = [models.Index(fields=["schedule", "starts_at"], name="gap_of_schedule")]

    def __str__(self) -> str:
        return f"{self.schedule}: {self.get_why_display()}, {self.starts_at:%Y-%m-%d %H:%M} UTC"


class ShiftReminder(models.Model):
    """Somebody was told of a shift: once a kind, however often the shifts are rewritten."""

    class Kind(models.TextChoices):
        REACHABLE = "reachable", "check of reachability, 14 days ahead"
        DAY = "day", "24 hours ahead"
        SOON = "soon", "15 minutes ahead"

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=Kind)
    sent_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["schedule", "person", "starts_at", "kind"], name="reminder_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.person}"


class CalendarFeed(models.Model):
    """An address at which a calendar program reads shifts: a person's own, or a schedule's. Kept as a hash only."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="calendar_feeds")
    schedule = models.ForeignKey(
        Schedule, null=True, on_delete=models.CASCADE, related_name="feeds", help_text="None: the owner's own shifts."
    )
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField()
    last_read_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-created_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "schedule"],
                condition=Q(revoked_at=None),
                nulls_distinct=False,
                name="feed_one_per_owner",
            )
        ]

    def __str__(self) -> str:
        return f"{self.owner}: {self.schedule or 'own shifts'}"
