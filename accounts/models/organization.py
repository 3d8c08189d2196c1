"""Organisations, what they have bought, who belongs to them, and the vendor's own teams."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.models.people import User
from accounts.public_mail import check_company_domain
from accounts.querysets import DomainQuerySet, InvitationQuerySet, MembershipQuerySet, OrganizationQuerySet
from supportdesk.lib.fields import TimeZoneField


class SupportPlan(models.Model):
    """What an organisation has bought: its doors, and when we answer."""

    name = models.CharField(max_length=64, unique=True)
    slug = models.SlugField(unique=True)
    rank = models.PositiveSmallIntegerField(default=0, help_text="The higher, the more the plan gives.")
    summary = models.CharField(max_length=200, blank=True, help_text="One sentence for the public help page.")
    uses_portal = models.BooleanField("portal", default=True, help_text="May submit and follow requests in the portal.")
    uses_email = models.BooleanField("e-mail", default=False, help_text="May open requests by e-mail.")
    pages = models.BooleanField(
        "paging 24x7", default=False, help_text="Urgent and High tickets page the on-call agent."
    )
    covers_weekends = models.BooleanField("weekend coverage", default=False, help_text="For Urgent and High.")
    is_default = models.BooleanField("without organisation", default=False, help_text="The plan of people without one.")

    class Meta:
        ordering = ("rank",)
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="plan_one_default")
        ]

    def __str__(self) -> str:
        return self.name


class Organization(models.Model):
    """A company that is our customer."""

    name = models.CharField(max_length=120, unique=True)
    slug = models.SlugField(unique=True, max_length=60)
    plan = models.ForeignKey(SupportPlan, on_delete=models.PROTECT, related_name="organizations")
    time_zone = TimeZoneField(max_length=64, default="UTC")
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1 code, for public holidays.")
    subdivision = models.CharField(max_length=6, blank=True, help_text="ISO 3166-2 code without the country.")
    is_active = models.BooleanField(default=True)
    notes = models.TextField(blank=True, help_text="For the staff only.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = "organisation"

    def __str__(self) -> str:
        return self.name


class OrganizationDomain(models.Model):
    """An e-mail domain of an organisation: once it is verified, who has a verified address there joins by it."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="domains")
    domain = models.CharField(max_length=253, unique=True)
    verified_at = models.DateTimeField(null=True, blank=True, help_text="When its DNS record was seen.")
    auto_join = models.BooleanField(default=True, help_text="The organisation agreed that people join by address.")

    objects = DomainQuerySet.as_manager()

    class Meta:
        verbose_name = "e-mail domain"
        constraints = [models.CheckConstraint(condition=Q(domain=Lower("domain")), name="domain_is_folded")]

    def __str__(self) -> str:
        return self.domain

    def clean(self) -> None:
        self.domain = self.domain.strip().removeprefix("@").lower()
        if self.domain:
            check_company_domain(self.domain)


class Membership(models.Model):
    """A person's place in an organisation; ended, never deleted, so that history keeps its names."""

    class Role(models.TextChoices):
        MEMBER = "member", "Member"
        MANAGER = "manager", "Manager"

    class Via(models.TextChoices):
        DOMAIN = "domain", "verified domain"
        INVITATION = "invitation", "invitation"
        STAFF = "staff", "added by staff"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.MEMBER)
    via = models.CharField(max_length=10, choices=Via, default=Via.STAFF)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organization"], condition=Q(ended_at=None), name="membership_one_active"
            )
        ]
        indexes = [models.Index(fields=["organization", "user"], condition=Q(ended_at=None), name="membership_active")]

    def __str__(self) -> str:
        return f"{self.user} at {self.organization}"

    @property
    def is_manager(self) -> bool:
        return self.role == self.Role.MANAGER


class Team(models.Model):
    """A team of the vendor: support, which gets new tickets, or engineering (SET)."""

    class Kind(models.TextChoices):
        SUPPORT = "support", "Support"
        ENGINEERING = "engineering", "Sustained Engineering"

    name = models.CharField(max_length=64, unique=True)
    slug = models.SlugField(unique=True)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.SUPPORT)
    lead = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="leads")
    members = models.ManyToManyField(User, related_name="teams", blank=True)
    gets_new_tickets = models.BooleanField(default=False, help_text="New tickets go to this team.")

    class Meta:
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(
                fields=["gets_new_tickets"], condition=Q(gets_new_tickets=True), name="team_one_gets_new_tickets"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Invitation(models.Model):
    """An offer to join an organisation, bound to one address; its token is kept as a hash only (S065)."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Membership.Role, default=Membership.Role.MEMBER)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="invitation_one_open",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="invitation_expires_later"),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.organization}"
