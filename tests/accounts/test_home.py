"""The start page is what fits the person."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User

ClientOf = Callable[[User], Client]


def test_a_stranger_finds_the_way_in(client: Client, db: None) -> None:
    page = client.get("/")
    assert page.status_code == 200
    for link in ("/accounts/login/", "/accounts/signup/", "/help/"):
        assert f'href="{link}"' in page.content.decode()


@pytest.mark.parametrize(
    ("who", "where"),
    [
        ("rita", "/requests/"),
        ("fred", "/requests/"),
        ("bo", "/desk/"),
        ("lea", "/desk/"),
        ("sven", "/desk/"),
        ("ada", "/desk/"),
    ],
)
def test_people_are_sent_where_they_work(
    request: pytest.FixtureRequest, client_of: ClientOf, who: str, where: str
) -> None:
    answer = client_of(request.getfixturevalue(who)).get("/")
    assert (answer.status_code, answer["Location"]) == (302, where)


def test_a_stakeholder_reads_what_will_be_seen_here(pat: User, client_of: ClientOf) -> None:
    page = client_of(pat).get("/", follow=True)
    assert page.redirect_chain == [("/desk/escalations/", 302)]
    assert "escalations that you are brought into" in page.content.decode()
