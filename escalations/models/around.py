"""What surrounds a record: pull requests, issues elsewhere, stakeholders, the known issue, the internal targets."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse

from accounts.models import User
from escalations.engineering.querysets import KnownIssueQuerySet
from escalations.models.escalation import Escalation, Involved, Severity
from supportdesk.lib.fields import SealedTextField, WebAddressField
from tickets.models import BusinessCalendar


class CodeHost(models.Model):
    """Where pull requests live, and by what its webhooks are believed.

    Only repositories that are listed are listened to. Of the secrets (one a line, the newest first) each is believed,
    so that they can be changed without losing a call; they are encrypted at rest.
    """

    class Kind(models.TextChoices):
        GITHUB = "github", "GitHub"
        GITLAB = "gitlab", "GitLab"

    name = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    address = WebAddressField(max_length=200, help_text="Such as https://github.com")
    secrets = SealedTextField(blank=True, help_text="What its webhooks are signed with, one a line.")
    repositories = models.TextField(blank=True, help_text="One a line, such as acme/server. Others are ignored.")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def believed(self) -> tuple[str, ...]:
        return tuple(line.strip() for line in self.secrets.splitlines() if line.strip())

    @property
    def known_repositories(self) -> frozenset[str]:
        return frozenset(line.strip().casefold() for line in self.repositories.splitlines() if line.strip())


class CodeHostDelivery(models.Model):
    """A webhook call that was believed: once per id, so that a replay changes nothing."""

    host = models.ForeignKey(CodeHost, on_delete=models.CASCADE, related_name="deliveries")
    delivery_id = models.CharField(max_length=100)
    event = models.CharField(max_length=64)
    outcome = models.CharField(max_length=100, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        constraints = [models.UniqueConstraint(fields=["host", "delivery_id"], name="code_delivery_once")]
        indexes = [models.Index(fields=["received_at"], name="code_delivery_by_age")]

    def __str__(self) -> str:
        return self.delivery_id


class PullRequest(models.Model):
    """A pull (or merge) request that is to mend it, as its host last told of it."""

    class State(models.TextChoices):
        UNKNOWN = "unknown", "not heard of yet"
        DRAFT = "draft", "draft"
        OPEN = "open", "open"
        MERGED = "merged", "merged"
        CLOSED = "closed", "closed without merging"

    class Checks(models.TextChoices):
        NONE = "none", "no checks"
        RUNNING = "running", "checks run"
        PASSED = "passed", "checks passed"
        FAILED = "failed", "checks failed"

    escalation = models.ForeignKey(Escalation, on_delete=models.PROTECT, related_name="pull_requests")
    host = models.ForeignKey(CodeHost, on_delete=models.PROTECT, related_name="pull_requests")
    repository = models.CharField(max_length=200)
    number = models.PositiveIntegerField()
    url = WebAddressField(max_length=500)
    title = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.UNKNOWN)
    checks = models.CharField(max_length=8, choices=Checks, default=Checks.NONE)
    head = models.CharField(max_length=64, blank=True, help_text="The commit that its checks are about.")
    merge_commit = models.CharField(max_length=64, blank=True)
    merged_at = models.DateTimeField(null=True, blank=True)
    release_tag = models.CharField(max_length=100, blank=True)
    host_updated_at = models.DateTimeField(null=True, help_text="By the host's clock: older news changes nothing.")
    checks_updated_at = models.DateTimeField(null=True)
    check_results = models.JSONField(
        default=dict, help_text="What each check last said of the head, and when by the host's clock."
    )
    linked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    linked_at = models.DateTimeField()
    unlinked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["escalation", "host", "repository", "number"],
                condition=Q(unlinked_at=None),
                name="pull_request_linked_once",
            )
        ]
        indexes = [
            models.Index(fields=["host", "repository", "number"], name="pull_request_by_number"),
            models.Index(fields=["merge_commit"], condition=~Q(merge_commit=""), name="pull_request_by_merge"),
        ]

    def __str__(self) -> str:
        return f"{self.repository}#{self.number}"


class OutsideIssue(models.Model):
    """The same problem in somebody's tracker: a link, no more."""

    class Kind(models.TextChoices):
        JIRA = "jira", "Jira"
        GITHUB = "github", "GitHub"
        GITLAB = "gitlab", "GitLab"
        OTHER = "other", "elsewhere"

    escalation = models.ForeignKey(Escalation, on_delete=models.PROTECT, related_name="outside_issues")
    kind = models.CharField(max_length=8, choices=Kind)
    url = WebAddressField(max_length=500)
    label = models.CharField(max_length=100)
    linked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    linked_at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["escalation", "url"], name="outside_issue_once")]

    def __str__(self) -> str:
        return self.label


class TeamInvolved(models.Model):
    """A team of stakeholders that was brought in, by hand or (`rule`) because a rule says so."""

    escalation = models.ForeignKey(Escalation, on_delete=models.CASCADE, related_name="teams")
    team = models.CharField(max_length=20, choices=Involved)
    invited_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    rule = models.ForeignKey("escalations.InvitationRule", null=True, on_delete=models.SET_NULL, related_name="+")
    invited_at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["escalation", "team"], name="team_involved_once")]

    def __str__(self) -> str:
        return self.get_team_display()


class Follower(models.Model):
    """Somebody who follows one record: by own choice, invited, or because they wrote there."""

    escalation = models.ForeignKey(Escalation, on_delete=models.CASCADE, related_name="followers")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="followed_escalations")
    is_muted = models.BooleanField(default=False, help_text="Sees it, and is told nothing but mentions.")
    added_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["escalation", "user"], name="follower_once")]

    def __str__(self) -> str:
        return str(self.user)


class InvitationRule(models.Model):
    """Brings a team in by itself: records at least so severe, and with a ticket of the plan where one is named."""

    team = models.CharField(max_length=20, choices=Involved)
    severity = models.PositiveSmallIntegerField("at least", choices=Severity, default=Severity.CRITICAL)
    plan = models.ForeignKey(
        "accounts.SupportPlan", null=True, blank=True, on_delete=models.CASCADE, help_text="Empty: any plan."
    )
    on_confirmed = models.BooleanField(
        "only once confirmed", default=False, help_text="Else as soon as it is requested."
    )

    class Meta:
        ordering = ("team", "severity")
        constraints = [
            models.UniqueConstraint(fields=["team", "severity", "plan"], nulls_distinct=False, name="invitation_once")
        ]

    def __str__(self) -> str:
        plan = f", {self.plan}" if self.plan else ""
        return f"{self.get_team_display()}: {self.get_severity_display()}{plan}"


class TeamChannel(models.Model):
    """A chat channel that is told of a team's records; its address is a secret."""

    team = models.CharField(max_length=20, choices=Involved)
    name = models.CharField(max_length=64)
    address = SealedTextField(help_text="As apprise writes it, such as mmost://…")
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_why = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("team", "name")

    def __str__(self) -> str:
        return f"{self.get_team_display()}: {self.name}"


class ChannelPost(models.Model):
    """One message to a chat channel: made before anything is sent, once per event and channel."""

    channel = models.ForeignKey(TeamChannel, on_delete=models.CASCADE, related_name="posts")
    event = models.ForeignKey("escalations.EscalationEvent", on_delete=models.CASCADE, related_name="posts")
    text = models.TextField()
    next_attempt_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["channel", "event"], name="channel_post_once")]
        indexes = [models.Index(fields=["next_attempt_at"], condition=~Q(next_attempt_at=None), name="post_due")]

    def __str__(self) -> str:
        return f"Post {self.pk}"


class EngineeringTarget(models.Model):
    """How soon engineering reviews, plans and is heard of, by severity: minutes of the calendar's hours."""

    severity = models.PositiveSmallIntegerField(choices=Severity, unique=True)
    calendar = models.ForeignKey(
        BusinessCalendar, null=True, blank=True, on_delete=models.PROTECT, help_text="Empty: around the clock."
    )
    review_minutes = models.PositiveIntegerField(null=True, blank=True)
    plan_minutes = models.PositiveIntegerField(null=True, blank=True)
    news_minutes = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("severity",)

    def __str__(self) -> str:
        return self.get_severity_display()


class QueueDigest(models.Model):
    """A lead's morning was seen to: the queues were mailed, or were all empty."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    day = models.DateField(help_text="Where the lead is.")

    class Meta:
        ordering = ("-day", "user")
        constraints = [models.UniqueConstraint(fields=["user", "day"], name="queue_digest_once_a_day")]

    def __str__(self) -> str:
        return f"{self.user}, {self.day}"


class KnownIssue(models.Model):
    """What customers may read of a record: a text of its own, nothing of the record's."""

    class State(models.TextChoices):
        INVESTIGATING = "investigating", "We look into it"
        WORKAROUND = "workaround", "There is a workaround"
        FIX_COMING = "fix_coming", "A fix is coming"
        FIXED = "fixed", "Fixed"

    escalation = models.OneToOneField(Escalation, on_delete=models.PROTECT, related_name="known_issue")
    title = models.CharField(max_length=200)
    text = models.TextField()
    workaround = models.TextField(blank=True)
    affected_versions = models.CharField(max_length=200, blank=True)
    fixed_version = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.INVESTIGATING)
    published_at = models.DateTimeField(null=True, blank=True, help_text="Empty: customers don't see it.")
    published_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    updated_at = models.DateTimeField()

    objects: ClassVar[KnownIssueQuerySet] = KnownIssueQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-published_at", "-id")

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Where customers read it."""
        return reverse("known_issue", args=[self.pk])
