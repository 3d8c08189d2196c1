"""Posts to the teams' chat channels: made before they are sent, sent once, given up with a word to leads."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from accounts.models import User
from escalations.engineering import actions, chat, notifications
from escalations.engineering.steps import Move
from escalations.models import ChannelPost, Escalation, InvitationRule, Involved, TeamChannel
from tests.at_once import at_once
from tests.escalations.engineering.conftest import AT, MINUTE
from tests.listener import Listener
from tickets.models import OutgoingMail

pytestmark = pytest.mark.django_db
TOKEN = "t0kent0kent0kent0kent0ken1"
CHANNELS = "/admin/escalations/teamchannel/"


@pytest.fixture
def address(listener: Listener) -> str:
    listener.replies |= {"/": (404, {}), f"/hooks/{TOKEN}": (200, b"ok")}
    return f"mmost://127.0.0.1:{listener.port}/{TOKEN}"


@pytest.fixture
def channel(address: str) -> TeamChannel:
    return TeamChannel.objects.create(team=Involved.PRODUCT, name="Product town square", address=address)


@pytest.fixture
def posted(record: Escalation, channel: TeamChannel, ann: User, sven: User) -> ChannelPost:
    """A post that waits: product is in, and the review began."""
    actions.invite_team(record, Involved.PRODUCT, by=ann, at=AT)
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    notifications.notify(now=AT + MINUTE)
    return ChannelPost.objects.latest("pk")


def due_again() -> None:
    ChannelPost.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=Now() - timedelta(seconds=1))


# --- What is posted ------------------------------------------------------------------------------------------------


def test_a_post_says_what_changed_where_it_stands_and_where_it_is(
    record: Escalation, posted: ChannelPost, listener: Listener
) -> None:
    assert chat.deliver_due() == ChannelPost.objects.count()
    text = listener.requests[-1].json["text"]
    assert text.splitlines() == [
        f"{record.reference} Sessions end after a minute",
        "Sven moved it to Under review. Under review. Next: SET confirms it as a fault of the product, or returns it"
        " with an answer.",
        record.public_address,
    ]
    posted.refresh_from_db()
    assert (posted.next_attempt_at, posted.last_error) == (None, "")
    assert posted.sent_at is not None
    assert chat.deliver_due() == 0


def test_a_channel_hears_of_its_teams_records_and_sets_of_all(
    record: Escalation, channel: TeamChannel, address: str, sven: User
) -> None:
    sets = TeamChannel.objects.create(team=Involved.SET, name="SET", address=address)
    TeamChannel.objects.create(team=Involved.SET, name="Old", address=address, disabled_at=AT)
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    notifications.notify(now=AT + MINUTE)
    assert {post.channel for post in ChannelPost.objects.all()} == {sets}
    assert [post.event.kind for post in ChannelPost.objects.order_by("pk")] == ["requested", "moved"]


def test_what_colleagues_say_and_what_customers_say_stays_out(
    posted: ChannelPost, record: Escalation, ann: User, listener: Listener
) -> None:
    actions.comment(record, by=ann, body="Between us: they are furious", at=AT + 2 * MINUTE)
    notifications.notify(now=AT + 2 * MINUTE)
    chat.deliver_due()
    said = b"".join(request.body for request in listener.requests)
    for word in (b"furious", b"logged out", b"Northwind", b"Contoso"):
        assert word not in said


def test_nobody_is_called_by_a_title(
    record: Escalation, channel: TeamChannel, ann: User, sven: User, listener: Listener
) -> None:
    Escalation.objects.filter(pk=record.pk).update(title="<!channel> @all `look`")
    actions.invite_team(record, Involved.PRODUCT, by=ann, at=AT)
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    notifications.notify(now=AT + MINUTE)
    chat.deliver_due()
    assert f"{record.reference} !channel all look" in listener.requests[-1].json["text"]


def test_s054_a_team_that_was_taken_out_is_told_no_more(
    posted: ChannelPost, record: Escalation, ann: User, listener: Listener
) -> None:
    actions.dismiss_team(record, Involved.PRODUCT, by=ann, at=AT + 2 * MINUTE)
    assert chat.deliver_due() == 0
    assert listener.requests == []
    posted.refresh_from_db()
    assert posted.next_attempt_at is None


# --- Once, and what goes wrong -------------------------------------------------------------------------------------


def test_making_them_twice_is_once(posted: ChannelPost) -> None:
    before = ChannelPost.objects.count()
    posted.event.__class__.objects.update(notified_at=None)
    notifications.notify(now=AT + 2 * MINUTE)
    assert ChannelPost.objects.count() == before


@pytest.mark.parametrize("reply", [(404, {}), (500, {}), "hang up"])
def test_what_is_not_taken_is_tried_again(posted: ChannelPost, listener: Listener, reply: Any) -> None:
    listener.replies[f"/hooks/{TOKEN}"] = reply
    assert chat.deliver_due() == 0
    posted.refresh_from_db()
    assert posted.attempts == 1
    assert posted.next_attempt_at is not None
    assert "Mattermost" in posted.last_error
    assert TOKEN not in posted.last_error
    assert chat.deliver_due() == 0
    posted.refresh_from_db()
    assert posted.attempts == 1, "not before its time"
    listener.replies[f"/hooks/{TOKEN}"] = (200, b"ok")
    due_again()
    assert chat.deliver_due() == ChannelPost.objects.count()


def test_a_channel_that_takes_nothing_for_a_day_is_put_out_of_use(
    posted: ChannelPost, channel: TeamChannel, listener: Listener, lea: User, ada: User, ann: User
) -> None:
    listener.replies[f"/hooks/{TOKEN}"] = (404, {})
    for _ in range(9):
        due_again()
        chat.deliver_due()
    channel.refresh_from_db()
    assert channel.disabled_at is not None
    assert channel.disabled_why == "Mattermost did not take it"
    assert not ChannelPost.objects.filter(next_attempt_at__isnull=False).exists()
    mails = OutgoingMail.objects.filter(subject__contains="out of use")
    assert {mail.to_email for mail in mails} == {lea.email, ada.email}
    assert mails.count() == 2
    assert "Product town square" in mails[0].text
    assert TOKEN not in mails[0].text + mails[0].html


def test_an_address_that_is_none_is_put_out_of_use_at_once(
    posted: ChannelPost, channel: TeamChannel, settings: Any, lea: User
) -> None:
    settings.PAGING_CHAT_SERVICES = ["slack"]
    chat.deliver_due()
    channel.refresh_from_db()
    assert channel.disabled_why.startswith("Enter an address that begins with")
    assert OutgoingMail.objects.filter(to_user=lea, subject__contains="out of use").count() == 1


def test_who_died_while_sending_leaves_it_to_the_next(posted: ChannelPost) -> None:
    claimed = chat._claim()
    assert claimed is not None
    assert claimed.next_attempt_at is not None
    due_again()
    assert chat.deliver_due() == ChannelPost.objects.count()
    claimed.refresh_from_db()
    assert claimed.attempts == 2


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_send_each_once(posted: ChannelPost, listener: Listener) -> None:
    at_once(*[chat.deliver_due] * 4)
    assert len(listener.requests) == ChannelPost.objects.count()


# --- In the administration -----------------------------------------------------------------------------------------


@pytest.fixture
def admin(ada: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(ada)


def typed(**fields: Any) -> dict[str, Any]:
    return {"team": "product", "name": "Town square", "in_use": "on", "new_address": "", **fields}


def test_a_channel_is_added_by_its_address_which_is_never_shown_again(admin: Client, address: str) -> None:
    answer = admin.post(f"{CHANNELS}add/", typed(new_address=address))
    assert answer.status_code == 302, answer.context["errors"]
    made = TeamChannel.objects.get()
    assert made.address == address
    with connection.cursor() as cursor:
        cursor.execute("SELECT address FROM escalations_teamchannel")
        assert TOKEN not in cursor.fetchone()[0], "encrypted at rest"
    for page in (CHANNELS, f"{CHANNELS}{made.pk}/change/", f"{CHANNELS}{made.pk}/history/"):
        assert TOKEN not in admin.get(page, follow=True).content.decode()


@pytest.mark.parametrize("wrong", ["", "json://127.0.0.1/", "file:///etc/passwd", "mmost://10.0.0.1/t", "nonsense"])
def test_an_address_that_the_desk_would_not_call_is_refused(admin: Client, wrong: str) -> None:
    page = admin.post(f"{CHANNELS}add/", typed(new_address=wrong))
    assert page.status_code == 200
    assert page.context["errors"]
    assert not TeamChannel.objects.exists()


def test_what_is_left_empty_stays_and_it_is_taken_into_use_again(
    admin: Client, channel: TeamChannel, address: str
) -> None:
    chat.disable(channel, why="Mattermost did not take it")
    assert "Mattermost did not take it" in admin.get(f"{CHANNELS}{channel.pk}/change/").content.decode()
    assert admin.post(f"{CHANNELS}{channel.pk}/change/", typed(name="New name")).status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.address, channel.disabled_at, channel.disabled_why) == ("New name", address, None, "")


def test_an_invitation_rule_is_an_admins_to_make(admin: Client) -> None:
    rule = {"team": "executives", "severity": "2", "plan": "", "on_confirmed": "on"}
    assert admin.post("/admin/escalations/invitationrule/add/", rule).status_code == 302
    assert str(InvitationRule.objects.get()) == "Executives: Major"
