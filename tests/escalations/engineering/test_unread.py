"""Customers whom nobody mails any more: that they were told is no news to anybody, and the desk is shown so."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts import actions as account_actions
from accounts.models import User
from escalations.engineering import actions, telling
from escalations.engineering.steps import Move
from escalations.models import Escalation
from tests.escalations.engineering.conftest import AT, MINUTE, brought_to
from tickets import actions as ticket_actions
from tickets import notifications
from tickets.models import OutgoingMail, Ticket

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
BADGE = "nobody reads this ticket any more"


def shown(client: Client, record: Escalation) -> tuple[str, str]:
    """The pages on which they are told, and of the record."""
    address = record.get_absolute_url()
    return tuple(client.get(page).content.decode() for page in (f"{address}update/", address))  # type: ignore[return-value]


def mailed(record: Escalation, *, by: User) -> set[str]:
    """Who is mailed what is told now."""
    notifications.notify(now=AT + 20 * MINUTE)
    OutgoingMail.objects.all().delete()
    actions.send_update(record, by=by, at=AT + 20 * MINUTE)
    telling.tell_customers(now=AT + 20 * MINUTE)
    notifications.notify(now=AT + 21 * MINUTE)
    return set(OutgoingMail.objects.filter(kind="answered").values_list("to_email", flat=True))


def deactivated(person: User, ada: User) -> str:
    account_actions.deactivate(person, by=ada, at=AT)
    return "Rita&#x27;s account is deactivated, and nobody is in copy."


def removed(person: User, ada: User) -> str:
    account_actions.remove_member(person.memberships.get(), by=ada, at=AT)
    return "Rita is no longer at Northwind, and nobody is in copy."


@pytest.mark.parametrize("gone", [deactivated, removed])
def test_who_is_gone_is_marked_before_and_after_they_are_told(
    record: Escalation, rita: User, sven: User, ada: User, client_of: ClientOf, gone: Callable[[User, User], str]
) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    browser = client_of(sven)
    assert BADGE not in "".join(shown(browser, record))
    why = gone(rita, ada)
    for page in shown(browser, record):
        assert (page.count(BADGE), page.count(why)) == (1, 1)
    assert mailed(record, by=sven) == {"sam@contoso.example"}
    for page in shown(browser, record):
        assert (page.count(BADGE), page.count(why)) == (1, 1)


def test_who_is_in_copy_reads_it(
    record: Escalation, ritas: Ticket, tom: User, ann: User, sven: User, ada: User, client_of: ClientOf
) -> None:
    ticket_actions.add_cc(ritas, by=ann, addresses=[tom.email], at=AT)
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    account_actions.deactivate(ritas.requester, by=ada, at=AT)
    assert BADGE not in "".join(shown(client_of(sven), record))
    assert mailed(record, by=sven) == {"sam@contoso.example", tom.email}
    account_actions.deactivate(tom, by=ada, at=AT)
    for page in shown(client_of(sven), record):
        assert page.count(BADGE) == 1
