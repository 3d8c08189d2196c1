"""Who is brought into a record: teams and people, by hand and by rule, and who follows it by itself."""

import pytest

from accounts.models import SupportPlan, User
from escalations.engineering import actions, defaults
from escalations.engineering.steps import Move
from escalations.models import Escalation, EscalationEvent, InvitationRule, Involved
from supportdesk.lib.errors import Invalid, NotAllowed
from tests import factories
from tests.escalations.engineering.conftest import AT, GIVEN, MINUTE, TEXT, brought_to, problem
from tickets.models import Ticket

pytestmark = pytest.mark.django_db
Kind = EscalationEvent.Kind


def teams(escalation: Escalation) -> list[str]:
    return list(escalation.teams.values_list("team", flat=True))


def followers(escalation: Escalation) -> list[str]:
    return [row.user.name for row in escalation.followers.select_related("user")]


def requested(ticket: Ticket, by: User, severity: int = 1) -> Escalation:
    return actions.request_escalation(ticket, problem(severity=severity), by=by, text=TEXT, at=AT)


def sees(user: User, escalation: Escalation) -> bool:
    return Escalation.objects.visible_to(user).filter(pk=escalation.pk).exists()


# --- By rule -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("severity", "came"), [(1, ["customer_success", "product"]), (2, [])])
def test_the_defaults_bring_product_and_customer_success_into_critical_ones(
    sams: Ticket, ann: User, severity: int, came: list[str]
) -> None:
    defaults.load()
    assert sorted(teams(requested(sams, ann, severity))) == came


def test_loading_the_defaults_again_undoes_no_edit(_defaults: None) -> None:
    defaults.load()
    InvitationRule.objects.filter(team=Involved.PRODUCT).delete()
    defaults.load()
    assert not InvitationRule.objects.filter(team=Involved.PRODUCT).exists()


def test_executives_come_once_a_critical_problem_of_premier_is_confirmed(
    ritas: Ticket, sams: Ticket, ann: User, sven: User
) -> None:
    defaults.load()
    hers, his = requested(ritas, ann), requested(sams, ann)
    assert "executives" not in teams(hers)
    for record in (hers, his):
        brought_to(record, Move.CONFIRM, by=sven, send=False)
    assert "executives" in teams(hers)
    assert "executives" not in teams(his)
    invited = hers.events.get(kind=Kind.INVITED, data__team="executives")
    assert (invited.actor, invited.data["rule"]) == (None, "Executives: Critical, Premier")


def test_a_ticket_of_the_plan_brings_its_team_in_later(ritas: Ticket, sams: Ticket, ann: User) -> None:
    InvitationRule.objects.create(team=Involved.PRODUCT, severity=4, plan=SupportPlan.objects.get(slug="premier"))
    record = requested(sams, ann, severity=3)
    assert teams(record) == []
    actions.add_ticket(record, ritas, by=ann, text=TEXT, at=AT + MINUTE)
    assert teams(record) == ["product"]


def test_a_worse_severity_brings_its_team_in(record: Escalation, ann: User) -> None:
    InvitationRule.objects.create(team=Involved.PRODUCT, severity=1)
    actions.edit(record, problem(title="Sessions end"), by=ann, at=AT)
    assert teams(record) == []
    actions.edit(record, problem(severity=1), by=ann, at=AT + MINUTE)
    assert teams(record) == ["product"]
    actions.edit(record, problem(severity=2), by=ann, at=AT + 2 * MINUTE)
    actions.edit(record, problem(severity=1), by=ann, at=AT + 3 * MINUTE)
    assert record.events.filter(kind=Kind.INVITED, data__team="product").count() == 1


def test_who_was_taken_out_by_hand_is_not_brought_back_by_a_rule(ritas: Ticket, sams: Ticket, ann: User) -> None:
    InvitationRule.objects.create(team=Involved.PRODUCT, severity=4)
    record = requested(sams, ann)
    actions.dismiss_team(record, Involved.PRODUCT, by=ann, at=AT + MINUTE)
    actions.add_ticket(record, ritas, by=ann, text=TEXT, at=AT + 2 * MINUTE)
    assert teams(record) == []
    assert actions.invite_team(record, Involved.PRODUCT, by=ann, at=AT + 3 * MINUTE)


def test_rules_leave_a_record_that_is_over_alone(record: Escalation, sven: User) -> None:
    brought_to(record, Move.RELEASE, by=sven)
    InvitationRule.objects.create(team=Involved.PRODUCT, severity=4)
    assert actions.apply_rules(record, at=AT + 9 * MINUTE) == []


# --- By hand -------------------------------------------------------------------------------------------------------


def test_a_team_that_is_brought_in_sees_it_and_once_taken_out_no_more(record: Escalation, ann: User, pat: User) -> None:
    assert not sees(pat, record)
    assert actions.invite_team(record, Involved.PRODUCT, by=ann, at=AT)
    assert not actions.invite_team(record, Involved.PRODUCT, by=ann, at=AT)
    assert sees(pat, record)
    actions.dismiss_team(record, Involved.PRODUCT, by=ann, at=AT)
    assert not sees(pat, record)


def test_one_person_is_brought_in_and_taken_out(record: Escalation, sven: User, pat: User) -> None:
    assert actions.invite_person(record, pat, by=sven, at=AT)
    assert not actions.invite_person(record, pat, by=sven, at=AT)
    assert sees(pat, record)
    actions.dismiss_person(record, pat, by=sven, at=AT)
    assert not sees(pat, record)
    said = list(record.events.filter(data__person_id=pat.pk).values_list("kind", "data__person"))
    assert said == [("invited", "Pat"), ("uninvited", "Pat")]


def test_only_the_staff_can_be_brought_in(record: Escalation, ann: User, rita: User, pat: User) -> None:
    for person in (rita, factories.person("old@desk.example", "Old", role="product", is_active=False)):
        with pytest.raises(Invalid) as refusal:
            actions.invite_person(record, person, by=ann, at=AT)
        assert refusal.value.field == "person"


def test_a_stakeholder_brings_nobody_in_and_takes_nobody_out(
    record: Escalation, ann: User, pat: User, cleo: User
) -> None:
    actions.invite_person(record, pat, by=ann, at=AT)
    with pytest.raises(NotAllowed):
        actions.invite_person(record, cleo, by=pat, at=AT)
    with pytest.raises(NotAllowed):
        actions.invite_team(record, Involved.EXECUTIVES, by=pat, at=AT)
    with pytest.raises(NotAllowed):
        actions.dismiss_person(record, ann, by=pat, at=AT)
    with pytest.raises(NotAllowed) as refusal:
        actions.follow(record, by=cleo, at=AT)
    assert refusal.value.code == "access_lost"


def test_to_follow_mute_and_leave(record: Escalation, ann: User, pat: User) -> None:
    actions.invite_person(record, pat, by=ann, at=AT)
    actions.mute(record, by=pat, at=AT)
    assert record.followers.get(user=pat).is_muted
    actions.follow(record, by=pat, at=AT)
    assert not record.followers.get(user=pat).is_muted
    actions.unfollow(record, by=pat, at=AT)
    assert not sees(pat, record)


def test_of_a_team_one_can_mute_for_oneself(record: Escalation, ann: User, pat: User) -> None:
    actions.invite_team(record, Involved.PRODUCT, by=ann, at=AT)
    actions.mute(record, by=pat, at=AT)
    actions.unfollow(record, by=pat, at=AT)
    assert sees(pat, record), "the team is still in"


# --- By itself -----------------------------------------------------------------------------------------------------


def test_who_has_a_part_in_it_follows_it(
    ritas: Ticket, sams: Ticket, ann: User, bo: User, sven: User, lea: User
) -> None:
    record = requested(sams, ann, severity=2)
    actions.add_ticket(record, ritas, by=bo, text=TEXT, at=AT)
    actions.take_step(record, Move.REVIEW, by=lea, given={"owner": sven, "backup": lea}, at=AT + MINUTE)
    actions.take_step(record, Move.CONFIRM, by=sven, given=GIVEN[Move.CONFIRM], at=AT + 2 * MINUTE)
    assert followers(record) == ["Ann", "Bo", "Sven", "Lea"]


def test_whom_it_is_given_to_follows_it(record: Escalation, lea: User, sven: User, ada: User) -> None:
    actions.give_to(record, owner=sven, backup=None, by=lea, at=AT)
    assert followers(record) == ["Ann", "Sven"]
    actions.give_to(record, owner=sven, backup=ada, by=lea, at=AT)
    assert followers(record) == ["Ann", "Sven", "Ada"]
