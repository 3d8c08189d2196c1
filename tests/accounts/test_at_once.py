"""What two people do in the same moment, on two connections."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from accounts import actions
from accounts.models import AccountMail, Membership, Organization, User
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from tests.factories import member, person

pytestmark = pytest.mark.django_db(transaction=True)


def together(*verbs: Callable[[], object]) -> list[str]:
    """Run them at once; for each the code of its refusal, or "done"."""
    start, outcomes = threading.Barrier(len(verbs)), [""] * len(verbs)

    def run(number: int, verb: Callable[[], object]) -> None:
        start.wait()
        try:
            verb()
            outcomes[number] = "done"
        except DomainError as refusal:
            outcomes[number] = refusal.code
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(verbs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return sorted(outcomes)


def test_of_two_managers_who_leave_one_stays(mona: User, northwind: Organization) -> None:
    nora = member("Nora", northwind, Membership.Role.MANAGER)

    def leave(user: User) -> Callable[[], None]:
        return lambda: actions.remove_member(user.memberships.get(), by=user, at=clock.now())

    assert together(leave(mona), leave(nora)) == ["done", "last_manager"]
    assert Membership.objects.active().filter(role="manager").count() == 1


def test_an_address_entered_twice_is_one_person(northwind: Organization) -> None:
    def enter() -> User:
        return actions.person_for_address("nils@northwind.example", at=clock.now())

    assert together(enter, enter, enter) == ["done"] * 3
    assert User.objects.count() == 1


def test_joining_twice_is_one_membership(northwind: Organization) -> None:
    tess = person("tess@northwind.example", "Tess")
    assert together(*[lambda: actions.join_by_domain(tess, at=clock.now())] * 3) == ["done"] * 3
    assert Membership.objects.count() == 1


def test_an_invitation_accepted_twice_is_one_membership(mona: User, northwind: Organization) -> None:
    guest = person("guest@partner.example", "Guest")
    invitation = actions.invite(northwind, email=guest.email, role="member", by=mona, at=clock.now())
    accept = lambda: actions.accept_invitation(invitation, by=guest, at=clock.now())  # noqa: E731
    assert together(accept, accept) == ["done", "invitation_used"]
    assert Membership.objects.filter(user=guest).count() == 1


def test_the_twentieth_invitation_is_the_last(mona: User, northwind: Organization) -> None:
    for number in range(18):
        actions.invite(northwind, email=f"x{number}@p.example", role="member", by=mona, at=clock.now())
    verbs = [
        lambda number=number: actions.invite(
            northwind, email=f"y{number}@p.example", role="member", by=mona, at=clock.now()
        )
        for number in range(4)
    ]
    assert together(*verbs) == ["done", "done", "too_many_invitations", "too_many_invitations"]
    assert AccountMail.objects.count() == 20
