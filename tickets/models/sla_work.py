"""What an admin changes about promises, step by step, and whom the staff's notices go to."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.models import User
from tickets.models.event import TicketEvent
from tickets.models.mail import OutgoingMail


class PolicyDraft(models.Model):
    """An edit of the matrix that is looked at before it is applied: what it would say, and its backtest.

    `content` holds, by policy, the version it was begun from and what it would promise (`sla.drafts`).
    """

    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    content = models.JSONField()
    backtest: Any = models.JSONField(default=dict, help_text="Kept and broken, before and after, by policy.")
    backtest_total = models.PositiveIntegerField(null=True)
    backtest_done = models.PositiveIntegerField(default=0)
    backtest_position = models.BigIntegerField(default=0, help_text="The last ticket looked at.")
    backtested_at = models.DateTimeField(null=True)
    applied_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["id"], condition=Q(backtested_at=None), name="draft_to_backtest")]

    def __str__(self) -> str:
        return f"Draft {self.pk}"


class Retargeting(models.Model):
    """Open clocks to be put on the terms that hold now: work for the sweep, which goes on where it stopped.

    `scope` names which tickets: all with open clocks of a policy, on a calendar, of an organisation, a person or a plan
    (`subject` is its key), or the ones in `tickets`.
    """

    class Scope(models.TextChoices):
        POLICY = "policy", "policy"
        CALENDAR = "calendar", "calendar"
        ORGANIZATION = "organization", "organisation"
        PERSON = "person", "person"
        PLAN = "plan", "plan"

    scope = models.CharField(max_length=12, choices=Scope)
    subject = models.BigIntegerField()
    tickets = ArrayField(models.BigIntegerField(), null=True, blank=True, help_text="Only these; None: all.")
    made_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    draft = models.ForeignKey(PolicyDraft, null=True, on_delete=models.SET_NULL, related_name="retargetings")
    total = models.PositiveIntegerField(default=0, help_text="Tickets to look at.")
    done = models.PositiveIntegerField(default=0)
    moved = models.PositiveIntegerField(default=0, help_text="Clocks whose terms changed.")
    broken = models.PositiveIntegerField(default=0, help_text="Clocks that broke by it.")
    position = models.BigIntegerField(default=0, help_text="The last ticket looked at.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["id"], condition=Q(finished_at=None), name="retargeting_to_do")]

    def __str__(self) -> str:
        return f"Retargeting {self.pk} ({self.scope} {self.subject})"


class SlaNotice(models.Model):
    """A warning or breach that somebody is to be mailed of; several go into one mail."""

    event = models.ForeignKey(TicketEvent, on_delete=models.CASCADE, related_name="sla_notices")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sla_notices")
    mail = models.ForeignKey(OutgoingMail, null=True, on_delete=models.PROTECT, related_name="sla_notices")
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(
        null=True, help_text="When it was mailed, or dropped because nothing was left to tell."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "user"], name="sla_notice_once")]
        indexes = [models.Index(fields=["user", "id"], condition=Q(settled_at=None), name="sla_notice_to_settle")]

    def __str__(self) -> str:
        return f"{self.event} for {self.user}"


class SlaNoticeChoice(models.Model):
    """What a member of the staff wants to be mailed of."""

    class Choice(models.TextChoices):
        ALL = "all", "Warnings and breaches"
        BREACHES = "breaches", "Breaches only"
        NONE = "none", "Nothing"

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="sla_notice_choice")
    own = models.CharField("tickets assigned to me", max_length=10, choices=Choice, default=Choice.ALL)
    team = models.CharField("unassigned tickets on my shift", max_length=10, choices=Choice, default=Choice.ALL)
    led = models.CharField("tickets of the teams I lead", max_length=10, choices=Choice, default=Choice.ALL)

    def __str__(self) -> str:
        return f"Notices of {self.user}"
