"""The sections of the record's page about people, the discussion, and one's own feed: through the doors."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from escalations.engineering import actions
from escalations.models import Escalation, Involved
from tests import factories
from tests.escalations.engineering.conftest import AT, MINUTE, page_queries

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def anns(ann: User, client_of: ClientOf) -> Client:
    return client_of(ann)


def url(escalation: Escalation, what: str = "") -> str:
    return f"{escalation.get_absolute_url()}{what}"


# --- Teams and people ----------------------------------------------------------------------------------------------


def test_ann_brings_a_team_in_and_takes_it_back(record: Escalation, anns: Client, pat: User) -> None:
    answer = anns.post(url(record, "invite/"), {"who": "team:product"})
    assert (answer.status_code, answer["Location"]) == (303, url(record, "#stakeholders"))
    page = anns.get(url(record)).content.decode()
    assert "<b>Product</b>" in page
    assert "1 person, brought in by Ann" in page
    assert 'name="who" value="team:product"' in page, "to undo it, and to take it out"
    anns.post(url(record, "dismiss/"), {"who": "team:product"})
    assert not record.teams.exists()


def test_with_htmx_the_section_comes_back_with_a_toast(record: Escalation, anns: Client, pat: User) -> None:
    answer = anns.post(url(record, "invite/"), {"who": f"person:{pat.pk}"}, headers=HTMX)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert html.lstrip().startswith("<section") or "<section" in html.split("<html")[0]
    assert "<html" not in html
    assert "Pat is in, and is told." in html
    assert "HX-Request" in answer["Vary"]
    assert f'value="person:{pat.pk}"' in html
    assert f'<option value="person:{pat.pk}"' not in html, "who is in can't be chosen again"


@pytest.mark.parametrize("who", ["", "team:marketing", "person:0", "person:x", "person:99999999999999999999", "{rita}"])
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_who_can_not_be_brought_in_is_said_beside_the_choice(
    record: Escalation, anns: Client, rita: User, who: str, headers: dict[str, str]
) -> None:
    who = who.replace("{rita}", f"person:{rita.pk}")
    answer = anns.post(url(record, "invite/"), {"who": who}, headers=headers)
    assert answer.status_code == 400
    assert "Choose a team or somebody" in answer.content.decode()
    assert 'id="invite_who_error"' in answer.content.decode()
    assert record.followers.count() == 1, "ann, who requested it"


def test_one_mutes_follows_and_leaves_by_the_button(
    record: Escalation, ann: User, pat: User, client_of: ClientOf
) -> None:
    actions.invite_person(record, pat, by=ann, at=AT)
    pats = client_of(pat)
    assert "You are told of what happens here." in pats.get(url(record)).content.decode()
    pats.post(url(record, "follow/"), {"to": "mute"})
    assert record.followers.get(user=pat).is_muted
    assert "You muted this" in pats.get(url(record)).content.decode()
    pats.post(url(record, "follow/"), {"to": "follow"})
    assert not record.followers.get(user=pat).is_muted
    left = pats.post(url(record, "follow/"), {"to": "unfollow"}, headers=HTMX)
    assert (left.status_code, left["HX-Redirect"]) == (204, "/desk/escalations/")
    assert pats.get(url(record)).status_code == 404


def test_a_stakeholder_is_not_let_in_by_asking(record: Escalation, pat: User, client_of: ClientOf) -> None:
    pats = client_of(pat)
    assert pats.post(url(record, "follow/"), {"to": "follow"}).status_code == 404
    assert pats.post(url(record, "invite/"), {"who": "team:product"}).status_code == 403
    assert not record.teams.exists()
    assert not record.followers.filter(user=pat).exists()


# --- The discussion ------------------------------------------------------------------------------------------------


def test_a_comment_is_written_once_and_stands_on_the_record(record: Escalation, anns: Client) -> None:
    for _ in range(2):
        answer = anns.post(url(record, "discussion/"), {"body": "**Seen** <b>it</b>", "key": "k-1"})
        said = record.comments.get()
        assert (answer.status_code, answer["Location"]) == (303, url(record, f"#comment-{said.pk}"))
    page = anns.get(url(record)).content.decode()
    assert "<strong>Seen</strong> &lt;b&gt;it&lt;/b&gt;" in page
    assert f'id="comment-{said.pk}"' in page


def test_what_was_refused_is_still_there_and_says_why(
    record: Escalation, ann: User, pat: User, cleo: User, client_of: ClientOf
) -> None:
    actions.invite_person(record, pat, by=ann, at=AT)
    pats = client_of(pat)
    answer = pats.post(url(record, "discussion/"), {"body": "Ask @cleo about it", "key": "k"})
    html = answer.content.decode()
    assert answer.status_code == 400
    assert "Ask @cleo about it</textarea>" in html
    assert "Cleo does not see this escalation" in html
    assert 'aria-invalid="true"' in html
    assert 'value="k"' in html
    empty = pats.post(url(record, "discussion/"), {"body": "  "})
    assert "Please write something." in empty.content.decode()


def test_s089_other_words_under_the_same_key_get_a_new_one(record: Escalation, anns: Client) -> None:
    anns.post(url(record, "discussion/"), {"body": "One", "key": "k-1"})
    answer = anns.post(url(record, "discussion/"), {"body": "Two", "key": "k-1"})
    html = answer.content.decode()
    assert answer.status_code == 400
    assert "Two</textarea>" in html
    assert 'value="k-1"' not in html


def test_the_record_asks_for_news_and_gets_only_news(record: Escalation, ann: User, anns: Client) -> None:
    first = actions.comment(record, by=ann, body="First", at=AT)
    news = url(record, f"discussion/?seen={first.pk}")
    assert anns.get(news, headers=HTMX).status_code == 204
    actions.comment(record, by=ann, body="Second", at=AT + MINUTE)
    html = anns.get(news, headers=HTMX).content.decode()
    assert "Second" in html
    assert "<textarea" not in html, "what is being written is left alone"


def test_a_long_discussion_comes_in_pages(record: Escalation, ann: User, anns: Client) -> None:
    for number in range(35):
        actions.comment(record, by=ann, body=f"Comment no. {number:02}", at=AT + number * MINUTE)
    page = anns.get(url(record, "discussion/"))
    html = page.content.decode()
    assert "no. 34" in html
    assert "no. 04" not in html
    older = page.context["discussion"].older
    earlier = anns.get(url(record, f"discussion/?page={older}")).content.decode()
    assert "no. 04" in earlier
    assert "no. 05" not in earlier
    assert anns.get(url(record, "discussion/?page=o0'")).status_code == 200


def test_s052_customers_learn_no_names_here(record: Escalation, rita: User, client_of: ClientOf) -> None:
    ritas = client_of(rita)
    for what in ("", "discussion/", "invite/", "follow/"):
        assert ritas.get(url(record, what)).status_code == 404
        assert ritas.post(url(record, what), {"body": "@ann"}).status_code in {404, 405}


# --- My feed -------------------------------------------------------------------------------------------------------


def test_the_feed_tells_what_happened_to_what_one_follows(
    record: Escalation, ann: User, anns: Client, pat: User, sven: User, client_of: ClientOf
) -> None:
    actions.comment(record, by=sven, body="Secret words", at=AT + MINUTE)
    html = anns.get("/desk/escalations/feed/").content.decode()
    assert "Ann requested it for" in html
    assert "Sven wrote in the discussion" in html
    assert "Secret words" not in html
    pats = client_of(pat)
    assert "Nothing to read yet" in pats.get("/desk/escalations/feed/").content.decode()
    actions.invite_team(record, Involved.PRODUCT, by=ann, at=AT + MINUTE)
    assert "Ann brought Product in" in pats.get("/desk/escalations/feed/").content.decode()
    actions.mute(record, by=pat, at=AT + MINUTE)
    assert "Nothing to read yet" in pats.get("/desk/escalations/feed/").content.decode()


def test_the_feed_comes_in_pages(record: Escalation, ann: User, anns: Client) -> None:
    for number in range(60):
        actions.comment(record, by=ann, body=f"No. {number}", at=AT + number * MINUTE)
    page = anns.get("/desk/escalations/feed/")
    assert len(page.context["entries"]) == 50
    older = anns.get(f"/desk/escalations/feed/?page={page.context['pages'].older}")
    assert len(older.context["entries"]) == record.events.count() - 50
    assert anns.get("/desk/escalations/feed/?page=o9'").status_code == 200


# --- How much it costs ---------------------------------------------------------------------------------------------


def test_the_page_costs_the_same_however_many_are_in(
    record: Escalation, ann: User, anns: Client, count_queries: Callable[[], CaptureQueriesContext]
) -> None:
    def cost() -> int:
        with count_queries() as queries:
            anns.get(url(record))
        return page_queries(queries)

    anns.get(url(record))
    before = cost()
    for number in range(12):
        person = factories.staff(f"Person{number}", Role.PRODUCT)
        actions.invite_person(record, person, by=ann, at=AT)
        actions.comment(record, by=person, body=f"No. {number}", at=AT + number * MINUTE)
    for team in Involved:
        actions.invite_team(record, team, by=ann, at=AT)
    assert cost() == before
