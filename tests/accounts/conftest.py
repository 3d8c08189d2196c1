"""The mailbox, and people who sign up through the pages."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.test import Client

from accounts.mail import deliver_due
from accounts.models import User
from tests.factories import PASSWORD

ClientOf = Callable[[User], Client]
MailsTo = Callable[[str], list[EmailMessage]]
NEW_PASSWORD = "another good long password"


@pytest.fixture
def mails_to(db: None) -> MailsTo:
    """Every mail that has reached an address, once the worker was there."""

    def fetch(address: str) -> list[EmailMessage]:
        deliver_due()
        return [message for message in mail.outbox if message.to == [address]]

    return fetch


def link_in(message: EmailMessage) -> str:
    """The path (and query) of the one link of the configured site."""
    links = re.findall(r"http://testserver(/\S+)", message.body)
    assert len(links) == 1, message.body
    return links[0]


def sign_up(client: Client, email: str, *, name: str = "Rita Lang", password: str = PASSWORD, **fields: str):
    form = {"email": email, "name": name, "password1": password, "password2": password, **fields}
    return client.post("/accounts/signup/", form)


def log_in(client: Client, email: str, password: str = PASSWORD) -> bool:
    client.post("/accounts/login/", {"login": email, "password": password})
    return "_auth_user_id" in client.session


def choose_password(client: Client, link: str, password: str = NEW_PASSWORD):
    """Open a mailed reset link and set a password there."""
    page = client.get(link)
    assert page.status_code == 302, page.status_code
    return client.post(urlsplit(page["Location"]).path, {"password1": password, "password2": password})
