"""What the customers of an escalation are owed and were told: one text, one row a ticket, one message each."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import User
from escalations.engineering.querysets import NoticeQuerySet
from escalations.engineering.steps import RULES, Stage, Step
from escalations.models.escalation import Escalation, EscalationLink
from tickets.models import Message


class CustomerUpdate(models.Model):
    """What a step owes its customers: a text in their words with variables, to be sent by somebody.

    `failed` where it takes back what a later step had said. Dropped when it was replaced before anybody sent it.
    """

    class State(models.TextChoices):
        OWED = "owed", "owed"
        SENT = "sent", "sent"
        DROPPED = "dropped", "dropped"

    escalation = models.ForeignKey(Escalation, on_delete=models.PROTECT, related_name="updates")
    step = models.CharField(max_length=20, choices=[(step.value, rule.label) for step, rule in RULES.items()])
    failed = models.BooleanField(default=False)
    text = models.TextField()
    state = models.CharField(max_length=8, choices=State, default=State.OWED)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    sent_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["escalation"], condition=Q(state="owed"), name="escalation_owes_one_update"
            ),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False, sent_by__isnull=False) | ~Q(state="sent"),
                name="update_sent_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"Update {self.pk} of {self.escalation_id}"

    @property
    def at_step(self) -> Step:
        return Step(self.step)

    @property
    def stage(self) -> Stage | None:
        """What the customer's timeline shows once it was told."""
        return RULES[self.at_step].stage


class CustomerNotice(models.Model):
    """One ticket's part of an update. Intent first: it waits here until the message exists, and is done once.

    `owed`: not sent yet; `held`: kept back with a reason, in a queue until somebody tells it or says why never;
    `dismissed`: not to be told, with that reason (in `held_why` and `held_by`, as a hold's); `due`: to be brought into
    the ticket now; `sent`: its message is there; `dropped`: no longer to be told, because the record went on.
    """

    class State(models.TextChoices):
        OWED = "owed", "owed"
        HELD = "held", "held back"
        DISMISSED = "dismissed", "not to be told"
        DUE = "due", "being told"
        SENT = "sent", "told"
        DROPPED = "dropped", "dropped"

    update_of = models.ForeignKey(CustomerUpdate, on_delete=models.PROTECT, related_name="notices")
    link = models.ForeignKey(EscalationLink, on_delete=models.PROTECT, related_name="notices")
    state = models.CharField(max_length=10, choices=State, default=State.OWED)
    own_text = models.TextField(blank=True, help_text="In place of the update's text, for this ticket.")
    held_why = models.CharField(max_length=300, blank=True)
    held_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    told_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    message = models.OneToOneField(Message, null=True, on_delete=models.PROTECT, related_name="notice")
    sent_at = models.DateTimeField(null=True)
    gives_back = models.BooleanField(default=False, help_text="The ticket is still to be given back to its agent.")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, help_text="While there is something to be done: not before.")
    last_error = models.CharField(max_length=300, blank=True)

    objects: ClassVar[NoticeQuerySet] = NoticeQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["update_of", "link"], name="notice_once_per_ticket"),
            models.CheckConstraint(
                condition=Q(state="sent", message__isnull=False, sent_at__isnull=False) | ~Q(state="sent"),
                name="notice_sent_with_message",
            ),
            models.CheckConstraint(condition=~Q(state="held") | ~Q(held_why=""), name="notice_held_for_a_reason"),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at", "id"], condition=~Q(next_attempt_at=None), name="notice_to_do"),
            models.Index(fields=["link"], condition=Q(state="held"), name="notice_held"),
            models.Index(fields=["id"], condition=Q(state__in=["owed", "held", "due"]), name="notice_untold"),
        ]

    def __str__(self) -> str:
        return f"Notice {self.pk}"

    @property
    def key(self) -> str:
        """Of its message: sending twice is once."""
        return f"escalation-notice-{self.pk}"
