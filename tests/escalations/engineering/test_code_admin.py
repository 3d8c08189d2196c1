"""Code hosts in Django admin: secrets go in and never come out."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from escalations.engineering import actions
from escalations.models import CodeHost, CodeHostDelivery, Escalation
from supportdesk.lib import clock
from tests.escalations.engineering.code_payloads import SECRET
from tests.escalations.engineering.conftest import AT

pytestmark = pytest.mark.django_db
HOSTS = "/admin/escalations/codehost/"
DELIVERIES = "/admin/escalations/codehostdelivery/"


@pytest.fixture
def admin(ada: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(ada)


def host(**fields: Any) -> dict[str, Any]:
    known = {"name": "Our code", "kind": "github", "address": "https://github.com", "repositories": "acme/server"}
    return {**known, **fields}


def test_a_host_is_added_with_a_secret_that_is_never_shown_again(admin: Client) -> None:
    answer = admin.post(f"{HOSTS}add/", host(new_secret=SECRET, address="https://github.com/"))
    assert answer.status_code == 302, answer.context["errors"]
    made = CodeHost.objects.get()
    assert (made.believed, made.address) == ((SECRET,), "https://github.com")
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM escalations_codehost")
        assert SECRET not in cursor.fetchone()[0], "encrypted at rest"
    for address in (HOSTS, f"{HOSTS}{made.pk}/change/", f"{HOSTS}{made.pk}/history/"):
        assert SECRET not in admin.get(address, follow=True).content.decode()
    assert f"http://testserver/hooks/code/{made.pk}/" in admin.get(f"{HOSTS}{made.pk}/change/").content.decode()
    assert SECRET not in admin.post(f"{HOSTS}add/", host(name="", new_secret=SECRET)).content.decode()


def test_secrets_are_exchanged_without_losing_a_call(admin: Client, github: CodeHost) -> None:
    address = f"{HOSTS}{github.pk}/change/"
    admin.post(address, host(name="Renamed"))
    github.refresh_from_db()
    assert (github.name, github.believed) == ("Renamed", (SECRET,))
    page = admin.post(address, host(make_secret="on"), follow=True).content.decode()
    github.refresh_from_db()
    newest = github.believed[0]
    assert github.believed == (newest, SECRET)
    assert newest in page
    assert newest not in admin.get(address).content.decode()
    admin.post(address, host(forget_older="on"))
    github.refresh_from_db()
    assert github.believed == (newest,)
    admin.post(address, host(kind="gitlab"))
    github.refresh_from_db()
    assert github.kind == "github", "its pull requests are"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"new_secret": "short"}, "16 characters"),
        ({"address": "javascript:alert(1)"}, "without a name or a query"),
        ({"address": "https://me:secret@github.com"}, "without a name or a query"),
        ({"address": "https://github.com/?a=b"}, "without a name or a query"),
        ({"repositories": "acme/server\nhttps://github.com/acme/web"}, "https://github.com/acme/web is no repository"),
        ({"repositories": "acme"}, "acme is no repository"),
    ],
)
def test_what_can_not_work_is_refused_in_words(admin: Client, fields: dict[str, str], says: str) -> None:
    assert says in admin.post(f"{HOSTS}add/", host(**fields)).content.decode()
    assert not CodeHost.objects.exists()


def test_deliveries_are_looked_at_and_a_host_in_use_stays(
    admin: Client, record: Escalation, github: CodeHost, sven: User
) -> None:
    row = CodeHostDelivery.objects.create(
        host=github, delivery_id="abc", event="ping", outcome="ignored", received_at=clock.now()
    )
    assert "abc" in admin.get(DELIVERIES).content.decode()
    assert admin.get(f"{DELIVERIES}?q=abc").status_code == 200
    assert admin.get(f"{DELIVERIES}add/").status_code == 403
    assert admin.post(f"{DELIVERIES}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    actions.link_pull_request(record, "https://github.com/acme/server/pull/41", by=sven, at=AT)
    admin.post(f"{HOSTS}{github.pk}/delete/", {"post": "yes"})
    assert CodeHost.objects.exists()
