"""What a new desk begins with: categories, environments, devices, promises of the domain description."""

from django.utils.text import slugify

from accounts.models import SupportPlan
from tickets.models import Category, Environment, MobileDevice, PromiseTarget, WorkflowSettings

CATEGORIES = (
    "General inquiry, AD/LDAP, Authentication & Provisioning, Compliance & Auditing, Connectivity, "
    "Customization & Branding, Data Export and Import, Database, Desktop, Developer Toolkit, Installation, "
    "Integrations, Invitation & Login, Messaging, Mobile, Notifications & Status, Onboarding, Roles & Permissions, "
    "Search, Server Issues, System Console, Upgrading, User Interface, User/Team/Channel Management, User issue"
).split(", ")


def load() -> None:
    """Add what isn't there yet; what an admin has changed stays."""
    for position, name in enumerate(CATEGORIES):
        Category.objects.get_or_create(
            slug=slugify(name.replace("/", "-")),
            defaults={"name": name, "position": position, "concerns_mobile": name in {"Mobile", "Notifications & Status"}},
        )
    for position, name in enumerate(["Production", "Staging", "Test", "Development"]):
        Environment.objects.get_or_create(name=name, defaults={"position": position})
    for position, name in enumerate(["iPhone", "iPad", "Android phone", "Android tablet", "Other"]):
        MobileDevice.objects.get_or_create(name=name, defaults={"position": position})
    WorkflowSettings.objects.get_or_create(pk=1, defaults={"remind_after_days": [3, 5]})
