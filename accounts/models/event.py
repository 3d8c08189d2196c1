"""What happened to people and memberships, as rows that are never written again."""

from django.db import models

from accounts.models.organization import Organization
from accounts.models.people import User


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
        CLAIMED = "claimed", "claimed the account"
        LEFT_DOMAIN = "left_domain", "left with the address"
        STAFF_ROLE_CHANGED = "staff_role_changed", "staff role was changed"

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
