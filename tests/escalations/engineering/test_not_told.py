"""Customers who are not to be told of a step at all: who decides it, why, and that nothing waits for them."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from escalations.engineering import actions, telling
from escalations.engineering.history import line
from escalations.engineering.queues import count_all
from escalations.engineering.steps import Move
from escalations.models import CustomerNotice, Escalation, EscalationEvent, EscalationLink
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from tests.escalations.engineering.conftest import AT, MINUTE, brought_to
from tickets.models import Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
LATER = AT + 10 * MINUTE
WHY = "They left us last week."


@pytest.fixture
def owing(record: Escalation, sven: User) -> Escalation:
    """Released, and nobody was told so yet."""
    return brought_to(record, Move.RELEASE, by=sven, send=False)


def notice_of(ticket: Ticket) -> CustomerNotice:
    return CustomerNotice.objects.get(link__ticket=ticket, update_of__step="released")


def untold() -> int:
    return count_all(now=LATER)["fixed-untold"]


def dismiss(ticket: Ticket, *, by: User) -> None:
    actions.dismiss_notice(notice_of(ticket), why=WHY, by=by, at=LATER)


def test_who_was_held_back_and_is_not_to_be_told_waits_no_more(
    owing: Escalation, sams: Ticket, ann: User, sven: User
) -> None:
    actions.hold_notice(notice_of(sams), why="They are away", by=ann, at=LATER)
    actions.send_update(owing, by=sven, at=LATER)
    telling.tell_customers(now=LATER)
    assert untold() == 1
    dismiss(sams, by=ann)
    assert untold() == 0
    assert telling.tell_customers(now=LATER + MINUTE) == 0
    assert notice_of(sams).message is None
    said = line(owing.events.filter(kind=EscalationEvent.Kind.HELD_BACK).select_related("actor").latest("pk"))
    assert said.text == f"Ann decided that the customer of #{sams.pk} is not to be told (Released), because"
    assert said.quoted == WHY


def test_somebody_may_think_better_of_it(owing: Escalation, sams: Ticket, ann: User, sven: User) -> None:
    dismiss(sams, by=ann)
    actions.send_update(owing, by=sven, at=LATER)
    telling.tell_customers(now=LATER)
    with pytest.raises(Conflict):
        actions.hold_notice(notice_of(sams), why="They are away", by=ann, at=LATER)
    actions.release_notice(notice_of(sams), by=ann, at=LATER)
    telling.tell_customers(now=LATER + MINUTE)
    assert notice_of(sams).state == CustomerNotice.State.SENT


def test_whose_customer_is_not_to_be_told_goes_back_to_the_agent_with_the_others(
    owing: Escalation, ritas: Ticket, sams: Ticket, ann: User, sven: User
) -> None:
    dismiss(sams, by=ann)
    assert untold() == 1
    actions.send_update(owing, by=sven, at=LATER)
    telling.tell_customers(now=LATER)
    for ticket in (ritas, sams):
        ticket.refresh_from_db()
        assert (ticket.state, ticket.is_escalated) == (Status.OPEN, False)
    assert notice_of(sams).state == CustomerNotice.State.DISMISSED
    assert notice_of(ritas).state == CustomerNotice.State.SENT


def test_it_goes_back_where_everybody_else_was_taken_out(
    owing: Escalation, ritas: Ticket, sams: Ticket, ann: User
) -> None:
    dismiss(sams, by=ann)
    actions.unlink(EscalationLink.objects.get(ticket=ritas), by=ann, at=LATER)
    owing.refresh_from_db()
    assert not owing.owes_update
    telling.tell_customers(now=LATER)
    sams.refresh_from_db()
    assert (sams.state, sams.is_escalated) == (Status.OPEN, False)


def test_what_could_not_be_told_may_be_given_up(owing: Escalation, sams: Ticket, ann: User, sven: User) -> None:
    actions.send_update(owing, by=sven, at=LATER)
    CustomerNotice.objects.filter(pk=notice_of(sams).pk).update(own_text="x" * 70_000)
    telling.tell_customers(now=LATER)
    assert untold() == 1
    dismiss(sams, by=ann)
    telling.tell_customers(now=LATER)
    sams.refresh_from_db()
    assert (untold(), sams.is_escalated) == (0, False)


def test_with_nobody_to_be_told_the_step_is_completed_by_telling_nobody(
    owing: Escalation, ritas: Ticket, sams: Ticket, ann: User, sven: User
) -> None:
    for ticket in (ritas, sams):
        dismiss(ticket, by=ann)
    owing.refresh_from_db()
    assert owing.owes_update, "somebody looks at it and completes it"
    actions.send_update(owing, by=sven, at=LATER)
    telling.tell_customers(now=LATER)
    sams.refresh_from_db()
    assert not sams.is_escalated


def test_a_merge_that_is_undone_asks_nobody_again(
    record: Escalation, other: Escalation, pias: Ticket, ann: User, sven: User
) -> None:
    brought_to(other, Move.CONFIRM, by=sven, send=False)
    notice = CustomerNotice.objects.get(link__ticket=pias, update_of__step="confirmed")
    actions.hold_notice(notice, why="They are away", by=ann, at=LATER)
    actions.send_update(other, by=sven, at=LATER)
    actions.dismiss_notice(notice, why=WHY, by=ann, at=LATER)
    merged = actions.merge(other, record, by=sven, at=LATER)
    actions.unmerge(merged, by=sven, at=LATER + MINUTE)
    notice.refresh_from_db()
    assert (notice.state, notice.held_why) == (CustomerNotice.State.DISMISSED, WHY)


@pytest.mark.parametrize("sends_between", [True, False])
def test_what_is_still_owed_is_not_told_them_by_another_record_either(
    record: Escalation, other: Escalation, pias: Ticket, ann: User, sven: User, sends_between: bool
) -> None:
    for one in (record, other):
        brought_to(one, Move.CONFIRM, by=sven, send=False)
    notice = CustomerNotice.objects.get(link__ticket=pias, update_of__step="confirmed")
    actions.dismiss_notice(notice, why=WHY, by=ann, at=LATER)
    merged = actions.merge(other, record, by=sven, at=LATER)
    if sends_between:
        actions.send_update(record, by=sven, at=LATER)
    actions.unmerge(merged, by=sven, at=LATER + MINUTE)
    other.refresh_from_db()
    assert not other.owes_update, "there is nobody else"
    telling.tell_customers(now=LATER + 2 * MINUTE)
    assert not pias.messages.filter(author=sven).exists()
    assert set(CustomerNotice.objects.filter(link__ticket=pias, held_why=WHY).values_list("state", flat=True)) == {
        "dismissed"
    }


@pytest.mark.parametrize("when", ["before", "after"])
def test_after_a_failed_fix_they_wait_with_the_others(
    record: Escalation, sams: Ticket, ann: User, sven: User, when: str
) -> None:
    brought_to(record, Move.RELEASE, by=sven)
    telling.tell_customers(now=LATER)
    record.refresh_from_db()
    actions.take_step(record, Move.FAIL, by=sven, given={"reason": "Still there"}, at=LATER)
    notice = CustomerNotice.objects.get(link__ticket=sams, update_of__failed=True)
    if when == "after":
        CustomerNotice.objects.filter(pk=notice.pk).update(own_text="x" * 70_000)
        record.updates.filter(failed=True).update(state="sent", sent_at=LATER, sent_by=sven)
        CustomerNotice.objects.filter(pk=notice.pk).update(state="due", told_by=sven, next_attempt_at=LATER)
        telling.tell_customers(now=LATER)
        notice.refresh_from_db()
        assert notice.last_error
    actions.dismiss_notice(notice, why=WHY, by=ann, at=LATER)
    if when == "before":
        actions.send_update(record, by=sven, at=LATER)
    sams.refresh_from_db()
    assert (sams.state, sams.is_escalated) == (Status.ON_HOLD, True)


def test_who_may_and_that_a_reason_is_given(owing: Escalation, sams: Ticket, ann: User, pat: User) -> None:
    with pytest.raises(NotAllowed):
        dismiss(sams, by=pat)
    for why in (" ", "x" * 301):
        with pytest.raises(Invalid) as refused:
            actions.dismiss_notice(notice_of(sams), why=why, by=ann, at=LATER)
        assert refused.value.field == "why"
    assert notice_of(sams).state == CustomerNotice.State.OWED


def test_the_line_of_the_customer_has_the_form_and_says_what_came_of_it(
    owing: Escalation, sams: Ticket, sven: User, client_of: ClientOf
) -> None:
    client, verb = client_of(sven), f"{owing.get_absolute_url()}notices/{notice_of(sams).pk}/"
    refused = client.post(verb, {"act": "dismiss", "why": ""}, headers={"HX-Request": "true"})
    assert refused.status_code == 400
    html = refused.content.decode()
    assert html.count("Say why they are not to be told.") == 1
    assert f'id="dismiss-{notice_of(sams).pk}" name="why" autocomplete="off" value="" aria-invalid="true"' in html
    done = client.post(verb, {"act": "dismiss", "why": WHY}, headers={"HX-Request": "true"}).content.decode()
    assert '<span class="badge">not to be told</span>' in done
    assert "Tell 1 customer<" in done
    assert 'value="dismiss"' not in done
    page = client.get(f"{owing.get_absolute_url()}update/").content.decode()
    assert (page.count('<span class="badge">not to be told</span>'), page.count(f"Sven: {WHY}")) == (1, 1)
    assert ("Tell after all" in page, "Hold back</summary>" in page) == (True, False)
    once = owing.events.filter(kind=EscalationEvent.Kind.HELD_BACK)
    assert client.post(verb, {"act": "dismiss", "why": WHY}, headers={"HX-Request": "true"}).status_code == 200
    assert client.post(verb, {"act": "dismiss", "why": WHY}).status_code == 303
    assert once.count() == 1


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
@pytest.mark.parametrize("overtaken", [False, True])
def test_what_is_typed_for_whom_somebody_took_out_meanwhile_comes_back_with_why(
    owing: Escalation,
    sams: Ticket,
    ann: User,
    sven: User,
    client_of: ClientOf,
    headers: dict[str, str],
    overtaken: bool,
) -> None:
    """Not to be told any more, or the whole update was replaced by what the next step says."""
    notice = notice_of(sams)
    if overtaken:
        actions.take_step(owing, Move.FAIL, by=sven, given={"reason": "It leaks"}, at=LATER)
    else:
        dismiss(sams, by=sven)
    client, verb = client_of(ann), f"{owing.get_absolute_url()}notices/{notice.pk}/"
    for posted in ({"act": "change", "text": "Dear Sam"}, {"act": "hold", "why": "They are away"}):
        answer = client.post(verb, posted, headers=headers)
        assert answer.status_code == 409
        line = answer.content.decode().split(f'id="notice-{notice.pk}"', 1)[1].split("</li>", 1)[0]
        assert f"#{sams.pk} was told already, or is not to be told." in line
        assert f"<pre>{posted.get('text') or posted['why']}</pre>" in line


def test_without_scripts_it_is_a_form_like_the_others(
    owing: Escalation, sams: Ticket, ann: User, client_of: ClientOf
) -> None:
    page = f"{owing.get_absolute_url()}update/"
    verb = f"{owing.get_absolute_url()}notices/{notice_of(sams).pk}/"
    assert client_of(ann).post(verb, {"act": "dismiss", "why": "", "next": page}).status_code == 400
    answer = client_of(ann).post(verb, {"act": "dismiss", "why": WHY, "next": page}, follow=True)
    assert "The customer of #" in answer.content.decode()
    assert untold() == 1
