"""What a new desk begins with; loading it again undoes nothing."""

from accounts import defaults
from accounts.access import active_memberships, may_use_portal, plan_for
from accounts.models import Membership, Organization, Region, SupportPlan, Team, User


def test_plans_regions_and_teams_are_loaded_once(db: None) -> None:
    defaults.load()
    SupportPlan.objects.filter(slug="premier").update(name="Platinum")
    defaults.load()
    plans = SupportPlan.objects.values_list(
        "slug", "uses_portal", "uses_email", "pages", "covers_weekends", "is_default"
    )
    assert list(plans) == [
        ("free", False, False, False, False, True),
        ("professional", True, False, False, False, False),
        ("enterprise", True, True, False, False, False),
        ("premier", True, True, True, True, False),
    ]
    assert SupportPlan.objects.get(slug="premier").name == "Platinum"
    assert [region.shift_starts.hour for region in Region.objects.all()] == [0, 8, 16]
    assert list(Team.objects.filter(gets_new_tickets=True).values_list("slug", flat=True)) == ["support"]


def test_the_plan_opens_the_doors(rita: User, fred: User, northwind: Organization) -> None:
    assert plan_for(rita, northwind) == northwind.plan
    assert may_use_portal(rita, northwind)
    assert str(plan_for(fred, None)) == "Free"
    assert not may_use_portal(fred, None)


def test_memberships_count_while_both_sides_are_active(
    rita: User, northwind: Organization, contoso: Organization
) -> None:
    Membership.objects.create(user=rita, organization=contoso)
    assert [place.organization for place in active_memberships(rita)] == [contoso, northwind]
    Organization.objects.filter(pk=contoso.pk).update(is_active=False)
    assert [place.organization for place in active_memberships(rita)] == [northwind]
