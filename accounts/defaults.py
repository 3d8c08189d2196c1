"""What a new desk begins with: plans, regions and teams of the domain description. Loading never undoes an edit."""

from datetime import time
from typing import Any

from accounts.models import Region, SupportPlan, Team

PLANS: list[dict[str, Any]] = [
    {
        "slug": "free",
        "name": "Free",
        "rank": 0,
        "summary": "Documentation, forum and community: answers that others have found already.",
        "uses_portal": False,
        "is_default": True,
    },
    {
        "slug": "professional",
        "name": "Professional",
        "rank": 1,
        "summary": "Support through the portal, in your business hours.",
        "uses_portal": True,
    },
    {
        "slug": "enterprise",
        "name": "Enterprise",
        "rank": 2,
        "summary": "Support through the portal and by e-mail; Urgent and High around the clock on weekdays.",
        "uses_portal": True,
        "uses_email": True,
    },
    {
        "slug": "premier",
        "name": "Premier",
        "rank": 3,
        "summary": "Everything, with an engineer paged day and night, weekends included, for Urgent and High.",
        "uses_portal": True,
        "uses_email": True,
        "pages": True,
        "covers_weekends": True,
    },
]
REGIONS: list[dict[str, Any]] = [
    {
        "name": "Asia-Pacific",
        "time_zone": "Australia/Sydney",
        "shift_starts": time(0),
        "shift_ends": time(8),
    },
    {
        "name": "Europe, Middle East and Africa",
        "time_zone": "Europe/Berlin",
        "shift_starts": time(8),
        "shift_ends": time(16),
    },
    {
        "name": "Americas",
        "time_zone": "America/New_York",
        "shift_starts": time(16),
        "shift_ends": time(0),
    },
]
TEAMS: list[dict[str, Any]] = [
    {"slug": "support", "name": "Support", "kind": Team.Kind.SUPPORT, "gets_new_tickets": True},
    {"slug": "set", "name": "Sustained Engineering", "kind": Team.Kind.ENGINEERING},
]


def load() -> None:
    """Add what isn't there yet; what an admin has changed stays."""
    for plan in PLANS:
        SupportPlan.objects.get_or_create(slug=plan["slug"], defaults=plan)
    for region in REGIONS:
        Region.objects.get_or_create(name=region["name"], defaults=region)
    for team in TEAMS:
        Team.objects.get_or_create(slug=team["slug"], defaults=team)
