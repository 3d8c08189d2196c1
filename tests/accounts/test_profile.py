"""One's own name, zone and country."""

import pytest
from django.test import Client

from accounts import places
from accounts.models import Organization, User
from tests.accounts.conftest import ClientOf

WHOLE = {"name": "Rita Lang", "time_zone": "America/New_York", "country": "US", "subdivision": "NY"}


def test_rita_says_where_she_lives(client_of: ClientOf, rita: User, northwind: Organization) -> None:
    browser = client_of(rita)
    page = browser.post("/profile/", WHOLE, follow=True).content.decode()
    assert "Your profile is saved." in page
    for chosen in (
        'value="America/New_York" selected',
        'value="US" selected',
        'value="NY" selected',
        "Northwind",
        "Premier",
    ):
        assert chosen in page
    rita.refresh_from_db()
    assert [getattr(rita, field) for field in WHOLE] == list(WHOLE.values())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "Support"}, "name"),
        ({"name": "http://evil.example"}, "name"),
        ({"name": ""}, "name"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"country": "XX"}, "country"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    client_of: ClientOf, rita: User, change: dict[str, str], field: str
) -> None:
    page = client_of(rita).post("/profile/", {**WHOLE, **change})
    assert page.status_code == 400
    assert f'id="id_{field}_error"' in page.content.decode()
    rita.refresh_from_db()
    assert (rita.name, rita.country) == ("Rita", "")


def test_a_region_of_another_country_is_left_out(client_of: ClientOf, rita: User) -> None:
    client_of(rita).post("/profile/", {**WHOLE, "country": "DE"})
    rita.refresh_from_db()
    assert (rita.country, rita.subdivision) == ("DE", "")


def test_choosing_a_country_brings_its_regions(client_of: ClientOf, rita: User) -> None:
    answer = client_of(rita).get("/profile/?country=DE", headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert "Bavaria" in page or "Bayern" in page
    assert "<html" not in page
    assert "HX-Request" in answer["Vary"]


def test_nothing_else_can_be_changed(client_of: ClientOf, rita: User, tom: User) -> None:
    """S051"""
    client_of(rita).post("/profile/", {**WHOLE, "role": "admin", "email": "x@y.example", "id": tom.pk, "is_active": ""})
    rita.refresh_from_db()
    tom.refresh_from_db()
    assert (rita.role, rita.email, rita.is_active, tom.name) == ("", "rita@northwind.example", True, "Tom")


def test_staff_may_be_called_support(client_of: ClientOf, bo: User) -> None:
    assert client_of(bo).post("/profile/", {**WHOLE, "name": "Bo, Support"}).status_code == 302


def test_who_is_signed_out_is_asked_to_log_in(client: Client, db: None) -> None:
    assert client.get("/profile/")["Location"] == "/accounts/login/?next=/profile/"


def test_a_zone_that_the_list_lacks_stays_on_offer(client_of: ClientOf, rita: User) -> None:
    User.objects.filter(pk=rita.pk).update(time_zone="US/Pacific")
    browser = client_of(rita)
    assert 'value="US/Pacific" selected' in browser.get("/profile/").content.decode()
    assert browser.post("/profile/", {**WHOLE, "time_zone": "US/Pacific"}).status_code == 302


def test_the_lists_have_everybody(db: None) -> None:
    assert ("DE", "Germany") in places.country_choices()
    assert ("BY", "Bayern") in places.subdivision_choices("DE")
    assert places.subdivision_choices("") == []
