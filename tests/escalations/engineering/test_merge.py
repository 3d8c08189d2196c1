"""Duplicates: one record stays, its tickets are told by that one alone, and a merge can be undone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations.engineering import actions, telling
from escalations.engineering.actions.invite import add_follower, invite_team
from escalations.engineering.steps import Move
from escalations.models import Escalation, EscalationLink, EscalationMerge, InvitationRule, Involved
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from tests import factories
from tests.at_once import at_once
from tests.escalations.engineering.conftest import AT, MINUTE, TEXT, brought_to, problem, pull_request
from tickets.models import EventKind, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
LATER = AT + 30 * MINUTE


def links_of(escalation: Escalation) -> set[int]:
    return set(EscalationLink.objects.active().filter(escalation=escalation).values_list("ticket_id", flat=True))


def told(ticket: Ticket, words: str) -> int:
    return ticket.messages.filter(body__contains=words).count()


def test_its_tickets_go_over_with_followers_and_teams(
    record: Escalation, other: Escalation, pias: Ticket, sven: User, lea: User
) -> None:
    add_follower(other, lea, by=lea, at=AT)
    invite_team(other, Involved.PRODUCT, by=lea, at=AT)
    merged = actions.merge(other, record, by=sven, at=LATER)
    for one in (other, record, pias):
        one.refresh_from_db()
    assert other.merged_into == record
    assert (other.is_active, other.warn_at, other.review_due_at) == (False, None, None)
    assert (len(links_of(record)), links_of(other)) == (3, set())
    assert len(merged.moved) == 1
    assert (pias.state, pias.is_escalated) == (Status.ON_HOLD, True)
    assert pias.hold_reason == f"Engineering: {record.reference}"
    event = pias.events.filter(kind=EventKind.ESCALATED).last()
    assert event is not None
    assert (event.data["escalation"], event.data["former"]) == (record.reference, other.reference)
    assert {follower.user for follower in record.followers.all()} == {record.requested_by, lea}
    assert [row.team for row in record.teams.all()] == ["product"]
    for one in (other, record):
        assert one.events.filter(kind="merged", actor=sven, data__tickets=[pias.number]).count() == 1


def test_undone_everything_is_as_before(
    record: Escalation, other: Escalation, pias: Ticket, ritas: Ticket, sven: User
) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    brought_to(other, Move.CONFIRM, by=sven, send=False)
    before = {one.pk: links_of(one) for one in (record, other)}
    merged = actions.merge(other, record, by=sven, at=LATER)
    actions.unmerge(merged, by=sven, at=LATER + MINUTE)
    for one in (other, record, pias):
        one.refresh_from_db()
    assert {one.pk: links_of(one) for one in (record, other)} == before
    assert (other.is_active, other.owes_update, record.owes_update) == (True, True, True)
    assert pias.hold_reason == f"Engineering: {other.reference}"
    for one in (record, other):
        actions.send_update(one, by=sven, at=LATER + 2 * MINUTE)
    telling.tell_customers(now=LATER + 2 * MINUTE)
    assert told(pias, "confirmed this as a fault") == told(ritas, "confirmed this as a fault") == 1
    with pytest.raises(Conflict, match="taken out of"):
        actions.unmerge(merged, by=sven, at=LATER + 3 * MINUTE)
    assert other.events.filter(kind="unmerged").count() == 1


def test_undone_what_was_taken_out_meanwhile_stays_out(
    record: Escalation, other: Escalation, pias: Ticket, ann: User, sven: User
) -> None:
    merged = actions.merge(other, record, by=sven, at=LATER)
    actions.unlink(EscalationLink.objects.get(ticket=pias, is_active=True), by=ann, at=LATER)
    with pytest.raises(Conflict, match="None of the tickets"):
        actions.unmerge(merged, by=sven, at=LATER)


def test_what_is_over_can_not_be_taken_apart(record: Escalation, other: Escalation, sven: User) -> None:
    merged = actions.merge(other, record, by=sven, at=LATER)
    actions.take_step(record, Move.WITHDRAW, by=sven, given={"reason": "No."}, at=LATER)
    with pytest.raises(Conflict, match="is withdrawn"):
        actions.unmerge(merged, by=sven, at=LATER)


def test_s091_into_itself_a_merged_or_an_ended_one(
    record: Escalation, other: Escalation, sven: User, ann: User, sam: User
) -> None:
    with pytest.raises(Invalid, match="into itself"):
        actions.merge(record, record, by=sven, at=LATER)
    with pytest.raises(NotAllowed):
        actions.merge(other, record, by=ann, at=LATER)
    third = actions.request_escalation(factories.open_ticket(sam), problem(), by=ann, text=TEXT, at=AT)
    actions.merge(other, record, by=sven, at=LATER)
    for source, target in ((other, third), (third, other), (other, record)):
        with pytest.raises(Conflict, match="was merged into"):
            actions.merge(source, target, by=sven, at=LATER)
    actions.take_step(third, Move.WITHDRAW, by=sven, given={"reason": "No."}, at=LATER)
    for source, target in ((third, record), (record, third)):
        with pytest.raises(Conflict, match="is withdrawn"):
            actions.merge(source, target, by=sven, at=LATER)
    with pytest.raises(Conflict, match="was merged into another"):
        actions.take_step(other, Move.REVIEW, by=sven, given={}, at=LATER)


@pytest.mark.django_db(transaction=True)
def test_s091_each_into_the_other_at_once(record: Escalation, other: Escalation, sven: User, lea: User) -> None:
    found = at_once(
        lambda: actions.merge(record, other, by=sven, at=LATER),
        lambda: actions.merge(other, record, by=lea, at=LATER),
    )
    assert sorted(type(one).__name__ for one in found) == ["Conflict", "EscalationMerge"], found
    done = next(one for one in found if isinstance(one, EscalationMerge))
    assert len(links_of(done.target)) == 3
    assert Escalation.objects.filter(merged_into=None).get() == done.target


def test_s091_a_duplicate_of_a_duplicate_follows_and_comes_back(
    record: Escalation, other: Escalation, ann: User, sam: User, sven: User
) -> None:
    third = actions.request_escalation(factories.open_ticket(sam), problem(), by=ann, text=TEXT, at=AT)
    first = actions.merge(other, record, by=sven, at=LATER)
    second = actions.merge(record, third, by=sven, at=LATER)
    for one in (other, record):
        one.refresh_from_db()
        assert one.merged_into == third
    assert len(links_of(third)) == 4
    with pytest.raises(Conflict, match="Undo that first"):
        actions.unmerge(first, by=sven, at=LATER)
    actions.unmerge(second, by=sven, at=LATER)
    other.refresh_from_db()
    assert other.merged_into == record
    assert len(links_of(record)) == 3
    actions.unmerge(first, by=sven, at=LATER)
    assert [len(links_of(one)) for one in (other, record, third)] == [1, 2, 1]


def test_a_ticket_that_was_in_the_other_before_is_in_it_once(
    record: Escalation, ritas: Ticket, ann: User, sven: User
) -> None:
    """After a failed fix it was left in the record that it had gone to meanwhile."""
    brought_to(record, Move.RELEASE, by=sven)
    telling.tell_customers(now=LATER)
    ritas.refresh_from_db()
    again = actions.request_escalation(ritas, problem(), by=ann, text=TEXT, at=LATER)
    actions.take_step(record, Move.FAIL, by=sven, given={"reason": "It comes back."}, at=LATER)
    actions.merge(again, record, by=sven, at=LATER)
    assert EscalationLink.objects.standing().filter(escalation=record, ticket=ritas).count() == 1
    assert ritas.number in links_of(record)


def test_merged_undone_and_merged_again(record: Escalation, other: Escalation, pias: Ticket, sven: User) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    actions.unmerge(actions.merge(other, record, by=sven, at=LATER), by=sven, at=LATER)
    actions.merge(other, record, by=sven, at=LATER)
    actions.send_update(record, by=sven, at=LATER)
    telling.tell_customers(now=LATER)
    assert told(pias, "confirmed this as a fault") == 1


def test_tickets_that_come_may_bring_a_team(record: Escalation, other: Escalation, fabrikam: Any, sven: User) -> None:
    InvitationRule.objects.create(team=Involved.EXECUTIVES, severity=2, plan=fabrikam.plan)
    actions.merge(other, record, by=sven, at=LATER)
    assert [row.team for row in record.teams.all()] == ["executives"]


@pytest.mark.parametrize("verb", ["unlink", "finish_ticket_as", "mark_seen"])
def test_what_was_looked_at_before_merging_is_done_where_the_ticket_is_now(
    record: Escalation, other: Escalation, pias: Ticket, ann: User, sven: User, verb: str
) -> None:
    seen = EscalationLink.objects.select_related("escalation", "ticket").get(ticket=pias)
    actions.merge(other, record, by=sven, at=LATER)
    doing = {
        "unlink": lambda: actions.unlink(seen, by=ann, at=LATER),
        "finish_ticket_as": lambda: actions.finish_ticket_as(seen, "solved", by=ann, at=LATER),
        "mark_seen": lambda: actions.mark_seen(seen, replied_at=LATER, by=ann),
    }
    with pytest.raises(Conflict, match=f"is in {record.reference} by now"):
        doing[verb]()
    assert pias.number in links_of(record)
    assert not other.events.filter(actor=ann, at=LATER).exists()


def test_pull_requests_and_outside_issues_come_along_once_and_go_back(
    record: Escalation, other: Escalation, sven: User
) -> None:
    fix = pull_request(other, sven)
    for one in (record, other):
        actions.link_outside_issue(one, "https://acme.atlassian.net/browse/APP-7", label="", by=sven, at=AT)
    seven = other.outside_issues.get()
    eight = actions.link_outside_issue(other, "https://acme.atlassian.net/browse/APP-8", label="", by=sven, at=AT)
    merged = actions.merge(other, record, by=sven, at=LATER)
    assert list(record.pull_requests.all()) == [fix]
    assert [row.url[-5:] for row in record.outside_issues.order_by("url")] == ["APP-7", "APP-8"]
    brought_to(record, Move.TEST, by=sven, at=LATER)  # which demands one
    assert record.pull_requests.count() == 1
    actions.unmerge(merged, by=sven, at=LATER + 30 * MINUTE)
    assert not record.pull_requests.exists()
    assert list(other.pull_requests.all()) == [fix]
    assert list(other.outside_issues.order_by("pk")) == [seven, eight]


def test_a_pull_request_that_both_have_stays_with_each(record: Escalation, other: Escalation, sven: User) -> None:
    pulls = {one: pull_request(one, sven) for one in (record, other)}
    merged = actions.merge(other, record, by=sven, at=LATER)
    assert list(record.pull_requests.all()) == [pulls[record]]
    actions.unmerge(merged, by=sven, at=LATER)
    assert [one.pull_requests.get() for one in pulls] == list(pulls.values())


def test_merging_and_undoing_in_the_browser(
    record: Escalation, other: Escalation, sven: User, ann: User, client_of: Callable[[User], Client]
) -> None:
    browser, address = client_of(sven), f"/desk/escalations/{other.reference}/merge/"
    page = browser.get(other.get_absolute_url()).content.decode()
    asking = page.split("Which sound alike?", 1)[0].rsplit('href="', 1)[1].split("#", 1)[0]
    assert f"Merge into {record.reference}" in browser.get(asking).content.decode(), "it sounds alike"
    for into, says in (
        ("SET-99999", "No escalation is called SET-99999"),
        ("<b>", "No escalation is called &lt;b&gt;"),
        ("", "Name the escalation that stays"),
        (other.reference, "into itself"),
    ):
        refused = browser.post(address, {"into": into})
        assert refused.status_code == 400
        assert says in refused.content.decode()
    answer = browser.post(address, {"into": f" {record.reference.lower()} "})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{record.get_absolute_url()}#duplicates")
    page = browser.get(record.get_absolute_url()).content.decode()
    assert "1 ticket came along." in page
    undo = f"/desk/escalations/{record.reference}/merges/{EscalationMerge.objects.get().pk}/undo/"
    assert page.count(f'action="{undo}"') == 2, "in the toast and in the list"
    merged = browser.get(other.get_absolute_url()).content.decode()
    assert f'Merged into <a class="link" href="{record.get_absolute_url()}">' in merged
    assert "This is a duplicate" not in merged
    assert "Undo the merge" not in client_of(ann).get(other.get_absolute_url()).content.decode()
    assert browser.post(undo).headers["Location"] == f"{other.get_absolute_url()}#duplicates"
    assert browser.post(undo).status_code == 303
    assert "already" in browser.get(record.get_absolute_url()).content.decode()
    other.refresh_from_db()
    assert other.is_active


def test_what_sounds_alike_is_active(
    record: Escalation, other: Escalation, sven: User, client_of: Callable[[User], Client]
) -> None:
    browser, merging = client_of(sven), f"Merge into {record.reference}"

    def sounds_alike() -> bool:
        return merging in browser.get(f"{other.get_absolute_url()}?similar=1").content.decode()

    for title in ("It's (a) & b | c ! :*", "a b", "'\\"):
        Escalation.objects.filter(pk=other.pk).update(title=title)
        assert not sounds_alike()
    Escalation.objects.filter(pk=other.pk).update(title="A session ends & all is lost")
    assert sounds_alike()
    actions.take_step(record, Move.WITHDRAW, by=sven, given={"reason": "No."}, at=LATER)
    assert not sounds_alike()
