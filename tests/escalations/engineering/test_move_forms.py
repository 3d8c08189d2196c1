"""The forms of the moves: what each asks, what is refused beside its field, what the customers would be told."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from escalations.engineering import actions
from escalations.engineering.steps import MOVES, Move, Step
from escalations.models import CustomerUpdate, Escalation, TeamInvolved
from supportdesk.lib import clock
from tests.at_once import at_once
from tests.escalations.engineering.conftest import AT, MINUTE, brought_to

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
HTMX = {"HTTP_HX_REQUEST": "true"}
TEXT = "Hello {{requester_name}} of {{organization}}: {{version}}."


def form(record: Escalation, move: Move) -> str:
    return f"{record.get_absolute_url()}move/{move.value}/"


def sent(record: Escalation, **fields: object) -> dict[str, object]:
    record.refresh_from_db()
    return {"seen_version": record.version, "text": TEXT, **fields}


BEFORE = {
    Move.REVIEW: None,
    Move.ASK: Move.REVIEW,
    Move.RETURN: Move.REVIEW,
    Move.CONFIRM: Move.REVIEW,
    Move.PLAN: Move.CONFIRM,
    Move.TEST: Move.PLAN,
    Move.RELEASE: Move.TEST,
    Move.FAIL: Move.TEST,
    Move.WITHDRAW: Move.CONFIRM,
}
ASKED = {
    Move.REVIEW: ("owner", "backup"),
    Move.ASK: ("question", "question_due_at", "whom", "text"),
    Move.RETURN: ("answer", "finish_as", "text"),
    Move.CONFIRM: ("teams", "text"),
    Move.PLAN: ("plan", "text"),
    Move.TEST: ("evidence", "comes_with", "text"),
    Move.RELEASE: ("version", "finish_as", "text"),
    Move.FAIL: ("reason", "text"),
    Move.WITHDRAW: ("reason", "text"),
}


@pytest.mark.parametrize("move", BEFORE)
def test_a_form_asks_for_what_its_move_demands(record: Escalation, sven: User, client_of: ClientOf, move: Move) -> None:
    last = BEFORE[move]
    if last is not None:
        brought_to(record, last, by=sven)
    html = client_of(sven).get(form(record, move)).content.decode()
    for name in ASKED[move]:
        assert f'name="{name}"' in html
    unasked = {name for names in ASKED.values() for name in names} - set(ASKED[move])
    assert not [name for name in unasked if f'name="{name}"' in html]
    assert set(MOVES[move].demands) - {"pull_request"} <= set(ASKED[move])


def test_from_the_review_to_the_release_by_forms(
    record: Escalation, sven: User, lea: User, client_of: ClientOf
) -> None:
    from tests.escalations.engineering.conftest import pull_request

    pull_request(record, sven)
    client, page = client_of(sven), record.get_absolute_url()
    steps: list[tuple[Move, dict[str, Any]]] = [
        (Move.REVIEW, {"owner": sven.pk, "backup": lea.pk}),
        (Move.CONFIRM, {"teams": ["product", "executives"]}),
        (Move.PLAN, {"plan": "Mend it"}),
        (Move.TEST, {"evidence": "All green", "comes_with": "9.11.2"}),
        (Move.RELEASE, {"version": "9.11.2", "finish_as": "solved"}),
    ]
    for move, typed in steps:
        answer = client.post(form(record, move), sent(record, **typed))
        assert answer.status_code == 303, answer.content.decode()
        owes = move is not Move.REVIEW
        assert answer["Location"] == (f"{page}update/" if owes else page)
        if owes:
            actions.send_update(record, by=sven, at=clock.now())
    record.refresh_from_db()
    assert (record.at_step, record.owner, record.backup) == (Step.RELEASED, sven, lea)
    assert (record.plan, record.fixed_version, record.finish_as) == ("Mend it", "9.11.2", "solved")
    assert set(TeamInvolved.objects.values_list("team", flat=True)) == {"product", "executives"}


def test_a_question_is_due_on_the_clock_of_who_asks(record: Escalation, sven: User, client_of: ClientOf) -> None:
    import zoneinfo

    sven.time_zone = "Asia/Tokyo"
    sven.save(update_fields=["time_zone"])
    brought_to(record, Move.REVIEW, by=sven)
    there = timezone.localtime(clock.now() + timedelta(days=2), zoneinfo.ZoneInfo("Asia/Tokyo")).replace(second=0)
    typed = {"question": "Which proxy?", "question_due_at": f"{there:%Y-%m-%dT%H:%M}"}
    client = client_of(sven)
    answer = client.post(form(record, Move.ASK), sent(record, **typed, whom="support", text=""))
    assert answer.status_code == 303
    assert answer["Location"] == record.get_absolute_url()  # support is asked: no customer is owed a word
    record.refresh_from_db()
    assert record.question_due_at == there.replace(microsecond=0)
    assert not record.asks_customer
    client.post(form(record, Move.RESUME), sent(record))
    answer = client.post(form(record, Move.ASK), sent(record, **typed, whom="customers"))
    assert answer["Location"].endswith("/update/")


@pytest.mark.parametrize(
    ("last", "move", "typed", "sentence"),
    [
        (Move.REVIEW, Move.ASK, {"question": "", "whom": "support"}, "Write the question."),
        (Move.REVIEW, Move.ASK, {"question": "Which?", "whom": "support"}, "Say by when you need it."),
        (
            Move.REVIEW,
            Move.ASK,
            {"question": "Which?", "whom": "support", "question_due_at": "2026-01-01T10:00"},
            "This is past already.",
        ),
        (Move.REVIEW, Move.ASK, {"question": "Which?", "question_due_at": "soon"}, "Choose whom you ask."),
        (Move.REVIEW, Move.RETURN, {"answer": " ", "finish_as": "open"}, "Write the answer"),
        (Move.REVIEW, Move.CONFIRM, {"teams": ["marketing"]}, "Choose among the teams shown."),
        (Move.REVIEW, Move.CONFIRM, {"text": " "}, "Write what the customers are told."),
        (Move.REVIEW, Move.CONFIRM, {"text": "Dear {{name}}"}, "is no variable"),
        (Move.CONFIRM, Move.PLAN, {"plan": ""}, "Write the plan."),
        (Move.PLAN, Move.TEST, {"evidence": ""}, "Say what was tested"),
        (Move.TEST, Move.RELEASE, {"version": "", "finish_as": "open"}, "Name the version"),
        (Move.TEST, Move.RELEASE, {"version": "9" * 41, "finish_as": "open"}, "too long"),
        (Move.TEST, Move.FAIL, {"reason": ""}, "Say why."),
    ],
)
def test_what_is_missing_is_said_beside_its_field(
    record: Escalation,
    sven: User,
    client_of: ClientOf,
    last: Move,
    move: Move,
    typed: dict[str, Any],
    sentence: str,
) -> None:
    brought_to(record, last, by=sven)
    answer = client_of(sven).post(form(record, move), sent(record, **{"text": "My own words", **typed}))
    html = answer.content.decode()
    assert answer.status_code == 400
    assert sentence in html
    assert 'aria-invalid="true"' in html
    assert str(typed.get("text", "My own words")).strip() in html
    former = record.step
    record.refresh_from_db()
    assert record.step == former


def test_a_fix_without_a_pull_request_is_sent_to_link_it(record: Escalation, sven: User, client_of: ClientOf) -> None:
    brought_to(record, Move.PLAN, by=sven)
    record.pull_requests.update(unlinked_at=AT)
    answer = client_of(sven).post(
        form(record, Move.TEST), sent(record, evidence="All green at length", comes_with="9.11.2")
    )
    assert answer.status_code == 400
    html = answer.content.decode()
    assert "Link the pull request with the fix first." in html
    assert f'href="{record.get_absolute_url()}#pull_requests"' in html
    assert "All green at length" in html


def test_a_step_that_owes_a_word_is_not_left_and_the_form_says_where_to_give_it(
    record: Escalation, sven: User, client_of: ClientOf
) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    client = client_of(sven)
    way = f'href="{record.get_absolute_url()}update/"'
    assert way in client.get(form(record, Move.PLAN)).content.decode()
    answer = client.post(form(record, Move.PLAN), sent(record, plan="Mend it all"))
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "the customers were not told that it is confirmed" in html
    assert way in html
    assert "Mend it all" in html
    assert way not in client.get(form(record, Move.WITHDRAW)).content.decode()


def test_the_second_of_two_engineers_is_told_and_may_do_it_again(
    record: Escalation, sven: User, lea: User, client_of: ClientOf
) -> None:
    seen = sent(record, owner=lea.pk)
    facts = actions.Problem("Another title", 2, "All", "Log in")
    actions.edit(record, facts, by=sven, at=AT + MINUTE)
    client = client_of(lea)
    answer = client.post(form(record, Move.REVIEW), seen)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "Sven changed this escalation while you were at it" in html
    again = html.split('name="seen_version" value="', 1)[1].split('"', 1)[0]
    assert client.post(form(record, Move.REVIEW), {**seen, "seen_version": again}).status_code == 303


def test_a_move_that_somebody_made_already_keeps_what_was_typed(
    record: Escalation, sven: User, lea: User, client_of: ClientOf
) -> None:
    brought_to(record, Move.CONFIRM, by=sven)
    seen = sent(record, plan="Lea's long plan")
    actions.take_step(record, Move.PLAN, by=sven, given={"plan": "Sven's"}, at=AT + 9 * MINUTE)
    answer = client_of(lea).post(form(record, Move.PLAN), seen)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "is at “Action plan created”" in html
    assert "Lea&#x27;s long plan" in html
    record.refresh_from_db()
    assert record.plan == "Sven's"


def test_a_move_that_does_not_exist_is_not_there(record: Escalation, sven: User, client_of: ClientOf) -> None:
    assert client_of(sven).get(f"{record.get_absolute_url()}move/celebrate/").status_code == 404
    html = client_of(sven).get(form(record, Move.RELEASE)).content.decode()
    assert "“Release” can't be done from there" in html
    assert client_of(sven).post(form(record, Move.RELEASE), {}).status_code == 409


def test_the_preview_is_the_first_customers_message_with_what_is_typed(
    record: Escalation, sven: User, client_of: ClientOf
) -> None:
    brought_to(record, Move.TEST, by=sven)
    client, there = client_of(sven), form(record, Move.RELEASE)
    html = client.get(there).content.decode()
    assert "Rita at Northwind gets:" in html
    assert "And 1 other customer" in html
    assert "the fix is in Mattermost 9.11.2" in html
    typed = sent(record, version="10.0.7", preview="yes", text="**{{version}}** for {{requester_name}} {{upgrade}}")
    answer = client.post(there, typed, **HTMX).content.decode()
    assert "<strong>10.0.7</strong> for Rita" in answer
    assert "upgrade to 10.0.7 or later" in answer
    assert "<html" not in answer
    assert '<div id="preview" aria-live="polite"' in html
    assert "aria-live" not in answer, "the live region stays, its inside is swapped"
    without = client.post(there, typed).content.decode()
    assert "<strong>10.0.7</strong> for Rita" in without
    assert 'value="10.0.7"' in without
    wrong = client.post(there, {**typed, "text": "{{secret}}"}, **HTMX).content.decode()
    assert "is no variable" in wrong
    record.refresh_from_db()
    assert (record.at_step, record.fixed_version) == (Step.TESTED, "")
    assert not CustomerUpdate.objects.filter(step="released").exists()


def test_a_suggestion_fills_in_the_version(record: Escalation, sven: User, client_of: ClientOf) -> None:
    brought_to(record, Move.TEST, by=sven)
    html = client_of(sven).get(form(record, Move.RELEASE), {"version": "10.4.1"}).content.decode()
    assert 'value="10.4.1"' in html


def test_s053_nobody_but_movers_moves(record: Escalation, ann: User, client_of: ClientOf) -> None:
    answer = client_of(ann).post(form(record, Move.REVIEW), sent(record))
    assert answer.status_code == 403
    record.refresh_from_db()
    assert record.at_step is Step.REQUESTED


TYPED: dict[Move, dict[str, Any]] = {
    Move.CONFIRM: {"teams": ["product"]},
    Move.PLAN: {"plan": "Mend it all"},
    Move.TEST: {"evidence": "All green", "comes_with": "9.11.2"},
    Move.RELEASE: {"version": "9.11.2", "finish_as": "solved"},
    Move.WITHDRAW: {"reason": "Not ours"},
    Move.FAIL: {"reason": "It is back"},
}


@pytest.mark.parametrize("move", list(Move))
def test_a_button_pressed_twice_is_one_move(record: Escalation, sven: User, client_of: ClientOf, move: Move) -> None:
    before = BEFORE.get(move, Move.REVIEW)
    if before is not None:
        brought_to(record, before, by=sven)
    due = f"{timezone.localtime(clock.now() + timedelta(days=2)):%Y-%m-%dT%H:%M}"
    asked = {"question": "Which proxy?", "question_due_at": due, "whom": "customers"}
    client = client_of(sven)
    if move is Move.RESUME:
        client.post(form(record, Move.ASK), sent(record, **{**asked, "whom": "support"}))
    typed = {Move.REVIEW: {"owner": sven.pk}, Move.ASK: asked, Move.RETURN: {"answer": "No", "finish_as": "open"}}
    said = sent(record, **{**TYPED, **typed}.get(move, {}))
    first, second = (client.post(form(record, move), said) for _ in range(2))
    assert [first.status_code, second.status_code] == [303, 303]
    assert first["Location"] == second["Location"]
    assert record.events.filter(kind="moved", data__move=move.value).count() == 1


def test_what_differs_from_the_first_press_is_not_swallowed(
    record: Escalation, sven: User, lea: User, client_of: ClientOf
) -> None:
    brought_to(record, Move.REVIEW, by=sven)
    said = sent(record, teams=["product"])
    client = client_of(sven)
    assert client.post(form(record, Move.CONFIRM), said).status_code == 303
    assert client_of(lea).post(form(record, Move.CONFIRM), said).status_code == 409
    assert client.post(form(record, Move.CONFIRM), {**said, "preview": "yes"}, **HTMX).status_code == 409
    for changed in ({"teams": ["executives"]}, {"text": "Other words"}):
        answer = client.post(form(record, Move.CONFIRM), {**said, **changed})
        assert answer.status_code == 409
        assert "can't be done from there" in answer.content.decode()
    actions.send_update(record, by=sven, at=clock.now())
    plan = sent(record, plan="Mend it all")
    assert client.post(form(record, Move.PLAN), plan).status_code == 303
    answer = client.post(form(record, Move.PLAN), {**plan, "plan": "Quite another plan"})
    assert answer.status_code == 409
    assert "Quite another plan" in answer.content.decode()
    record.events.filter(kind="moved").update(at=clock.now() - timedelta(minutes=2))
    assert client.post(form(record, Move.PLAN), plan).status_code == 409


@pytest.mark.django_db(transaction=True)
def test_two_presses_at_once_lead_to_the_same_page(record: Escalation, sven: User, client_of: ClientOf) -> None:
    said = sent(record, owner=sven.pk)
    presses = [client_of(sven) for _ in range(2)]
    answers = at_once(*[lambda client=client: client.post(form(record, Move.REVIEW), said) for client in presses])
    assert [answer.status_code for answer in answers] == [303, 303]
    assert record.events.filter(kind="moved").count() == 1
