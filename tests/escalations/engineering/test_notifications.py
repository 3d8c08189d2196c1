"""Who is mailed of what happens to a record, in which words, once: never what one did oneself or may not see."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, Team, User
from escalations.engineering import actions, defaults, notifications, replies, telling
from escalations.engineering.events import record as record_event
from escalations.engineering.querysets import who_see
from escalations.engineering.steps import Move
from escalations.engineering.watch import warn_all
from escalations.models import ChannelPost, Escalation, EscalationEvent, InvitationRule, Involved, TeamChannel
from tests import factories
from tests.at_once import at_once
from tests.escalations.engineering.conftest import AT, GIVEN, MINUTE, TEXT, brought_to, problem
from tickets import actions as ticket_actions
from tickets.mail import send
from tickets.models import MailChoice, OutgoingMail, Priority, Ticket
from tickets.notifications.audience import Kind as MailKind

pytestmark = pytest.mark.django_db
Kind = EscalationEvent.Kind
LATER = AT + 60 * MINUTE


def told(now: datetime = LATER) -> list[tuple[str, str]]:
    """Whom the next pass writes to, and their mails' first lines; sorted by name."""
    before = set(OutgoingMail.objects.values_list("pk", flat=True))
    notifications.notify(now=now)
    mails = OutgoingMail.objects.exclude(pk__in=before).filter(kind=MailKind.STAFF_ESCALATION)
    rows = [(mail.to_user.name if mail.to_user else "", mail.text.partition("\n")[0]) for mail in mails]
    return sorted(rows)


def names(mails: Sequence[tuple[str, str]]) -> list[str]:
    return [name for name, _ in mails]


@pytest.fixture
def quiet(record: Escalation, ann: User, sven: User, pat: User, cleo: User, lea: User) -> Escalation:
    """A record that ann follows, cleo was brought into and pat's team is in; all so far was told."""
    actions.invite_team(record, Involved.PRODUCT, by=ann, at=AT)
    actions.invite_person(record, cleo, by=ann, at=AT)
    notifications.notify(now=AT)
    return record


# --- Who -----------------------------------------------------------------------------------------------------------


def test_what_is_requested_is_told_to_set(ritas: Ticket, ann: User, sven: User, bo: User, pat: User) -> None:
    actions.request_escalation(ritas, problem(), by=ann, text=TEXT, at=AT)
    assert told() == [("Sven", f"Ann requested it for #{ritas.number}.")]


def test_a_step_is_told_to_followers_and_teams_but_not_to_who_took_it(quiet: Escalation, sven: User) -> None:
    actions.take_step(quiet, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    assert told() == [(name, "Sven moved it to Under review.") for name in ("Ann", "Cleo", "Pat")]
    assert told() == []


def test_who_is_brought_in_hears_that_and_no_history(record: Escalation, ann: User, bo: User, pat: User) -> None:
    factories.staff("Paul", Role.PRODUCT)
    notifications.notify(now=AT)
    actions.invite_team(record, Involved.PRODUCT, by=ann, at=AT + MINUTE)
    actions.invite_person(record, bo, by=ann, at=AT + MINUTE)
    assert told() == [
        ("Bo", "Ann brought you in."),
        ("Pat", "Ann brought Product in."),
        ("Paul", "Ann brought Product in."),
    ]


def test_a_rule_brings_in_and_says_which(ritas: Ticket, ann: User, pat: User) -> None:
    InvitationRule.objects.create(team=Involved.PRODUCT, severity=2)
    actions.request_escalation(ritas, problem(), by=ann, text=TEXT, at=AT)
    assert told() == [("Pat", "A rule brought Product in: Major.")]


def test_a_comment_is_told_and_who_is_named_hears_it_whatever_they_chose(
    quiet: Escalation, ann: User, pat: User, cleo: User, sven: User, bo: User
) -> None:
    for person in (pat, cleo):
        MailChoice.objects.create(user=person, topic="discussions", how="never")
    actions.mute(quiet, by=cleo, at=AT)
    actions.comment(quiet, by=sven, body="@cleo @bo does it still happen?", at=AT + MINUTE)
    assert told() == [
        ("Ann", "Sven wrote in the discussion."),
        ("Bo", "Sven named you in the discussion."),
        ("Cleo", "Sven named you in the discussion."),
    ]
    mail = OutgoingMail.objects.filter(to_user=cleo).latest("pk")
    assert "@cleo @bo does it still happen?" in mail.text


def test_who_muted_or_switched_off_hears_nothing(quiet: Escalation, sven: User, pat: User, cleo: User) -> None:
    actions.mute(quiet, by=pat, at=AT)
    MailChoice.objects.create(user=cleo, topic="escalations", how="never")
    actions.take_step(quiet, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    assert names(told()) == ["Ann"]


def test_s054_who_may_no_longer_see_it_is_told_nothing(
    quiet: Escalation, ann: User, sven: User, pat: User, cleo: User, mailoutbox: list[Any]
) -> None:
    actions.take_step(quiet, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    actions.dismiss_person(quiet, cleo, by=ann, at=AT + 2 * MINUTE)
    assert names(told()) == ["Ann", "Pat"]
    actions.dismiss_team(quiet, Involved.PRODUCT, by=ann, at=AT + 3 * MINUTE)
    send.deliver_due()
    reached = {mail.to[0] for mail in mailoutbox if "moved it" in mail.body}
    assert reached == {"ann@desk.example"}, "what was written already and not sent is not sent to pat"
    assert OutgoingMail.objects.filter(to_user=pat).latest("pk").state == OutgoingMail.State.CANCELLED


def test_who_left_the_staff_is_told_nothing(quiet: Escalation, sven: User, pat: User, cleo: User) -> None:
    User.objects.filter(pk=pat.pk).update(is_active=False)
    User.objects.filter(pk=cleo.pk).update(role="")
    actions.take_step(quiet, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    assert names(told()) == ["Ann"]


def test_a_warning_goes_to_who_looks_after_deadlines(quiet: Escalation, sven: User, ada: User) -> None:
    actions.take_step(quiet, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    told()
    warning = {"deadline": "news", "label": "engineering news", "due_at": LATER.isoformat(), "over": False}
    record_event(quiet, Kind.WARNED, by=None, at=AT + 2 * MINUTE, **warning)
    assert told() == [(name, "The engineering news is due Mon 23 Nov 2026, 10:00 UTC.") for name in ("Lea", "Sven")]


def test_who_leads_engineering_is_warned_though_nobody_owns_it(quiet: Escalation, sven: User, lea: User) -> None:
    defaults.load(at=AT - timedelta(days=1))
    sila = factories.staff("Sila", Role.SET)
    Team.objects.create(name="SET", kind=Team.Kind.ENGINEERING, lead=sila)
    Escalation.objects.filter(pk=quiet.pk).update(warn_at=AT)
    warn_all(now=AT + timedelta(days=2))
    assert [name for name, text in told() if "review" in text] == ["Lea", "Sila"]


@pytest.mark.parametrize(
    ("data", "is_news"),
    [
        ({"what": "linked"}, False),
        ({"what": "changed", "new": {"state": "open"}}, False),
        ({"what": "changed", "new": {"checks": "passed"}}, False),
        ({"what": "changed", "new": {"state": "merged"}}, True),
        ({"what": "changed", "new": {"checks": "failed"}}, True),
        ({"what": "changed", "new": {"release_tag": "v9.11.2"}}, True),
    ],
)
def test_of_pull_requests_only_the_turns(quiet: Escalation, data: dict[str, Any], is_news: bool) -> None:
    record_event(quiet, Kind.PULL_REQUEST, by=None, at=AT + MINUTE, name="acme/server#41", **data)
    assert names(told()) == (["Ann", "Cleo", "Pat"] if is_news else [])


@pytest.mark.parametrize("kind", [Kind.EDITED, Kind.UNLINKED, Kind.OUTSIDE_LINK, Kind.UNINVITED, Kind.PUBLISHED])
def test_the_rest_stands_in_the_history(quiet: Escalation, kind: Kind) -> None:
    record_event(quiet, kind, by=None, at=AT + MINUTE)
    assert told() == []
    assert not EscalationEvent.objects.filter(notified_at=None).exists()


# --- In which words ------------------------------------------------------------------------------------------------


def test_a_mail_says_what_changed_and_what_comes_next(quiet: Escalation, sven: User, pat: User) -> None:
    brought_to(quiet, Move.CONFIRM, by=sven, send=False)
    told()
    mail = OutgoingMail.objects.filter(to_user=pat).latest("pk")
    assert mail.subject == f"[{quiet.reference}] Sessions end after a minute"
    assert "Sven moved it to Confirmed." in mail.text
    assert "Next: the customers are told that it is confirmed." in mail.text
    assert f"{quiet.public_address}" in mail.text
    assert "your team was brought into this escalation" in mail.text
    assert len(mail.text.split()) < 100, "short"


@pytest.mark.parametrize(
    ("last", "says"),
    [
        (Move.REVIEW, "Next: SET confirms it as a fault of the product, or returns it with an answer."),
        (Move.CONFIRM, "Next: SET plans how to mend it."),
        (Move.PLAN, "Next: the fix is made and tested."),
        (Move.TEST, "Next: the fix is released with 9.11.2."),
    ],
)
def test_what_comes_next(quiet: Escalation, sven: User, pat: User, last: Move, says: str) -> None:
    brought_to(quiet, last, by=sven)
    told()
    assert says in OutgoingMail.objects.filter(to_user=pat).latest("pk").text


def test_the_end_has_no_next(quiet: Escalation, sven: User, pat: User) -> None:
    brought_to(quiet, Move.RELEASE, by=sven)
    told()
    assert "Next:" not in OutgoingMail.objects.filter(to_user=pat).latest("pk").text


def test_s050_no_word_of_a_customer_is_in_them(
    quiet: Escalation, ritas: Ticket, rita: User, sven: User, ann: User
) -> None:
    brought_to(quiet, Move.CONFIRM, by=sven)
    telling.tell_customers(now=AT + 5 * MINUTE)
    ticket_actions.reply(ritas, by=rita, body="My password is hunter2", at=AT + 6 * MINUTE)
    replies.note_all(now=AT + 7 * MINUTE)
    assert ("Sven", f"Rita wrote on #{ritas.number}.") in told()
    for mail in OutgoingMail.objects.filter(kind=MailKind.STAFF_ESCALATION):
        for word in ("hunter2", "logged out", "Northwind", "Contoso"):
            assert word not in mail.text + mail.subject + mail.html, word


def test_the_mails_of_a_record_hang_together(
    quiet: Escalation, sven: User, pat: User, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    brought_to(quiet, Move.CONFIRM, by=sven)
    told()
    send.deliver_due()
    pats = [mail for mail in mailoutbox if mail.to == [pat.email] and quiet.reference in mail.subject]
    assert len(pats) > 2
    assert len({mail.subject for mail in pats}) == 1
    assert {mail.extra_headers["References"] for mail in pats} == {f"<escalation.{quiet.pk}@desk.example>"}
    assert {mail.extra_headers["List-Id"] for mail in pats} == {"<desk.desk.example>"}
    assert all(mail.extra_headers["Auto-Submitted"] == "auto-generated" for mail in pats)
    assert all("/account/mail/" in mail.extra_headers["List-Unsubscribe"] for mail in pats)


def test_hundreds_of_thanks_are_one_mail_an_hour_to_who_has_it_in_hand(
    many: Escalation, quiet: Escalation, rita: User, sven: User, lea: User
) -> None:
    actions.take_step(quiet, Move.REVIEW, by=sven, given={"owner": sven, "backup": lea}, at=AT + MINUTE)
    TeamChannel.objects.create(team=Involved.SET, name="SET", address="mmost://127.0.0.1:9/token")
    told()
    posts = ChannelPost.objects.count()
    assert posts, "of the step"
    for number, link in enumerate(many.links.select_related("ticket")[:20]):
        verb = ticket_actions.mark_solved if number % 2 else partial(ticket_actions.reply, body="Thanks")
        verb(link.ticket, by=link.ticket.requester, at=AT + (2 + number) * MINUTE)
    replies.note_all(now=AT + 30 * MINUTE)
    assert names(told()) == ["Lea", "Sven"]
    last = many.links.select_related("ticket")[30]
    ticket_actions.reply(last.ticket, by=rita, body="Thanks", at=AT + 61 * MINUTE)
    replies.note_all(now=AT + 62 * MINUTE)
    assert names(told()) == ["Lea", "Sven"], "an hour later again"
    assert ChannelPost.objects.count() == posts


def test_a_customer_who_joins_mails_nobody(quiet: Escalation, pia: User, sven: User) -> None:
    issue = actions.publish_known_issue(quiet, actions.Notice("Logged out", "Sessions end."), by=sven, at=AT)
    organization = pia.memberships.get().organization
    actions.report_known_issue(issue, by=pia, organization=organization, priority=Priority.NORMAL, at=AT + MINUTE)
    assert quiet.events.filter(kind=Kind.LINKED, data__joined=True).exists()
    assert told() == []


# --- Once ----------------------------------------------------------------------------------------------------------


def test_telling_twice_is_once(quiet: Escalation, sven: User) -> None:
    actions.take_step(quiet, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    assert len(told()) == 3
    EscalationEvent.objects.update(notified_at=None)  # as after a crash before it was noted
    assert told() == []


def test_what_an_event_costs_does_not_grow_with_its_readers(
    quiet: Escalation, ann: User, sven: User, count_queries: Callable[[], CaptureQueriesContext]
) -> None:
    def cost(number: int) -> int:
        actions.comment(quiet, by=sven, body=f"No. {number}", at=AT + number * MINUTE)
        with count_queries() as queries:
            notifications.notify(now=LATER)
        return len(queries)

    before = cost(1)
    for name in ("Paul", "Petra", "Phil"):
        factories.staff(name, Role.PRODUCT)
        actions.invite_person(quiet, factories.staff(f"{name}'s chief", Role.EXECUTIVE), by=ann, at=AT)
    notifications.notify(now=LATER)
    assert cost(2) == before
    assert OutgoingMail.objects.filter(text__contains="No. 2").count() == 9


def test_who_sees_a_record_is_the_same_asked_for_one_or_for_all(quiet: Escalation, rita: User, bo: User) -> None:
    factories.staff("Eve", Role.EXECUTIVE)
    everybody = list(User.objects.order_by("pk"))
    each = [one for one in everybody if Escalation.objects.visible_to(one).filter(pk=quiet.pk).exists()]
    assert who_see(quiet, everybody) == each
    assert 0 < len(each) < len(everybody)


def test_one_that_can_not_be_written_is_stepped_over_and_tried_again(
    quiet: Escalation, sven: User, ann: User, caplog: pytest.LogCaptureFixture
) -> None:
    broken = record_event(quiet, Kind.MOVED, by=sven, at=AT + MINUTE, to_step="no_such_step")
    actions.comment(quiet, by=ann, body="Words", at=AT + 2 * MINUTE)
    assert names(told()) == ["Cleo", "Pat"]
    broken.refresh_from_db()
    assert broken.notified_at is None
    assert broken.notify_after is not None
    assert broken.notify_after > LATER
    EscalationEvent.objects.filter(pk=broken.pk).update(to_step="under_review")
    assert told() == []
    assert names(told(LATER + 300 * MINUTE)) == ["Ann", "Cleo", "Pat"]


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_write_each_mail_once(quiet: Escalation, sven: User, ann: User) -> None:
    for number in range(10):
        actions.comment(quiet, by=ann, body=f"No. {number}", at=AT + (1 + number) * MINUTE)
    at_once(*[lambda: notifications.notify(now=LATER)] * 4)
    assert not EscalationEvent.objects.filter(notified_at=None).exists()
    mails = OutgoingMail.objects.filter(kind=MailKind.STAFF_ESCALATION, text__contains="wrote in the discussion")
    assert mails.count() == 2 * 10


def test_a_move_that_tells_nobody_is_one_mail(quiet: Escalation, sven: User, pat: User) -> None:
    """Nobody to be told: the update counts as sent by itself, and that is no news."""
    for link in quiet.links.all():
        actions.unlink(link, by=sven, at=AT + MINUTE)
    told()
    actions.take_step(quiet, Move.REVIEW, by=sven, given={}, at=AT + 2 * MINUTE)
    actions.take_step(quiet, Move.CONFIRM, by=sven, given=GIVEN[Move.CONFIRM], at=AT + 3 * MINUTE)
    assert [line for name, line in told() if name == "Pat"] == [
        "Sven moved it to Confirmed.",
        "Sven moved it to Under review.",
    ]
