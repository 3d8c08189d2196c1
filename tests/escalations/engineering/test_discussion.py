"""The internal discussion: what is written, once, whom it names, and whom it brings in."""

import pytest

from accounts.models import Role, User
from escalations.engineering import actions
from escalations.engineering.mentions import mentioned_in
from escalations.models import Comment, Escalation, Involved
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from tests import factories
from tests.escalations.engineering.conftest import AT

pytestmark = pytest.mark.django_db


@pytest.fixture
def named(_defaults: None) -> dict[str, User]:
    """Staff with handles: two are called alike, one left, one is a customer."""
    return {
        "sven": factories.person("sven@desk.example", "Sven Aaltonen", role=Role.SET),
        "jo.one": factories.person("jo.one@desk.example", "Jo Berg", role=Role.AGENT),
        "kim": factories.person("kim@desk.example", "Kim Park", role=Role.AGENT),
        "kim2": factories.person("kim@other.example", "Kim Park", role=Role.LEAD),
        "old": factories.person("old@desk.example", "Old Hand", role=Role.SET, is_active=False),
        "tina": factories.person("tina@northwind.example", "Tina Customer"),
    }


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("@sven please look", ["sven"]),
        ("Please look, @Sven.", ["sven"]),
        ("(@sven, @jo.one)", ["jo.one", "sven"]),
        ('@"Sven Aaltonen" and @"sven  aaltonen"', ["sven"]),
        ("@sven @sven @sven", ["sven"]),
        ("write to sven@desk.example", []),
        ('@kim and @"Kim Park"', []),  # two are called so
        ("@old @tina @nobody @", []),
        ("`@sven` and\n```\n@sven\n```", []),
        ("@svenja", []),
    ],
)
def test_who_is_named(named: dict[str, User], body: str, found: list[str]) -> None:
    assert sorted(person.email.partition("@")[0] for person in mentioned_in(body)) == found


def test_a_comment_is_kept_sanitised_and_its_author_follows(record: Escalation, sven: User, ann: User) -> None:
    said = actions.comment(record, by=sven, body="**Look**, @ann <script>alert(1)</script>", at=AT)
    assert "<strong>Look</strong>" in said.body_html
    assert "<script" not in said.body_html
    assert list(said.mentioned.all()) == [ann]
    assert record.followers.filter(user=sven).exists()
    event = record.events.get(kind="commented")
    assert (event.actor, event.data) == (sven, {"comment": said.pk, "mentioned": [ann.pk]})


def test_naming_somebody_brings_them_in(record: Escalation, ann: User, pat: User) -> None:
    actions.comment(record, by=ann, body="@pat do you know this?", at=AT)
    assert Escalation.objects.visible_to(pat).filter(pk=record.pk).exists()
    assert record.events.filter(kind="invited", data__person_id=pat.pk, data__mentioned=True).count() == 1


def test_who_may_not_invite_names_only_those_who_see_it(record: Escalation, ann: User, pat: User, cleo: User) -> None:
    actions.invite_person(record, pat, by=ann, at=AT)
    with pytest.raises(Invalid) as refusal:
        actions.comment(record, by=pat, body="@cleo look", at=AT)
    assert refusal.value.field == "body"
    assert "Cleo does not see this escalation" in refusal.value.sentence
    assert not Comment.objects.exists()
    actions.invite_team(record, Involved.CUSTOMER_SUCCESS, by=ann, at=AT)
    actions.comment(record, by=pat, body="@cleo look", at=AT)


def test_s089_sending_it_twice_is_once(record: Escalation, sven: User) -> None:
    first = actions.comment(record, by=sven, body="Once.", at=AT, key="k1")
    assert actions.comment(record, by=sven, body="Once.", at=AT, key="k1") == first
    with pytest.raises(Conflict) as refusal:
        actions.comment(record, by=sven, body="Other words.", at=AT, key="k1")
    assert refusal.value.code == "key_reused"
    assert Comment.objects.count() == 1


@pytest.mark.parametrize("body", ["", " \n ", "x" * (64 * 1024 + 1), "\x00"])
def test_what_is_no_comment(record: Escalation, sven: User, body: str) -> None:
    with pytest.raises(Invalid) as refusal:
        actions.comment(record, by=sven, body=body, at=AT)
    assert refusal.value.field == "body"


def test_who_does_not_see_it_writes_nothing(record: Escalation, pat: User, rita: User) -> None:
    for person in (pat, rita):
        with pytest.raises(NotAllowed):
            actions.comment(record, by=person, body="Hello", at=AT)
    assert not Comment.objects.exists()
