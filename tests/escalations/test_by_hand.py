"""Page on-call by hand, for support and for SET: whom it rings, what ends it, who may not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations import actions
from escalations.defaults import make_reachable
from escalations.models import EscalationPolicy, Page, PageEvent, PolicyChoice, PolicyStep
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from tests import factories
from tests.at_once import at_once
from tickets import actions as ticket_actions
from tickets.models import Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
PassTime = Callable[[float], None]
Rung = Callable[[], list[str]]
ASKED = {"kind": "by_hand", "priority": "1", "reason": "Their data centre is on fire"}


@pytest.fixture
def quiet(policy: EscalationPolicy, sam: User) -> Ticket:
    """A request that rings nobody by itself: its plan doesn't page."""
    return factories.open_ticket(sam, subject="Secret subject")


@pytest.fixture
def for_set(policy: EscalationPolicy, sven: User) -> EscalationPolicy:
    make_reachable(sven, at=clock.now())
    made = EscalationPolicy.objects.create(name="SET", active_from=clock.now(), is_for_set=True)
    PolicyStep.objects.create(policy=made, position=1, delay_minutes=0).people.add(sven)
    return made


@pytest.fixture
def asked(quiet: Ticket, ann: User) -> Page:
    """A page that ann asked for, ringing bo."""
    actions.page_by_hand(quiet, kind=Page.Kind.BY_HAND, priority=Priority.URGENT, reason="Look", by=ann, at=clock.now())
    run_pass("test")
    return Page.objects.get()


def ask(client: Client, ticket: Ticket, **given: str) -> Any:
    return client.post(f"/desk/tickets/{ticket.number}/page/", ASKED | given)


def test_it_rings_supports_on_call_and_says_why_on_the_desk_only(
    quiet: Ticket, ann: User, bo: User, client_of: ClientOf, phones: Any, mailoutbox: list[Any]
) -> None:
    answer = ask(client_of(ann), quiet)
    assert (answer.status_code, answer["Location"]) == (303, quiet.desk_url)
    run_pass("test")
    (line,) = phones()
    assert line["person"] == "bo@desk.example"
    assert line["text"].startswith(f"Paged by hand, Urgent, Contoso: #{quiet.number}.")
    for text in (line["text"], mailoutbox[0].subject, mailoutbox[0].body, mailoutbox[0].alternatives[0][0]):
        assert "fire" not in text
        assert "Secret" not in text
    html = client_of(bo).get(Page.objects.get().get_absolute_url()).content.decode()
    for words in ("Paged by hand", "Their data centre is on fire", "Ann", "Ringing you", "Done", "Open ticket"):
        assert words in html


def test_the_form_says_who_is_rung_and_offers_set_where_a_policy_is_for_them(
    quiet: Ticket, ann: User, client_of: ClientOf, request: pytest.FixtureRequest
) -> None:
    address = f"/desk/tickets/{quiet.number}/page/"
    html = client_of(ann).get(address).content.decode()
    assert "Support on-call: Bo now" in html
    assert "SET on-call" not in html
    request.getfixturevalue("for_set")
    assert "SET on-call: Sven now" in client_of(ann).get(address).content.decode()


def test_looking_at_the_form_pages_nobody(quiet: Ticket, ann: User, client_of: ClientOf) -> None:
    client_of(ann).get(f"/desk/tickets/{quiet.number}/page/")
    assert not Page.objects.exists()


@pytest.mark.parametrize(
    ("given", "sentence", "status"),
    [
        ({"reason": ""}, "Say why", 400),
        ({"reason": "  \t "}, "Say why", 400),
        ({"reason": "x" * 301}, "at most 300 characters", 400),
        ({"reason": "two\nlines"}, "one line", 400),
        ({"priority": "3"}, "Choose Urgent or High.", 400),
        ({"priority": ""}, "Choose Urgent or High.", 400),
        ({"kind": "ticket"}, "Choose whom to page.", 400),
        ({"kind": "set"}, "Choose whom to page.", 400),
    ],
)
def test_what_cannot_be_taken_stands_beside_its_field_and_nothing_is_lost(
    quiet: Ticket, ann: User, client_of: ClientOf, given: dict[str, str], sentence: str, status: int
) -> None:
    answer = ask(client_of(ann), quiet, **given)
    html = answer.content.decode()
    assert answer.status_code == status
    assert sentence in html
    assert 'aria-invalid="true"' in html
    if "reason" not in given:
        assert "Their data centre is on fire" in html
    assert not Page.objects.exists()


def test_one_that_rings_already_and_a_finished_ticket_are_refused_with_409(
    asked: Page, quiet: Ticket, ann: User, bo: User, client_of: ClientOf
) -> None:
    answer = ask(client_of(ann), quiet)
    assert answer.status_code == 409
    assert "Somebody is being paged for it already." in answer.content.decode()
    assert "Their data centre is on fire" in answer.content.decode()
    ticket_actions.solve(quiet, by=bo, at=clock.now())
    answer = ask(client_of(ann), quiet)
    assert answer.status_code == 409
    assert "The ticket is Solved: reopen it first." in answer.content.decode()
    assert Page.objects.count() == 1


@pytest.mark.parametrize("who", ["rita", "sam", "pat"])
def test_others_may_not(quiet: Ticket, client_of: ClientOf, request: Any, who: str) -> None:
    person = request.getfixturevalue(who)
    assert ask(client_of(person), quiet).status_code == 404
    with pytest.raises(NotAllowed):
        actions.page_by_hand(quiet, kind=Page.Kind.BY_HAND, priority=1, reason="x", by=person, at=clock.now())
    assert not Page.objects.exists()


def test_a_stranger_logs_in_and_a_ticket_that_is_not_there_is_404(
    quiet: Ticket, ann: User, client_of: ClientOf
) -> None:
    assert ask(Client(), quiet)["Location"].startswith("/accounts/login/")
    assert client_of(ann).get("/desk/tickets/999999/page/").status_code == 404


@pytest.mark.parametrize("kind", [Page.Kind.TICKET, Page.Kind.SLA_BREACH, Page.Kind.TEST, Page.Kind.CANARY])
def test_no_other_kind_can_be_asked_for(quiet: Ticket, ann: User, kind: Page.Kind) -> None:
    with pytest.raises(Invalid):
        actions.page_by_hand(quiet, kind=kind, priority=1, reason="x", by=ann, at=clock.now())


def test_set_is_rung_by_its_own_policy(
    quiet: Ticket, for_set: EscalationPolicy, ann: User, client_of: ClientOf, rung: Rung
) -> None:
    ask(client_of(ann), quiet, kind="set")
    run_pass("test")
    assert rung() == ["sven"]
    assert Page.objects.get().policy == for_set


def test_without_a_policy_for_set_the_last_resort_rings(
    quiet: Ticket, ann: User, rung: Rung, mailoutbox: list[Any]
) -> None:
    actions.page_by_hand(quiet, kind=Page.Kind.SET, priority=1, reason="Look", by=ann, at=clock.now())
    run_pass("test")
    assert sorted(set(rung())) == ["ada", "lea"]
    assert Page.objects.get().nobody_reached_at is not None


def test_support_and_set_ring_side_by_side(quiet: Ticket, for_set: EscalationPolicy, ann: User, rung: Rung) -> None:
    for kind in Page.ASKED_FOR:
        actions.page_by_hand(quiet, kind=kind, priority=1, reason="Look", by=ann, at=clock.now())
    run_pass("test")
    assert sorted(rung()) == ["bo", "sven"]


def test_it_pages_by_the_choice_that_fits_the_ticket(
    quiet: Ticket, policy: EscalationPolicy, ann: User, lea: User, sam: User, rung: Rung
) -> None:
    other = EscalationPolicy.objects.create(name="Enterprise", active_from=clock.now())
    PolicyStep.objects.create(policy=other, position=1, delay_minutes=0).people.add(lea)
    PolicyChoice.objects.create(position=1, policy=other, plan=quiet.organization.plan)
    actions.page_by_hand(quiet, kind=Page.Kind.BY_HAND, priority=1, reason="Look", by=ann, at=clock.now())
    run_pass("test")
    assert rung() == ["lea"]


def test_unacknowledged_it_climbs_like_any_other(asked: Page, rung: Rung, pass_time: PassTime) -> None:
    pass_time(5.1)
    assert rung() == ["bo", "ann", "lea"]


@pytest.mark.parametrize("held", [False, True])
def test_it_ends_once_the_customer_is_answered(
    asked: Page, quiet: Ticket, bo: User, pass_time: PassTime, held: bool
) -> None:
    if held:
        actions.acknowledge(asked, by=bo, at=clock.now())
    clock.move(timedelta(seconds=20))
    ticket_actions.answer(quiet, by=bo, body="On it.", submit_as=Status.OPEN, at=clock.now())
    run_pass("test")
    asked.refresh_from_db()
    assert asked.state == Page.State.ENDED
    assert PageEvent.objects.get(kind="ended").data["why"] == "the customer was answered"


def test_one_for_set_goes_on_when_the_customer_is_answered_and_ends_with_the_ticket(
    quiet: Ticket, for_set: EscalationPolicy, ann: User, bo: User
) -> None:
    page = actions.page_by_hand(quiet, kind=Page.Kind.SET, priority=1, reason="Look", by=ann, at=clock.now())
    clock.move(timedelta(seconds=20))
    ticket_actions.answer(quiet, by=bo, body="On it.", submit_as=Status.OPEN, at=clock.now())
    run_pass("test")
    page.refresh_from_db()
    assert page.is_ringing
    ticket_actions.solve(quiet, by=bo, at=clock.now())
    run_pass("test")
    page.refresh_from_db()
    assert page.state == Page.State.ENDED


def test_it_ends_when_somebody_says_that_it_is_done(asked: Page, bo: User, client_of: ClientOf) -> None:
    answer = client_of(bo).post(f"{asked.get_absolute_url()}finish/", follow=True)
    assert "Done. The page is over." in answer.content.decode()
    asked.refresh_from_db()
    assert asked.state == Page.State.ENDED
    again = client_of(bo).post(f"{asked.get_absolute_url()}finish/", follow=True)
    assert "This page is over" in again.content.decode()
    assert PageEvent.objects.filter(kind="ended").count() == 1


def test_what_follows_from_a_ticket_is_not_for_anybody_to_end(page: Page, bo: User, client_of: ClientOf) -> None:
    answer = client_of(bo).post(f"{page.get_absolute_url()}finish/", follow=True)
    assert "It ends by itself" in answer.content.decode()
    page.refresh_from_db()
    assert page.is_ringing
    with pytest.raises(Conflict):
        actions.finish(page, by=bo, at=clock.now())


def test_acknowledging_takes_the_ticket_and_a_note_holds_it_off(
    asked: Page, quiet: Ticket, bo: User, rung: Rung, pass_time: PassTime
) -> None:
    Ticket.objects.filter(pk=quiet.pk).update(assignee=None)
    actions.acknowledge(asked, by=bo, at=clock.now())
    quiet.refresh_from_db()
    assert quiet.assignee == bo
    clock.move(timedelta(seconds=20))
    ticket_actions.add_note(quiet, by=bo, body="I look at it.", at=clock.now())
    pass_time(31)
    assert rung() == ["bo"]


def test_without_any_work_it_rings_anew_when_the_acknowledgement_is_over(
    asked: Page, bo: User, rung: Rung, pass_time: PassTime
) -> None:
    actions.acknowledge(asked, by=bo, at=clock.now())
    pass_time(29)
    assert rung() == ["bo"]
    pass_time(1.1)
    assert rung() == ["bo", "bo"]


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_in_the_same_moment_ring_once(quiet: Ticket, ann: User, lea: User) -> None:
    now = clock.now()

    def by(person: User) -> Callable[[], Page]:
        return lambda: actions.page_by_hand(quiet, kind=Page.Kind.BY_HAND, priority=1, reason="x", by=person, at=now)

    results = at_once(by(ann), by(lea))
    assert sorted(type(result) for result in results if isinstance(result, Page)) == [Page]
    assert [type(result) for result in results if not isinstance(result, Page)] == [Conflict]
    assert Page.objects.count() == 1
