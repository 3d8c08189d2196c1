"""People, the organisations they belong to, and the plans those have bought ("People and accounts" in the domain)."""

import zoneinfo
from datetime import datetime, time
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.querysets import InvitationQuerySet, MembershipQuerySet, OrganizationQuerySet, UserQuerySet


def check_time_zone(value: str) -> None:
    """ValidationError unless `value` is a zone of the tz database."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError("Choose a time zone such as Europe/Berlin.", code="unknown_zone")


class Role(models.TextChoices):
    """What a member of staff does; customers have none."""

    AGENT = "agent", "Support agent"
    LEAD = "lead", "Support lead"
    SET = "set", "SET engineer"
    PRODUCT = "product", "Product"
    CUSTOMER_SUCCESS = "customer_success", "Customer Success"
    EXECUTIVE = "executive", "Executive"
    ADMIN = "admin", "Admin"


AGENT_ROLES = (Role.AGENT, Role.LEAD, Role.ADMIN)
STAKEHOLDER_ROLES = (Role.PRODUCT, Role.CUSTOMER_SUCCESS, Role.EXECUTIVE)


class Region(models.Model):
    """A region of the support team and the hours of the day, in one reference zone, that it covers for the others."""

    name = models.CharField(max_length=64, unique=True)
    time_zone = models.CharField(max_length=64, validators=[check_time_zone], help_text="Where its people live.")
    shift_starts = models.TimeField(help_text="UTC. From this time on new tickets go to this region.")
    shift_ends = models.TimeField(help_text="UTC. Up to this time; 00:00 is midnight.")

    class Meta:
        ordering = ("shift_starts",)

    def __str__(self) -> str:
        return self.name

    def is_on_shift(self, at: datetime) -> bool:
        """Whether `at` (aware) lies in the region's hours, which may run over midnight."""
        clock_time = at.astimezone(zoneinfo.ZoneInfo("UTC")).time()
        start, end = self.shift_starts, self.shift_ends
        if end == time(0):
            return clock_time >= start
        return start <= clock_time < end if start < end else clock_time >= start or clock_time < end


_UserManager = BaseUserManager.from_queryset(UserQuerySet)


class UserManager(_UserManager["User"]):
    """Finds people by address whatever its letters' case."""

    use_in_migrations = False

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        return (email or "").strip().casefold()

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=self.normalize_email(username))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A person; without a password the account is claimed by password reset or verification."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, **{**fields, "role": Role.ADMIN})


class User(AbstractBaseUser):
    """One person per address, customer or staff, perhaps without a password yet."""

    email = models.EmailField(unique=True, max_length=254)
    name = models.CharField(max_length=64, blank=True)
    role = models.CharField("staff role", max_length=20, choices=Role, blank=True, help_text="Empty for customers.")
    is_active = models.BooleanField(default=True)
    time_zone = models.CharField(max_length=64, blank=True, validators=[check_time_zone])
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1 code, for public holidays.")
    subdivision = models.CharField(max_length=6, blank=True, help_text="ISO 3166-2 code without the country.")
    region = models.ForeignKey(Region, null=True, blank=True, on_delete=models.PROTECT, related_name="staff")
    last_organization = models.ForeignKey("Organization", null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_is_folded")]
        indexes = [models.Index(fields=["role"], condition=~Q(role=""), name="user_staff")]

    def __str__(self) -> str:
        return self.display_name

    def clean(self) -> None:
        self.email = UserManager.normalize_email(self.email)

    @property
    def display_name(self) -> str:
        return self.name or self.email.partition("@")[0]

    @property
    def is_desk(self) -> bool:
        """Whether the person works for the vendor, in whatever role."""
        return bool(self.role)

    @property
    def is_agent(self) -> bool:
        return self.role in AGENT_ROLES

    @property
    def is_lead(self) -> bool:
        return self.role in {Role.LEAD, Role.ADMIN}

    @property
    def is_stakeholder(self) -> bool:
        return self.role in STAKEHOLDER_ROLES

    @property
    def is_staff(self) -> bool:
        """Who may enter Django admin: admins only."""
        return self.is_active and self.role == Role.ADMIN

    @property
    def is_superuser(self) -> bool:
        return self.is_staff

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_staff

    def has_perms(self, perms: object, obj: object = None) -> bool:
        return self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff


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
    time_zone = models.CharField(max_length=64, default="UTC", validators=[check_time_zone])
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
    """An e-mail domain of an organisation; who has a verified address there may join by it once the domain is verified."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="domains")
    domain = models.CharField(max_length=253, unique=True)
    verified_at = models.DateTimeField(null=True, blank=True, help_text="When its DNS record was seen.")
    auto_join = models.BooleanField(default=True, help_text="The organisation agreed that people join by address.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(domain=Lower("domain")), name="domain_is_folded")]

    def __str__(self) -> str:
        return self.domain


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


class AccountEvent(models.Model):
    """What happened to people and memberships, append-only: who did it, to whom, when."""

    class Kind(models.TextChoices):
        JOINED = "joined", "joined"
        INVITED = "invited", "was invited"
        INVITATION_REVOKED = "invitation_revoked", "invitation was revoked"
        ROLE_CHANGED = "role_changed", "role was changed"
        REMOVED = "removed", "was removed"
        DEACTIVATED = "deactivated", "was deactivated"
        REACTIVATED = "reactivated", "was reactivated"

    kind = models.CharField(max_length=20, choices=Kind)
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="account_events")
    organization = models.ForeignKey(Organization, null=True, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d %H:%M}"
