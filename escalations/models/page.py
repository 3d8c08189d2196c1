"""Pages, what is sent for them, and what happened to them."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from accounts.models import User
from escalations.models.outside import OutsideService
from escalations.models.people import PAGING_PRIORITIES, ContactMethod
from escalations.models.policy import EscalationPolicy
from escalations.querysets import PageDeliveryQuerySet, PageQuerySet
from tickets.models import Priority, Ticket


class Page(models.Model):
    """Something that somebody has to look at now: it rings until it is acknowledged or its cause has gone.

    `round` and `step` say what fires at `next_action_at`; `episode` counts how often it began to ring from the start.
    """

    class Kind(models.TextChoices):
        TICKET = "ticket", "ticket"
        SLA_BREACH = "sla_breach", "SLA breach"
        SET = "set", "SET"
        BY_HAND = "by_hand", "by hand"
        TEST = "test", "test"
        CANARY = "canary", "canary"

    class State(models.TextChoices):
        RINGING = "ringing", "ringing"
        ACKNOWLEDGED = "acknowledged", "acknowledged"
        SNOOZED = "snoozed", "snoozed"
        ENDED = "ended", "ended"

    HELD = (State.ACKNOWLEDGED, State.SNOOZED)
    OPEN = (State.RINGING, *HELD)
    DERIVED = (Kind.TICKET, Kind.SLA_BREACH)
    ASKED_FOR = (Kind.SET, Kind.BY_HAND)
    PRACTICE = (Kind.TEST, Kind.CANARY)

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.TICKET)
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.PROTECT, related_name="pages")
    escalation = models.ForeignKey(
        "escalations.Escalation", null=True, on_delete=models.PROTECT, related_name="pages", help_text="Of kind SET."
    )
    policy = models.ForeignKey(EscalationPolicy, null=True, on_delete=models.PROTECT, related_name="pages")
    person = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", help_text="Tests oneself.")
    asked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True, help_text="Why somebody asked for it.")
    priority = models.PositiveSmallIntegerField(choices=PAGING_PRIORITIES)
    state = models.CharField(max_length=12, choices=State, default=State.RINGING)
    snapshot = models.JSONField(help_text="The policy's shape when the episode began.")
    episode = models.PositiveIntegerField(default=1)
    round = models.PositiveIntegerField(default=1)
    step = models.PositiveIntegerField(default=0)
    next_action_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", help_text="Or snoozed by."
    )
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_until = models.DateTimeField(null=True, help_text="Rings again then; None: it holds.")
    nobody_reached_at = models.DateTimeField(null=True, help_text="When no step reached anybody: the last resort rang.")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)

    objects: ClassVar[PageQuerySet] = PageQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.CheckConstraint(
                condition=Q(state="ringing", next_action_at__isnull=False)
                | (~Q(state="ringing") & Q(next_action_at=None)),
                name="page_acts_while_ringing",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["acknowledged", "snoozed"], acknowledged_by__isnull=False, acknowledged_at__isnull=False
                )
                | (
                    Q(state__in=["ringing", "ended"])
                    & Q(acknowledged_by=None, acknowledged_at=None, acknowledged_until=None)
                ),
                name="page_held_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state="snoozed") | Q(acknowledged_until__isnull=False), name="page_snoozed_until"
            ),
            models.CheckConstraint(
                condition=Q(state="ended", ended_at__isnull=False) | (~Q(state="ended") & Q(ended_at=None)),
                name="page_ended_at_some_time",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["ticket", "sla_breach", "set", "by_hand"], ticket__isnull=False, person=None)
                | Q(kind="test", ticket=None, person__isnull=False)
                | Q(kind="canary", ticket=None, person=None),
                name="page_has_its_subject",
            ),
            models.UniqueConstraint(
                fields=["kind", "ticket", "policy", "person"],
                condition=Q(state__in=["ringing", "acknowledged", "snoozed"]),
                nulls_distinct=False,
                name="page_one_open_per_subject",
            ),
            models.UniqueConstraint(
                fields=["escalation"],
                condition=Q(state__in=["ringing", "acknowledged", "snoozed"], escalation__isnull=False),
                name="page_one_open_per_escalation",
            ),
        ]
        indexes = [
            models.Index(fields=["next_action_at"], condition=Q(state="ringing"), name="page_due"),
            models.Index(
                fields=["acknowledged_until"],
                condition=Q(state__in=["acknowledged", "snoozed"]),
                name="page_hold_expires",
            ),
            models.Index(fields=["ticket", "-id"], name="page_of_ticket"),
        ]

    def __str__(self) -> str:
        return f"Page {self.pk} for {self.subject}"

    def get_absolute_url(self) -> str:
        return reverse("page_detail", args=[self.pk])

    @property
    def is_ringing(self) -> bool:
        return self.state == self.State.RINGING

    @property
    def is_acknowledged(self) -> bool:
        return self.state == self.State.ACKNOWLEDGED

    @property
    def is_snoozed(self) -> bool:
        return self.state == self.State.SNOOZED

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def is_breach(self) -> bool:
        """Whether it is about a broken promise, and so the leads' rather than whoever works on the ticket's."""
        return self.kind == self.Kind.SLA_BREACH

    @property
    def is_asked_for(self) -> bool:
        """Whether somebody asked for it, and says when it is done; others follow from tickets, clocks and records."""
        return self.kind in self.ASKED_FOR and self.escalation_id is None

    @property
    def record_reference(self) -> str:
        """Of the engineering escalation that it follows from: `SET-12`, or empty."""
        return f"SET-{self.escalation_id}" if self.escalation_id else ""

    @property
    def subject(self) -> str:
        """What it is about: `#4711`, or the kind."""
        return f"#{self.ticket_id}" if self.ticket_id else self.get_kind_display()

    @property
    def urgency(self) -> str:
        return Priority(self.priority).label

    @property
    def where(self) -> str:
        """How far it has climbed: "step 1 of 3", "everybody, round 3"; empty before anything has rung."""
        steps = len(self.snapshot.get("steps", ()))
        fired_round = self.round if self.step else self.round - 1
        if fired_round < 1:
            return ""
        where = f"step {self.step or steps} of {steps}" if steps and fired_round < 3 else "everybody"
        return f"{where}, round {fired_round}" if fired_round > 1 else where

    @property
    def public_address(self) -> str:
        """Where to acknowledge it, for messages; always of the configured site (S078)."""
        return f"{settings.SITE_URL}{self.get_absolute_url()}"


class PageDelivery(models.Model):
    """The outbox: one message to one person by one contact, or to one service outside, made before anything is sent.

    An unknown one is repeated at its `retry_at`; without one it was repeated, or is no longer wanted, and stays so.
    `due_at` and `accepted_at` are the desk's time; leases and retries are the database's own (see docs/paging.md).
    """

    class Purpose(models.TextChoices):
        PAGE = "page", "page"
        TAKEN = "taken", "taken by somebody"
        ACKNOWLEDGED = "acked", "acknowledged here"
        RESOLVED = "resolved", "over"

    class State(models.TextChoices):
        PENDING = "pending", "pending"
        SENDING = "sending", "sending"
        ACCEPTED = "accepted", "accepted"
        DELIVERED = "delivered", "delivered"
        FAILED = "failed", "failed"
        UNKNOWN = "unknown", "unknown"
        CANCELLED = "cancelled", "cancelled"

    ARRIVED = (State.ACCEPTED, State.DELIVERED)

    page = models.ForeignKey(Page, on_delete=models.PROTECT, related_name="deliveries")
    purpose = models.CharField(max_length=8, choices=Purpose, default=Purpose.PAGE)
    episode = models.PositiveIntegerField()
    round = models.PositiveIntegerField()
    step = models.PositiveIntegerField()
    person = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey(
        ContactMethod, null=True, on_delete=models.PROTECT, help_text="None is the account's own e-mail address."
    )
    outside = models.ForeignKey(OutsideService, null=True, on_delete=models.PROTECT, related_name="+")
    delay = models.PositiveIntegerField(default=0, help_text="Which of the person's rules for this contact: its delay.")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    due_at = models.DateTimeField()
    attempt = models.PositiveSmallIntegerField(default=0)
    is_repeat = models.BooleanField(default=False, help_text="Sent again because it is unknown whether it arrived.")
    retry_at = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True, help_text="The last look at the page, right before the provider call.")
    accepted_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True, help_text="When the provider says that it arrived.")
    message = models.UUIDField(null=True, help_text="What it went out in, perhaps together with others.")
    reply_code = models.CharField(max_length=4, blank=True, help_text="By which the message can be answered.")
    provider_id = models.CharField(max_length=255, blank=True)
    error = models.CharField(max_length=300, blank=True)

    objects: ClassVar[PageDeliveryQuerySet] = PageDeliveryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "page deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["page", "purpose", "episode", "round", "step", "person", "contact", "outside", "delay"],
                nulls_distinct=False,
                name="delivery_once",
            ),
            models.CheckConstraint(
                condition=Q(state="sending", lease_token__isnull=False, lease_until__isnull=False)
                | (~Q(state="sending") & Q(lease_token=None, lease_until=None)),
                name="delivery_leased_while_sending",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["accepted", "delivered"]) | Q(accepted_at__isnull=False),
                name="delivery_accepted_at_some_time",
            ),
            models.CheckConstraint(
                condition=Q(person__isnull=False, outside=None) | Q(person=None, contact=None, outside__isnull=False),
                name="delivery_to_a_person_or_outside",
            ),
            models.CheckConstraint(condition=Q(episode__gte=1, round__gte=1), name="delivery_counts_from_one"),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(state="pending") | Q(state="unknown", retry_at__isnull=False),
                name="delivery_due",
            ),
            models.Index(fields=["lease_until"], condition=Q(state="sending"), name="delivery_lease"),
            models.Index(fields=["lease_token"], condition=Q(state="sending"), name="delivery_token"),
            models.Index(fields=["message"], condition=Q(message__isnull=False), name="delivery_message"),
            models.Index(fields=["accepted_at"], condition=Q(purpose="page"), name="delivery_accepted"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.page_id} to {self.name}: {self.state}"

    @property
    def name(self) -> str:
        """Who or what it goes to."""
        return self.person.display_name if self.person else str(self.outside)

    @property
    def method(self) -> str:
        """The contact's kind in words."""
        kinds = OutsideService.Kind if self.outside_id else ContactMethod.Kind
        return str(kinds(self.kind).label)

    @property
    def kind(self) -> str:
        """Which channel it goes by."""
        if self.outside:
            return self.outside.kind
        return self.contact.kind if self.contact else ContactMethod.Kind.EMAIL.value

    @property
    def address(self) -> str:
        if self.outside:
            return self.outside.address
        return self.contact.value if self.contact else self.person.email if self.person else ""


class Gathering(models.Model):
    """A contact was paged just now: what follows for it, of the same kind, is gathered into one message until then."""

    contact = models.ForeignKey(ContactMethod, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=Page.Kind)
    until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact", "kind"], name="gathering_one_per_kind")]

    def __str__(self) -> str:
        return f"{self.contact}: {self.kind} until {self.until:%H:%M:%S}"


class PageEvent(models.Model):
    """What happened to a page: append-only; `actor` None is the engine."""

    class Kind(models.TextChoices):
        BEGAN = "began", "began"
        PAGED = "paged", "paged"
        STEP_EMPTY = "step_empty", "reached nobody"
        LAST_RESORT = "last_resort", "rang the last resort"
        HANDED_OUTSIDE = "handed_outside", "handed outside"
        SENT = "sent", "sent"
        DELIVERED = "delivered", "delivered"
        UNDELIVERED = "undelivered", "did not arrive"
        FAILED = "failed", "failed"
        UNKNOWN = "unknown", "outcome unknown"
        CONTACT_DISABLED = "contact_disabled", "contact disabled"
        ACKNOWLEDGED = "acknowledged", "acknowledged"
        EXPIRED = "expired", "acknowledgement expired"
        ESCALATED = "escalated", "escalated"
        HANDED_OVER = "handed_over", "handed over"
        SNOOZED = "snoozed", "snoozed"
        PRIORITY_CHANGED = "priority_changed", "priority changed"
        ENDED = "ended", "ended"

    page = models.ForeignKey(Page, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind)
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ("at", "id")
        indexes = [models.Index(fields=["page", "at", "id"], name="page_event_of_page")]

    def __str__(self) -> str:
        return f"{self.kind} on page {self.page_id}"
