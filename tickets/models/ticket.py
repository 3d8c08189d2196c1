"""The ticket: one request of one customer, from New to Closed."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.models import Organization, Team, User
from tickets.querysets import NEXT_DUE, TRIAGE_RANK, TRIAGE_WAIT, TicketQuerySet
from tickets.states import LABELS, UNFINISHED, Status, as_seen_by_customer


class Priority(models.IntegerChoices):
    """The four levels, most pressing first; a ticket by mail has none until its sender says."""

    URGENT = 1, "Urgent"
    HIGH = 2, "High"
    NORMAL = 3, "Normal"
    LOW = 4, "Low"

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_UNFINISHED = [status.value for status in UNFINISHED]
_MEANINGS = {
    Priority.URGENT: "Production is down or unusable for many users; no workaround; data loss; spreading fast",
    Priority.HIGH: "Production severely degraded or an important function is gone for some users; spreading",
    Priority.NORMAL: "Partial, non-critical loss in production; few users; stable",
    Priority.LOW: "Non-production, question, documentation, feature request",
}


class Channel(models.TextChoices):
    """The door that a ticket or a message came through."""

    PORTAL = "portal", "portal"
    EMAIL = "email", "e-mail"
    AGENT = "agent", "agent"
    API = "api", "API"
    IMPORT = "import", "import"


class Ticket(models.Model):
    """One request. Its number is its primary key; its description is its first message.

    Columns that end in `_due_at` are deadlines that sweeps look for; `waiting_since` and `raised_at` say what a
    customer still waits for and are what paging is derived from.
    """

    organization = models.ForeignKey(Organization, null=True, on_delete=models.PROTECT, related_name="tickets")
    requester = models.ForeignKey(User, on_delete=models.PROTECT, related_name="requests")
    subject = models.CharField(max_length=200)
    priority = models.PositiveSmallIntegerField(choices=Priority, null=True, blank=True)
    category = models.ForeignKey("tickets.Category", null=True, on_delete=models.PROTECT, related_name="+")
    environment = models.ForeignKey("tickets.Environment", null=True, on_delete=models.PROTECT, related_name="+")
    product_version = models.CharField(max_length=40, blank=True)
    mobile_version = models.CharField(max_length=40, blank=True)
    mobile_device = models.ForeignKey(
        "tickets.MobileDevice", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    status = models.CharField(
        max_length=10, choices=[(status.value, label) for status, label in LABELS.items()], default=Status.NEW.value
    )
    hold_reason = models.CharField(max_length=200, blank=True)
    escalated_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when an engineering escalation of it is active."
    )
    assignee = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="assigned")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="tickets")
    region = models.ForeignKey(
        "accounts.Region", null=True, blank=True, on_delete=models.PROTECT, help_text="Was on shift when it came."
    )
    do_not_close = models.BooleanField(default=False)
    channel = models.CharField(max_length=10, choices=Channel)
    opened_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    follow_up_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="follow_ups")
    submission_key = models.CharField(
        max_length=64, blank=True, help_text="The form's nonce: submitting twice is once."
    )

    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(help_text="Of anything.")
    public_updated_at = models.DateTimeField(help_text="Of anything that the customer can see.")
    status_changed_at = models.DateTimeField()
    first_replied_at = models.DateTimeField(null=True, blank=True)
    last_replied_at = models.DateTimeField(null=True, blank=True, help_text="The last public reply of the staff.")
    waiting_since = models.DateTimeField(
        null=True, blank=True, help_text="The customer's oldest message that no public reply has answered."
    )
    raised_at = models.DateTimeField(
        null=True, blank=True, help_text="Raised to Urgent or High since the last public reply."
    )
    close_due_at = models.DateTimeField(null=True, blank=True)
    pending_due_at = models.DateTimeField(null=True, blank=True, help_text="The next reminder, or solving.")
    reminders_sent = models.PositiveSmallIntegerField(default=0)
    next_due_at = models.DateTimeField(
        null=True, blank=True, help_text="The earliest deadline of its running clocks, which write it."
    )

    objects: ClassVar[TicketQuerySet] = TicketQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[status.value for status in Status]), name="ticket_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(priority=None) | Q(priority__in=Priority.values), name="ticket_priority_is_known"
            ),
            models.CheckConstraint(condition=~Q(subject=""), name="ticket_has_subject"),
            models.CheckConstraint(
                condition=Q(close_due_at=None) | Q(status=Status.SOLVED.value), name="ticket_closes_from_solved"
            ),
            models.CheckConstraint(
                condition=Q(pending_due_at=None) | Q(status=Status.PENDING.value),
                name="ticket_pending_due_while_pending",
            ),
            models.CheckConstraint(condition=~Q(follow_up_of=F("id")), name="ticket_follows_another"),
            models.UniqueConstraint(
                fields=["opened_by", "submission_key"], condition=~Q(submission_key=""), name="ticket_submitted_once"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-public_updated_at", "-id"], name="ticket_of_organization"),
            models.Index(fields=["requester", "-public_updated_at", "-id"], name="ticket_of_requester"),
            # The queue's orders, each for what is unfinished (little) and for all (much).
            models.Index(
                TRIAGE_RANK, TRIAGE_WAIT, "id", condition=Q(status__in=_UNFINISHED), name="ticket_unfinished_triage"
            ),
            models.Index(
                fields=["created_at", "id"], condition=Q(status__in=_UNFINISHED), name="ticket_unfinished_by_creation"
            ),
            models.Index(
                fields=["updated_at", "id"], condition=Q(status__in=_UNFINISHED), name="ticket_unfinished_by_update"
            ),
            models.Index(NEXT_DUE, "id", condition=Q(status__in=_UNFINISHED), name="ticket_unfinished_by_due"),
            models.Index(TRIAGE_RANK, TRIAGE_WAIT, "id", name="ticket_by_triage"),
            models.Index(NEXT_DUE, "id", name="ticket_by_due"),
            models.Index(fields=["created_at", "id"], name="ticket_by_creation"),
            models.Index(fields=["-updated_at", "-id"], name="ticket_by_update"),
            models.Index(fields=["status", "-updated_at", "-id"], name="ticket_by_status"),
            models.Index(fields=["assignee", "status"], condition=Q(status__in=_UNFINISHED), name="ticket_of_assignee"),
            models.Index(
                fields=["close_due_at"],
                condition=~Q(close_due_at=None) & Q(do_not_close=False),
                name="ticket_close_due",
            ),
            models.Index(
                fields=["pending_due_at"],
                condition=~Q(pending_due_at=None) & Q(do_not_close=False),
                name="ticket_pending_due",
            ),
            models.Index(
                fields=["id"],
                condition=Q(status__in=[Status.NEW.value, Status.OPEN.value], priority__lte=2)
                & (~Q(waiting_since=None) | ~Q(raised_at=None)),
                name="ticket_may_page",
            ),
            models.Index(
                fields=["created_at"],
                condition=Q(status__in=[Status.NEW.value, Status.OPEN.value], priority=None) & ~Q(waiting_since=None),
                name="ticket_unset_may_page",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number} {self.subject}"

    def get_absolute_url(self) -> str:
        """Where its customer reads it."""
        from django.urls import reverse

        return reverse("request_detail", args=[self.number])

    @property
    def number(self) -> int:
        return self.pk

    @property
    def state(self) -> Status:
        return Status(self.status)

    @property
    def state_for_customer(self) -> Status:
        return as_seen_by_customer(self.state)

    @property
    def is_escalated(self) -> bool:
        """Whether an engineering escalation of it is active; while it is, On-hold is left by the escalation alone."""
        return self.escalated_at is not None

    @property
    def is_unfinished(self) -> bool:
        return self.state in UNFINISHED

    @property
    def is_closed(self) -> bool:
        return self.state is Status.CLOSED

    @property
    def is_answered(self) -> bool:
        """Whether anybody on the staff has ever replied publicly."""
        return self.first_replied_at is not None

    @property
    def satisfaction(self) -> str:
        """`good`, `bad`, or empty where its requester hasn't said; a query unless its survey was loaded with it."""
        survey = getattr(self, "survey", None)
        return survey.rating if survey else ""

    @property
    def desk_url(self) -> str:
        from django.urls import reverse

        return reverse("ticket_workspace", args=[self.number])

    @property
    def public_address(self) -> str:
        """The request's full address, for mails; always of the configured site (S078)."""
        return f"{settings.SITE_URL}{self.get_absolute_url()}"
