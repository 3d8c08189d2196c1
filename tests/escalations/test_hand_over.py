"""Handed over to somebody who can be reached: they ring first and now, and then it climbs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.actions import deactivate
from accounts.models import User
from escalations import actions
from escalations.candidates import candidates
from escalations.defaults import make_reachable
from escalations.models import ContactMethod, Page, PageEvent
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from tests import factories
from tests.at_once import at_once

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
PassTime = Callable[[float], None]
Rung = Callable[[], list[str]]


@pytest.fixture
def chi_answers(chi: User) -> User:
    """chi, in Asia-Pacific, can be reached but stands in no step."""
    chi.teams.clear()
    make_reachable(chi, at=clock.now())
    return chi


def hand_over(client: Client, page: Page, to: object) -> Any:
    return client.post(f"/desk/pages/{page.pk}/hand-over/", {"to": getattr(to, "pk", to)})


def test_it_rings_them_first_and_then_climbs_the_policy(
    page: Page, bo: User, chi_answers: User, client_of: ClientOf, rung: Rung, pass_time: PassTime
) -> None:
    answer = hand_over(client_of(bo), page, chi_answers)
    assert (answer.status_code, answer["Location"]) == (303, page.get_absolute_url())
    run_pass("test")
    assert rung() == ["bo", "chi"]
    html = client_of(chi_answers).get(page.get_absolute_url()).content.decode()
    assert "Ringing you" in html
    assert "Bo handed over to Chi" in html
    pass_time(4.9)
    assert rung() == ["bo", "chi"]
    pass_time(0.2)
    assert rung() == ["bo", "chi", "bo"], "five minutes later the policy's first step"
    pass_time(5)
    assert rung()[3:] == ["ann", "lea"]


def test_an_acknowledged_page_can_be_handed_over(
    page: Page, bo: User, chi_answers: User, client_of: ClientOf, rung: Rung
) -> None:
    actions.acknowledge(page, by=bo, at=clock.now())
    hand_over(client_of(bo), page, chi_answers)
    run_pass("test")
    assert rung() == ["bo", "chi"]
    page.refresh_from_db()
    assert (page.is_ringing, page.acknowledged_by) == (True, None)


def test_who_takes_it_then_has_it(page: Page, bo: User, chi_answers: User, rung: Rung, pass_time: PassTime) -> None:
    actions.hand_over(page, to=chi_answers, by=bo, at=clock.now())
    run_pass("test")
    actions.acknowledge(page, by=chi_answers, at=clock.now())
    pass_time(29)
    assert rung() == ["bo", "chi"]


def test_the_form_offers_who_can_be_reached_those_on_call_first(
    page: Page, bo: User, ann: User, chi_answers: User, sven: User, pat: User, client_of: ClientOf
) -> None:
    html = client_of(ann).get(f"/desk/pages/{page.pk}/hand-over/").content.decode()
    html = html[html.index('class="people"') :]
    offered = [html.index(f">{name}<") for name in ("Bo", "Ada", "Chi", "Lea")]
    assert offered == sorted(offered), "on call first, then by name"
    assert "on call: Support on-call" in html
    assert "Asia-Pacific" in html
    for name in ("Ann", "Sven", "Pat"):
        assert f"<b>{name}</b>" not in html, "not oneself, nor who has no verified contact, nor stakeholders"


def test_the_list_of_people_costs_as_many_queries_for_many(page: Page, ann: User, count_queries: Any) -> None:
    now = clock.now()
    with count_queries() as few:
        candidates(besides=ann, at=now)
    for number in range(5):
        make_reachable(factories.staff(f"More{number}", ann.role, "Americas"), at=now)
    with count_queries() as many:
        assert len(candidates(besides=ann, at=now)) == 8
    assert len(many) == len(few)


def test_nobody_is_offered_where_nobody_can_be_reached(page: Page, bo: User, client_of: ClientOf) -> None:
    ContactMethod.objects.exclude(user=bo).update(disabled_at=clock.now())
    html = client_of(bo).get(f"/desk/pages/{page.pk}/hand-over/").content.decode()
    assert "Nobody else can be reached" in html


@pytest.mark.parametrize("to", ["", "x", "999999", "bo", "sven", "rita", "pat"])
def test_whom_it_cannot_reach_is_refused_beside_the_field(
    page: Page, bo: User, sven: User, client_of: ClientOf, request: Any, rung: Rung, to: str
) -> None:
    chosen = request.getfixturevalue(to) if to.isalpha() and to != "x" else to
    answer = hand_over(client_of(bo), page, chosen)
    assert answer.status_code == 400
    assert 'id="to_error"' in answer.content.decode()
    page.refresh_from_db()
    assert page.episode == 1
    assert rung() == ["bo"]


def test_the_verb_refuses_them_too(page: Page, bo: User, ann: User, sven: User, rita: User) -> None:
    now = clock.now()
    for to, code in ((bo, "self"), (sven, "unreachable"), (rita, "no_responder")):
        with pytest.raises(Invalid) as refusal:
            actions.hand_over(page, to=to, by=bo, at=now)
        assert (refusal.value.field, refusal.value.code) == ("to", code)
    with pytest.raises(NotAllowed):
        actions.hand_over(page, to=ann, by=rita, at=now)


def test_somebody_who_left_meanwhile_is_refused(
    page: Page, bo: User, ann: User, ada: User, client_of: ClientOf
) -> None:
    deactivate(ann, by=ada, at=clock.now())
    assert hand_over(client_of(bo), page, ann).status_code == 400


def test_who_leaves_after_it_was_handed_to_them_gives_way_at_once(
    page: Page, bo: User, chi_answers: User, ada: User, rung: Rung, pass_time: PassTime
) -> None:
    pass_time(1.1)
    actions.hand_over(page, to=chi_answers, by=bo, at=clock.now())
    deactivate(chi_answers, by=ada, at=clock.now())
    run_pass("test")
    assert rung() == ["bo", "bo"], "the policy's first step"


def test_a_page_that_is_over_is_nobodys(page: Page, bo: User, ann: User, client_of: ClientOf) -> None:
    page.ticket.__class__.objects.filter(pk=page.ticket_id).update(priority=4)
    run_pass("test")
    answer = hand_over(client_of(bo), page, ann)
    assert answer.status_code == 409
    assert "This page is over" in answer.content.decode()
    assert f'value="{ann.pk}" checked' in answer.content.decode()
    with pytest.raises(Conflict):
        actions.hand_over(page, to=ann, by=bo, at=clock.now())


@pytest.mark.parametrize("who", ["rita", "sam", "pat"])
def test_others_may_not(page: Page, ann: User, client_of: ClientOf, request: Any, who: str) -> None:
    somebody = client_of(request.getfixturevalue(who))
    assert hand_over(somebody, page, ann).status_code == 404
    assert somebody.get(f"/desk/pages/{page.pk}/hand-over/").status_code == 404


def test_a_forged_post_changes_nothing(page: Page, bo: User, ann: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(bo)
    assert hand_over(browser, page, ann).status_code == 403
    assert not PageEvent.objects.filter(kind="handed_over").exists()


def test_an_acknowledgement_of_who_had_it_is_over(
    page: Page, bo: User, chi_answers: User, rung: Rung, pass_time: PassTime
) -> None:
    actions.acknowledge(page, by=bo, at=clock.now())
    actions.hand_over(page, to=chi_answers, by=bo, at=clock.now() + timedelta(seconds=1))
    page.refresh_from_db()
    assert page.acknowledged_until is None
    pass_time(31)
    assert rung()[:2] == ["bo", "chi"]


@pytest.mark.django_db(transaction=True)
def test_handing_over_against_acknowledging_leaves_one_state(page: Page, bo: User, ann: User, lea: User) -> None:
    now = clock.now()
    at_once(
        lambda: actions.hand_over(page, to=ann, by=bo, at=now),
        lambda: actions.acknowledge(page, by=lea, at=now),
    )
    page.refresh_from_db()
    assert page.is_ringing == (page.next_action_at is not None)
    assert page.is_ringing == (page.acknowledged_by is None)
