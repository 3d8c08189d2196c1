"""The engineering escalation: one problem of the product, the tickets it was reported by, what happened to it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from accounts.models import Role, User
from escalations.engineering.querysets import EscalationQuerySet, LinkQuerySet
from escalations.engineering.steps import ACTIVE, ENDED, RULES, Step
from tickets.models import Category, Ticket


class Severity(models.IntegerChoices):
    """How bad it is for whom it hits, worst first; the internal clocks go by it."""

    CRITICAL = 1, "Critical"
    MAJOR = 2, "Major"
    MODERATE = 3, "Moderate"
    MINOR = 4, "Minor"


class FinishAs(models.TextChoices):
    """What becomes of a ticket whose customer was told the outcome."""

    OPEN = "open", "Open, for its agent to solve"
    SOLVED = "solved", "Solved at once"


class Involved(models.TextChoices):
    """A team of stakeholders: its members are the people who have the role."""

    SUPPORT = "support", "Support"
    SET = "set", "SET"
    PRODUCT = "product", "Product"
    CUSTOMER_SUCCESS = "customer_success", "Customer Success"
    EXECUTIVES = "executives", "Executives"

    @property
    def roles(self) -> tuple[Role, ...]:
        return _ROLES[self]


_ROLES: dict[Involved, tuple[Role, ...]] = {
    Involved.SUPPORT: (Role.AGENT, Role.LEAD),
    Involved.SET: (Role.SET,),
    Involved.PRODUCT: (Role.PRODUCT,),
    Involved.CUSTOMER_SUCCESS: (Role.CUSTOMER_SUCCESS,),
    Involved.EXECUTIVES: (Role.EXECUTIVE,),
}
_STEPS = [(step.value, rule.label) for step, rule in RULES.items()]
_ENDED = [step.value for step in ENDED]


class Escalation(models.Model):
    """One record, SET-123. Its step is written by `engineering.actions.moves` alone.

    `owes_update` says that the step's update to the customers was not sent yet: the step isn't complete before.
    Columns that end in `_due_at` are deadlines that a sweep looks for.
    """

    title = models.CharField(max_length=200)
    severity = models.PositiveSmallIntegerField(choices=Severity)
    area = models.ForeignKey(Category, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    affected_versions = models.CharField(max_length=200, blank=True)
    impact = models.TextField()
    reproduction = models.TextField("reproduction steps")
    environment = models.CharField(max_length=200, blank=True)
    logs = models.TextField(blank=True)

    step = models.CharField(max_length=20, choices=_STEPS, default=Step.REQUESTED.value)
    step_since = models.DateTimeField()
    asked_from = models.CharField(max_length=20, blank=True, help_text="The step that a question interrupts.")
    owes_update = models.BooleanField(default=False)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="owned_escalations")
    backup = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    question = models.TextField(blank=True)
    asks_customer = models.BooleanField(default=False, help_text="The question is the customers', not support's.")
    question_due_at = models.DateTimeField(null=True, blank=True)
    answer = models.TextField(blank=True, help_text="Why it was returned.")
    plan = models.TextField(blank=True)
    evidence = models.TextField(blank=True, help_text="Of the internal test.")
    comes_with = models.CharField(max_length=40, blank=True, help_text="The version that is to bring the fix.")
    fixed_version = models.CharField(max_length=40, blank=True, help_text="The version that brought it.")
    reason = models.TextField(blank=True, help_text="Why it was withdrawn, or the fix failed.")
    finish_as = models.CharField(max_length=8, choices=FinishAs, default=FinishAs.OPEN)

    review_due_at = models.DateTimeField(null=True, blank=True)
    plan_due_at = models.DateTimeField(null=True, blank=True)
    news_due_at = models.DateTimeField(null=True, blank=True)
    news_at = models.DateTimeField(help_text="When engineering was last heard of.")
    warn_at = models.DateTimeField(null=True, blank=True, help_text="When the sweep is to look at its clocks next.")
    warned = models.JSONField(default=list, help_text="The deadlines that SET's lead was warned of.")

    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="duplicates")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1, help_text="Counts the changes: who saw an older one is told.")
    submission_key = models.CharField(max_length=64, blank=True)

    objects: ClassVar[EscalationQuerySet] = EscalationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.CheckConstraint(
                condition=Q(step__in=[step.value for step in Step]), name="escalation_step_is_known"
            ),
            models.CheckConstraint(
                condition=Q(step__in=_ENDED, ended_at__isnull=False) | (~Q(step__in=_ENDED) & Q(ended_at=None)),
                name="escalation_ended_at_its_end",
            ),
            models.CheckConstraint(
                condition=Q(step__in=[Step.REQUESTED.value, *_ENDED]) | Q(owner__isnull=False),
                name="escalation_has_owner",
            ),
            models.CheckConstraint(condition=~Q(merged_into=F("id")), name="escalation_merges_into_another"),
            models.UniqueConstraint(
                fields=["requested_by", "submission_key"],
                condition=~Q(submission_key=""),
                name="escalation_requested_once",
            ),
        ]
        indexes = [
            models.Index(fields=["step", "-step_since", "-id"], name="escalation_by_step"),
            models.Index(fields=["id"], condition=Q(owes_update=True), name="escalation_owing"),
            models.Index(fields=["warn_at"], condition=~Q(warn_at=None), name="escalation_to_warn"),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.title}"

    def get_absolute_url(self) -> str:
        return reverse("escalation_detail", args=[self.reference])

    @property
    def public_address(self) -> str:
        """The record's full address, for messages; always of the configured site (S078)."""
        return f"{settings.SITE_URL}{self.get_absolute_url()}"

    @property
    def reference(self) -> str:
        return f"SET-{self.pk}"

    @property
    def at_step(self) -> Step:
        return Step(self.step)

    @property
    def is_active(self) -> bool:
        return self.at_step in ACTIVE and self.merged_into_id is None


class EscalationLink(models.Model):
    """A ticket that reported the problem. `is_active` while the escalation is, and a ticket has one such at most."""

    escalation = models.ForeignKey(Escalation, on_delete=models.PROTECT, related_name="links")
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="escalation_links")
    is_active = models.BooleanField(default=True)
    finish_as = models.CharField(max_length=8, choices=FinishAs, blank=True, help_text="Empty: as the record says.")
    linked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    linked_at = models.DateTimeField()
    unlinked_at = models.DateTimeField(null=True, blank=True)
    replied_at = models.DateTimeField(null=True, help_text="When its customer last wrote while it was linked.")
    seen_reply_at = models.DateTimeField(null=True, help_text="The last reply that somebody looked at on the record.")

    objects: ClassVar[LinkQuerySet] = LinkQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["ticket"], condition=Q(is_active=True), name="ticket_has_one_active_escalation"
            ),
            models.UniqueConstraint(
                fields=["escalation", "ticket"], condition=Q(unlinked_at=None), name="ticket_linked_once"
            ),
            models.CheckConstraint(
                condition=Q(unlinked_at=None) | Q(is_active=False), name="link_unlinked_is_inactive"
            ),
        ]
        indexes = [models.Index(fields=["ticket", "-id"], name="link_of_ticket")]

    def __str__(self) -> str:
        return f"#{self.ticket_id} in {self.escalation_id}"


class EscalationEvent(models.Model):
    """One thing that happened to a record, append-only; `actor` None is the system."""

    class Kind(models.TextChoices):
        REQUESTED = "requested", "requested it"
        MOVED = "moved", "moved it"
        EDITED = "edited", "edited"
        LINKED = "linked", "linked a ticket"
        UNLINKED = "unlinked", "unlinked a ticket"
        TOLD = "told", "told the customers"
        HELD_BACK = "held_back", "held an update back"
        COMMENTED = "commented", "commented"
        CUSTOMER_REPLIED = "customer_replied", "a customer wrote"
        CUSTOMER_SOLVED = "customer_solved", "a customer says solved"
        PULL_REQUEST = "pull_request", "a pull request changed"
        OUTSIDE_LINK = "outside_link", "changed the outside links"
        INVITED = "invited", "invited"
        UNINVITED = "uninvited", "uninvited"
        MERGED = "merged", "merged a duplicate"
        UNMERGED = "unmerged", "undid a merge"
        PUBLISHED = "published", "changed the known issue"
        WARNED = "warned", "warned of a deadline"
        PAGED = "paged", "paged on-call"

    escalation = models.ForeignKey(Escalation, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind)
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    from_step = models.CharField(max_length=20, blank=True)
    to_step = models.CharField(max_length=20, blank=True)
    data = models.JSONField(default=dict)
    at = models.DateTimeField()
    notified_at = models.DateTimeField(null=True, help_text="When those who follow were told; None: not yet.")
    notify_after = models.DateTimeField(null=True, help_text="Not before, because telling them failed.")

    class Meta:
        ordering = ("at", "id")
        indexes = [
            models.Index(fields=["escalation", "at", "id"], name="esc_event_of_record"),
            models.Index(fields=["id"], condition=Q(notified_at=None), name="esc_event_to_notify"),
            models.Index(fields=["at"], condition=Q(kind="moved"), name="esc_event_moved"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.escalation_id}"


class Comment(models.Model):
    """The internal discussion of a record: the staff's, no customer ever sees it."""

    escalation = models.ForeignKey(Escalation, on_delete=models.PROTECT, related_name="comments")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    body = models.TextField()
    body_html = models.TextField(help_text="The body rendered and sanitised.")
    mentioned = models.ManyToManyField(User, related_name="+", blank=True)
    created_at = models.DateTimeField()
    submission_key = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ("created_at", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["author", "submission_key"], condition=~Q(submission_key=""), name="comment_sent_once"
            )
        ]

    def __str__(self) -> str:
        return f"Comment {self.pk}"


class EscalationMerge(models.Model):
    """A duplicate whose tickets went to the record that stays; undone, they go back."""

    source = models.ForeignKey(Escalation, on_delete=models.PROTECT, related_name="merges_away")
    target = models.ForeignKey(Escalation, on_delete=models.PROTECT, related_name="merges_in")
    moved = models.JSONField(default=list, help_text="The keys of the links that went over.")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.source_id} into {self.target_id}"
