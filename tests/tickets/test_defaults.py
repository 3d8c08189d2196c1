"""What a new desk begins with: the tables of the domain description, typed a second time."""

import pytest
from django.core.management import call_command

from accounts.models import SupportPlan
from tests.factories import promise
from tickets.models import Category, Environment, MobileDevice, PromiseTarget, SlaPolicy, WorkflowSettings

pytestmark = pytest.mark.django_db

CATEGORIES = """General inquiry, AD/LDAP, Authentication & Provisioning, Compliance & Auditing, Connectivity,
Customization & Branding, Data Export and Import, Database, Desktop, Developer Toolkit, Installation, Integrations,
Invitation & Login, Messaging, Mobile, Notifications & Status, Onboarding, Roles & Permissions, Search, Server Issues,
System Console, Upgrading, User Interface, User/Team/Channel Management, User issue"""

# plan and promise: Urgent, High, Normal, Low
PROMISES = {
    ("professional", "first_reply"): [(240, "business"), (480, "business"), (480, "business"), (960, "business")],
    ("enterprise", "first_reply"): [(120, "clock"), (240, "clock"), (480, "business"), (480, "business")],
    ("premier", "first_reply"): [(60, "clock"), (120, "clock"), (240, "business"), (480, "business")],
    ("enterprise", "next_reply"): [(240, "clock"), (480, "clock"), (1440, "clock"), (1440, "clock")],
    ("premier", "next_reply"): [(120, "clock"), (240, "clock"), (1440, "clock"), (1440, "clock")],
    ("premier", "regular_update"): [(240, "clock"), (480, "business")],
}


@pytest.fixture(autouse=True)
def _loaded(db: None) -> None:
    call_command("load_defaults")


def test_the_form_offers_what_the_domain_lists() -> None:
    assert list(Category.objects.values_list("name", flat=True)) == " ".join(CATEGORIES.split("\n")).split(", ")
    assert list(Environment.objects.values_list("name", flat=True)) == ["Production", "Staging", "Test", "Development"]
    assert MobileDevice.objects.count() == 5
    assert set(Category.objects.filter(concerns_mobile=True).values_list("slug", flat=True)) == {
        "mobile",
        "notifications-status",
    }


def test_every_category_says_what_to_provide() -> None:
    for category in Category.objects.all():
        points = [line for line in category.guidance.splitlines() if line.startswith("- ")]
        assert 3 <= len(points) <= 6, category


def test_the_promises_are_the_tables() -> None:
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for target in PromiseTarget.objects.select_related("version__policy__plan").order_by("priority"):
        found.setdefault((target.version.policy.plan.slug, target.promise), []).append((target.minutes, target.hours))
    assert found == PROMISES


def test_the_workflows_figures() -> None:
    settings = WorkflowSettings.current()
    assert (settings.close_after_hours, settings.remind_after_days, settings.solve_after_days) == (48, [3, 5], 7)


def test_loading_again_leaves_what_an_admin_has_done() -> None:
    Category.objects.filter(slug="search").update(name="Finding", guidance="Ours", is_active=False)
    Category.objects.filter(slug="desktop").delete()
    Environment.objects.filter(name="Test").update(name="Acceptance")
    premier = SupportPlan.objects.get(slug="premier")
    promise("premier", {("first_reply", 1): (30, "clock")})
    WorkflowSettings.objects.update(close_after_hours=24)
    call_command("load_defaults")
    assert Category.objects.count() == 24
    assert Category.objects.get(slug="search").guidance == "Ours"
    assert Environment.objects.count() == 4
    assert PromiseTarget.objects.get(version=SlaPolicy.objects.get(plan=premier).current).minutes == 30
    assert WorkflowSettings.current().close_after_hours == 24
