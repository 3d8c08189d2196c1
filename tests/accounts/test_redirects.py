"""Nobody is sent away from this host (S077), and mailed links are of the configured site (S078)."""

import pytest
from django.test import Client

from accounts.models import User
from tests.accounts.conftest import ClientOf, MailsTo, sign_up
from tests.factories import PASSWORD

OUTSIDE = [
    "//evil.example",
    "https:evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example/",
    "https://testserver@evil.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "///evil.example",
    "http://127.0.0.1/",
    "\thttps://evil.example",
    " //evil.example",
]


@pytest.mark.parametrize("target", OUTSIDE)
def test_after_log_in_people_stay_here(client: Client, rita: User, target: str) -> None:
    answer = client.post("/accounts/login/", {"login": rita.email, "password": PASSWORD, "next": target})
    assert (answer.status_code, answer["Location"]) == (302, "/")


@pytest.mark.parametrize("target", OUTSIDE)
def test_after_log_out_people_stay_here(client_of: ClientOf, rita: User, target: str) -> None:
    answer = client_of(rita).post("/accounts/logout/", {"next": target})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_an_encoded_address_is_a_path_of_ours(client: Client, rita: User) -> None:
    fields = {"login": rita.email, "password": PASSWORD, "next": "%2f%2fevil.example"}
    assert client.post("/accounts/login/", fields)["Location"] == "%2f%2fevil.example"


def test_a_path_of_ours_is_followed(client: Client, rita: User) -> None:
    fields = {"login": rita.email, "password": PASSWORD, "next": "/profile/?x=1"}
    assert client.post("/accounts/login/", fields)["Location"] == "/profile/?x=1"


def test_the_link_to_confirm_takes_no_stranger_along(client: Client, db: None, mails_to: MailsTo) -> None:
    sign_up(client, "new@northwind.example", next="https://evil.example/")
    assert "evil" not in mails_to("new@northwind.example")[0].body


def test_log_out_wants_a_post(client_of: ClientOf, rita: User) -> None:
    browser = client_of(rita)
    assert browser.get("/accounts/logout/").status_code == 200
    assert browser.get("/profile/").status_code == 200


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}])
def test_a_forged_host_reaches_no_mail(rita: User, mails_to: MailsTo, headers: dict[str, str]) -> None:
    answer = Client(headers=headers).post("/accounts/password/reset/", {"email": rita.email})
    assert answer.status_code == (400 if "Host" in headers else 302)
    for message in mails_to(rita.email):
        assert "evil" not in message.body
        assert "http://testserver/accounts/password/reset/key/" in message.body
