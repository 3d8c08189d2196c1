"""People: one per address, customers and staff, and the regions that staff work in."""

import zoneinfo
from datetime import datetime, time
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.querysets import UserQuerySet
from supportdesk.lib.fields import TimeZoneField


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
    time_zone = TimeZoneField(max_length=64, help_text="Where its people live.")
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
    time_zone = TimeZoneField(max_length=64, blank=True)
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1 code, for public holidays.")
    subdivision = models.CharField(max_length=6, blank=True, help_text="ISO 3166-2 code without the country.")
    region = models.ForeignKey(Region, null=True, blank=True, on_delete=models.PROTECT, related_name="staff")
    last_organization = models.ForeignKey("Organization", null=True, blank=True, on_delete=models.SET_NULL)
    answers_by_mail = models.BooleanField(
        default=False, help_text="Of the staff: a verified reply to their own reply address answers the customer."
    )
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
