"""Pages to one contact: the first at once, what follows within a minute in one message, and nobody is missed (S100)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from escalations import actions
from escalations.models import EscalationPolicy, Gathering, Page, PageDelivery, PageEvent
from escalations.paging.channels import DeliveryError
from escalations.paging.channels.demo_phone import DemoPhone
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from tests import factories
from tickets.models import Priority, Ticket

pytestmark = pytest.mark.django_db
PassTime = Callable[[float], None]
Phones = Callable[[], list[dict[str, Any]]]


def urgent(rita: User, number: int = 1) -> list[Ticket]:
    found = [factories.open_ticket(rita, priority=Priority.URGENT) for _ in range(number)]
    run_pass("test")
    return found


def test_the_first_comes_at_once_and_what_follows_within_a_minute_in_one_message(
    policy: EscalationPolicy, rita: User, phones: Phones, pass_time: PassTime
) -> None:
    (first,) = urgent(rita)
    assert [line["tickets"] for line in phones()] == [[str(first.number)]]
    later = []
    for _ in range(5):
        pass_time(0.1)
        later += urgent(rita)
    assert len(phones()) == 1
    pass_time(0.4)
    assert len(phones()) == 1
    pass_time(0.2)
    text = phones()[-1]["text"]
    assert len(phones()) == 2
    assert "5 tickets" in text
    for ticket in later:
        assert f"#{ticket.number}" in text
    assert f"#{first.number}," not in text
    assert re.search(r"/desk/pages/$", text)


def test_after_a_quiet_minute_it_comes_at_once_again(
    policy: EscalationPolicy, rita: User, phones: Phones, pass_time: PassTime
) -> None:
    urgent(rita)
    pass_time(1.1)
    urgent(rita)
    assert len(phones()) == 2


def test_the_minute_begins_anew_with_each_message(
    policy: EscalationPolicy, rita: User, phones: Phones, pass_time: PassTime
) -> None:
    urgent(rita)
    urgent(rita)
    pass_time(1.1)
    assert len(phones()) == 2
    urgent(rita)
    pass_time(0.5)
    assert len(phones()) == 2
    pass_time(0.6)
    assert len(phones()) == 3


def test_five_hundred_in_a_minute_are_a_message_a_minute_and_every_one_is_in_it(
    policy: EscalationPolicy, rita: User, bo: User, phones: Phones, pass_time: PassTime, mailoutbox: list[Any]
) -> None:
    ticket = factories.open_ticket(rita, priority=Priority.URGENT)
    run_pass("test")
    rows = [Ticket(**columns_of(ticket)) for _ in range(499)]
    Ticket.objects.bulk_create(rows)
    for _ in range(6):
        _count_rows()
        pass_time(0.2)
    messages = [line for line in phones() if line["person"] == "bo@desk.example"]
    assert len(messages) == 2
    assert len(mailoutbox) == 2
    listed = [int(number) for one in messages for number in one["tickets"]]
    assert sorted(listed) == sorted(Ticket.objects.values_list("pk", flat=True)), "each once, and nobody missed"
    assert "499 tickets" in messages[1]["text"]
    assert not PageDelivery.objects.filter(state="pending").exists()
    client = Client()
    client.force_login(bo)
    html = client.get("/desk/pages/").content.decode()
    assert html.count('name="page" value="') == 500
    assert "Acknowledge all 500" in html


def _count_rows() -> None:
    """What autovacuum does for a desk that commits: planned for the empty tables that it saw between two tests, the
    last look at 500 messages took minutes."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tickets_ticket, escalations_page, escalations_pagedelivery")


def columns_of(ticket: Ticket) -> dict[str, Any]:
    skipped = {"id", "submission_key"}
    return {
        field.attname: getattr(ticket, field.attname)
        for field in Ticket._meta.concrete_fields
        if field.attname not in skipped and not field.generated
    }


def test_a_first_that_was_refused_does_not_hold_up_the_rest(
    policy: EscalationPolicy, rita: User, phones: Phones, monkeypatch: Any
) -> None:
    real, refused = DemoPhone.deliver, []

    def refuse_once(self: DemoPhone, message: Any) -> str:
        if not refused:
            refused.append(message)
            raise DeliveryError("busy")
        return real(self, message)

    monkeypatch.setattr(DemoPhone, "deliver", refuse_once)
    urgent(rita)
    assert phones() == []
    assert not Gathering.objects.filter(contact__kind="sms").exists()
    urgent(rita)
    assert len(phones()) == 1


def test_what_was_acknowledged_meanwhile_is_left_out(
    policy: EscalationPolicy, rita: User, bo: User, phones: Phones, pass_time: PassTime
) -> None:
    urgent(rita)
    second, third = urgent(rita, 2)
    actions.acknowledge(Page.objects.get(ticket=second), by=bo, at=clock.now())
    pass_time(1.1)
    assert phones()[-1]["tickets"] == [str(third.number)]


def test_who_has_acknowledged_hears_of_the_next_at_once(
    policy: EscalationPolicy, rita: User, bo: User, phones: Phones
) -> None:
    (first,) = urgent(rita)
    actions.acknowledge(Page.objects.get(ticket=first), by=bo, at=clock.now())
    (second,) = urgent(rita)
    assert [line["tickets"] for line in phones()] == [[str(first.number)], [str(second.number)]]


def test_what_may_have_arrived_is_not_followed_at_once(
    policy: EscalationPolicy, rita: User, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(self: DemoPhone, message: Any) -> str:
        raise DeliveryError("no answer", unknown=True)

    with monkeypatch.context() as patch:
        patch.setattr(DemoPhone, "deliver", lose)
        urgent(rita)
    urgent(rita)
    assert phones() == []


def test_kinds_are_not_mixed(
    policy: EscalationPolicy, rita: User, ann: User, phones: Phones, pass_time: PassTime
) -> None:
    first, *_ = urgent(rita)
    actions.page_by_hand(first, kind=Page.Kind.BY_HAND, priority=1, reason="Look", by=ann, at=clock.now())
    run_pass("test")
    assert [line["kind"] for line in phones()] == ["ticket", "by_hand"], "another kind doesn't wait for the first"


def test_a_test_does_not_wait(policy: EscalationPolicy, rita: User, bo: User, phones: Phones) -> None:
    urgent(rita)
    actions.page_me(bo.contact_methods.get(kind="sms"), by=bo, at=clock.now())
    run_pass("test")
    assert [line["kind"] for line in phones()] == ["ticket", "test"]


def test_each_contact_has_a_minute_of_its_own(
    policy: EscalationPolicy, rita: User, bo: User, phones: Phones, mailoutbox: list[Any], pass_time: PassTime
) -> None:
    bo.notification_rules.filter(contact__kind="email").update(delay=30)
    urgent(rita)
    assert (len(phones()), len(mailoutbox)) == (1, 0)
    urgent(rita)
    pass_time(0.6)
    assert (len(phones()), len(mailoutbox)) == (1, 1)
    assert "2 tickets" in mailoutbox[0].subject


def test_every_page_tells_on_its_own_that_it_was_sent(
    policy: EscalationPolicy, rita: User, pass_time: PassTime
) -> None:
    urgent(rita)
    urgent(rita, 3)
    pass_time(1.1)
    assert PageEvent.objects.filter(kind="sent", data__method="text message").count() == 4


def test_nothing_is_gathered_where_the_setting_is_zero(
    policy: EscalationPolicy, rita: User, phones: Phones, settings: Any
) -> None:
    settings.PAGING_QUIET_SECONDS = 0
    urgent(rita)
    urgent(rita, 2)
    assert len(phones()) == 3
