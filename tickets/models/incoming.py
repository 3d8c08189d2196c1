"""Mail that came in: the raw message is kept first, and what became of it is told by the row, for ever."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.models import User
from supportdesk.lib.fields import RandomlyNamedFileField, SealedTextField, WebAddressField
from tickets.models.message import Message
from tickets.models.ticket import Ticket
from tickets.querysets import BlockedSenderQuerySet, IncomingMailQuerySet


class MailState(models.TextChoices):
    """What a message that came in is, or became."""

    WAITING = "waiting", "to be read"
    TICKET = "ticket", "new request"
    REPLY = "reply", "reply"
    HELD = "held", "held"
    REDIRECTED = "redirected", "pointed to the portal"
    QUARANTINED = "quarantined", "quarantined"
    BOUNCE = "bounce", "bounce"


class MailReason(models.TextChoices):
    """Why a message became what it became."""

    NEW_REQUEST = "new_request", "opened a request"
    FOLLOW_UP = "follow_up", "answered a Closed request, which opened a follow-up"
    REPLY_ADDRESS = "reply_address", "sent to its reader's own reply address"
    THREAD = "thread", "answered a mail of the conversation"
    BY_STAFF = "by_staff", "sorted by hand"
    NOT_PARTICIPANT = "not_participant", "its sender is not on the request"
    TOO_MANY = "too_many", "too many from one sender within an hour"
    AUTOMATIC = "automatic", "an automatic answer to nothing we know"
    REFUSED = "refused", "the request can't take it"
    NO_MAIL_PLAN = "no_mail_plan", "the plan opens no requests by e-mail"
    UNVERIFIED = "unverified", "the sender could not be verified"
    FORGED_STAFF = "forged_staff", "claims to come from the staff"
    OWN_MAIL = "own_mail", "comes from our own address"
    BLOCKED = "blocked", "the sender is blocked"
    NO_SENDER = "no_sender", "names no sender"
    UNREADABLE = "unreadable", "could not be read"
    NOT_DELIVERED = "not_delivered", "tells that a mail was not delivered"
    COMPLAINT = "complaint", "tells that a mail was taken for spam"


class IncomingMail(models.Model):
    """One raw message, stored before anybody is told that it was taken.

    `digest` is of what its author wrote, not of what servers on its way added: the same message through two doors is
    one row. `verdict` is what our own last hop found out about the sender. `next_attempt_at` is set exactly while it
    waits to be read. A member of staff who has dealt with it is `settled_by`.
    """

    class Door(models.TextChoices):
        SMTP = "smtp", "SMTP"
        WEBHOOK = "webhook", "webhook"
        IMAP = "imap", "IMAP"

    digest = models.CharField(max_length=64, unique=True)
    file = RandomlyNamedFileField(max_length=100)
    size = models.PositiveBigIntegerField()
    door = models.CharField(max_length=8, choices=Door)
    envelope_from = models.CharField(max_length=320, blank=True)
    envelope_to = ArrayField(models.CharField(max_length=320), default=list, blank=True)
    verdict = models.CharField(max_length=500, blank=True)
    received_at = models.DateTimeField()

    state = models.CharField(max_length=12, choices=MailState, default=MailState.WAITING)
    reason = models.CharField(max_length=20, choices=MailReason, blank=True)
    explanation = models.CharField(max_length=300, blank=True, help_text="More about the reason, for the staff.")
    remarks = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    sender = models.CharField(max_length=320, blank=True)
    sender_name = models.CharField(max_length=200, blank=True)
    is_verified = models.BooleanField(default=False)
    is_automatic = models.BooleanField(default=False)
    subject = models.CharField(max_length=255, blank=True)
    excerpt = models.CharField(max_length=300, blank=True)
    internet_id = models.CharField(max_length=255, blank=True, help_text="Its own Message-ID.")
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.PROTECT, related_name="incoming")
    message = models.OneToOneField(Message, null=True, on_delete=models.PROTECT, related_name="original")
    read_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    settled_at = models.DateTimeField(null=True)

    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(
        null=True, help_text="By the database's clock: who reads it has it until then."
    )
    last_error = models.CharField(max_length=300, blank=True)

    objects: ClassVar[IncomingMailQuerySet] = IncomingMailQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "incoming mail"
        verbose_name_plural = "incoming mail"
        constraints = [
            models.CheckConstraint(
                condition=Q(state="waiting", next_attempt_at__isnull=False)
                | (~Q(state="waiting") & Q(next_attempt_at=None)),
                name="incoming_due_while_waiting",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["ticket", "reply"]) | Q(ticket__isnull=False, message__isnull=False),
                name="incoming_became_a_message",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="waiting"), name="incoming_due"),
            models.Index(
                fields=["-id"],
                condition=Q(state__in=["held", "quarantined"], settled_at=None),
                name="incoming_unsettled",
            ),
            models.Index(fields=["state", "-id"], name="incoming_by_state"),
            models.Index(fields=["sender", "received_at"], name="incoming_of_sender"),
            models.Index(fields=["internet_id"], condition=~Q(internet_id=""), name="incoming_by_internet_id"),
        ]

    def __str__(self) -> str:
        return f"{self.sender or 'nobody'}: {self.subject or '(no subject)'}"

    @property
    def is_put_aside(self) -> bool:
        """Whether it became nothing: a person may still make something of it."""
        return self.state in {MailState.HELD, MailState.QUARANTINED}

    @property
    def is_unsettled(self) -> bool:
        """Whether a person of the staff has yet to look at it."""
        return self.is_put_aside and self.settled_at is None


class BlockedSender(models.Model):
    """An address, or a whole domain ("@evil.example"), whose mail is quarantined unread."""

    pattern = models.CharField(max_length=254)
    why = models.CharField(max_length=200, blank=True)
    blocked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    blocked_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[BlockedSenderQuerySet] = BlockedSenderQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pattern"], condition=Q(lifted_at=None), name="sender_blocked_once")
        ]

    def __str__(self) -> str:
        return self.pattern


class ImapMailbox(models.Model):
    """A mailbox elsewhere that the desk fetches its mail from (`manage.py fetch_mail`)."""

    class Security(models.TextChoices):
        TLS = "tls", "TLS"
        STARTTLS = "starttls", "STARTTLS"
        NONE = "none", "none (only on this machine)"

    class LogIn(models.TextChoices):
        PASSWORD = "password", "password"
        OAUTH = "oauth", "OAuth 2"

    name = models.CharField(max_length=64, unique=True)
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField(default=993)
    security = models.CharField(max_length=8, choices=Security, default=Security.TLS)
    folder = models.CharField(max_length=100, default="INBOX")
    username = models.CharField(max_length=254)
    log_in = models.CharField(max_length=8, choices=LogIn, default=LogIn.PASSWORD)
    password = SealedTextField(blank=True)
    oauth_token_url = WebAddressField(max_length=300, blank=True)
    oauth_client_id = models.CharField(max_length=200, blank=True)
    oauth_client_secret = SealedTextField(blank=True)
    oauth_refresh_token = SealedTextField(blank=True)
    oauth_scope = models.CharField(max_length=300, blank=True)
    auth_server = models.CharField(
        max_length=253,
        blank=True,
        help_text="By this name the mailbox's own server signs Authentication-Results; no other is believed.",
    )
    is_active = models.BooleanField(default=True)
    uid_validity = models.BigIntegerField(null=True, editable=False)
    last_uid = models.BigIntegerField(default=0, editable=False)
    checked_at = models.DateTimeField(null=True, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False)

    class Meta:
        ordering = ("name",)
        verbose_name = "IMAP mailbox"
        verbose_name_plural = "IMAP mailboxes"

    def __str__(self) -> str:
        return self.name
