"""The public help page, told from the data."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import SupportPlan, Team, User
from tests.factories import promise
from tickets.models import Priority, SlaPolicy, WorkflowSettings

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> None:
    cache.clear()


def test_it_tells_promises_priorities_statuses_and_regions_to_everybody(_defaults: None) -> None:
    promise("premier", {("first_reply", 1): (60, "clock"), ("next_reply", 4): (960, "business")})
    WorkflowSettings.objects.update(close_after_hours=72)
    page = Client().get("/help/").content.decode()
    for plan in SupportPlan.objects.all():
        assert plan.name in page
    assert "1 hour, around the clock" in page
    assert "2 business days" in page
    for priority in Priority:
        assert priority.meaning in page
    for word in ("New", "Open", "Pending", "Solved", "Closed", "Asia-Pacific", "Americas", "Sustained Engineering"):
        assert word in page
    assert "On-hold" not in page
    assert "Closed after 72 hours" in page


def test_it_works_for_everybody_who_is_signed_in(
    rita: User, fred: User, ann: User, pat: User, client_of: Callable[[User], Client]
) -> None:
    for person in (rita, fred, ann, pat):
        assert client_of(person).get("/help/").status_code == 200


def test_it_works_on_an_empty_desk() -> None:
    for model in (SlaPolicy, WorkflowSettings):
        model.objects.all().delete()
    SupportPlan.objects.all().delete()
    Team.objects.all().delete()
    assert Client().get("/help/").status_code == 200


def test_its_tables_are_kept_for_a_minute(
    _defaults: None, count_queries: Callable[[], object], move_clock: Callable[[timedelta], object]
) -> None:
    Client().get("/help/")
    with count_queries() as queries:
        Client().get("/help/")
    assert len(queries) <= 4
