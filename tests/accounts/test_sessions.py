"""Sessions belong to people: a deactivation ends them all, at once, and only theirs."""

import pytest
from django.test import Client

from accounts import actions
from accounts.models import AccountEvent, Session, User
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, NotAllowed
from tests.accounts.conftest import NEW_PASSWORD, log_in


def test_a_session_knows_whose_it_is(client: Client, rita: User) -> None:
    client.get("/accounts/login/")
    log_in(client, rita.email)
    assert Session.objects.filter(user_id=rita.pk).count() == 1
    client.post("/accounts/logout/")
    assert not Session.objects.filter(user_id=rita.pk).exists()


def test_the_session_has_another_key_after_log_in(client: Client, rita: User) -> None:
    """S064"""
    client.post("/accounts/signup/", {})
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    log_in(client, rita.email)
    assert client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


def test_deactivation_ends_every_session_of_the_person(ada: User, rita: User, tom: User) -> None:
    browsers = [Client(), Client(), Client()]
    for browser, user in zip(browsers, (rita, rita, tom), strict=True):
        assert log_in(browser, user.email)
    actions.deactivate(rita, by=ada, at=clock.now())
    assert [browser.get("/profile/").status_code for browser in browsers] == [302, 302, 200]
    assert not Session.objects.filter(user_id=rita.pk).exists()
    assert not log_in(Client(), rita.email)
    event = AccountEvent.objects.get()
    assert (event.kind, event.user, event.actor) == ("deactivated", rita, ada)
    actions.reactivate(rita, by=ada, at=clock.now())
    assert log_in(Client(), rita.email)


def test_only_admins_shut_accounts_and_never_their_own(ada: User, lea: User, mona: User, rita: User) -> None:
    for by in (lea, mona, rita):
        with pytest.raises(NotAllowed):
            actions.deactivate(rita, by=by, at=clock.now())
        with pytest.raises(NotAllowed):
            actions.change_staff_role(rita, role="agent", by=by, at=clock.now())
    with pytest.raises(Conflict):
        actions.deactivate(ada, by=ada, at=clock.now())
    with pytest.raises(Conflict):
        actions.change_staff_role(ada, role="", by=ada, at=clock.now())
    with pytest.raises(Conflict):
        actions.reactivate(rita, by=ada, at=clock.now())


def test_another_staff_role_is_recorded_and_asks_for_a_new_log_in(ada: User, bo: User) -> None:
    browser = Client()
    log_in(browser, bo.email)
    actions.change_staff_role(bo, role="lead", by=ada, at=clock.now())
    assert browser.get("/profile/").status_code == 302
    assert User.objects.get(pk=bo.pk).is_lead
    assert AccountEvent.objects.get().data == {"before": "agent", "after": "lead"}


def test_another_password_ends_the_other_sessions(rita: User) -> None:
    here, there = Client(), Client()
    log_in(here, rita.email)
    log_in(there, rita.email)
    fields = {"oldpassword": "correct horse battery staple", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert here.post("/accounts/password/change/", fields).status_code == 302
    assert here.get("/profile/").status_code == 200
    assert there.get("/profile/").status_code == 302
