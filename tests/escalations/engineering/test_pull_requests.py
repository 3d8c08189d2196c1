"""Linking and unlinking pull requests by their address, and what a merged or released fix suggests."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from escalations.engineering import actions
from escalations.engineering.pulls import in_words, suggestion
from escalations.engineering.steps import Move
from escalations.models import CodeHost, Escalation, EscalationEvent, PullRequest
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from tests.at_once import at_once
from tests.escalations.engineering.code_payloads import came, github_merged, github_pull, github_release, send
from tests.escalations.engineering.conftest import AT, MINUTE, brought_to, page_queries

pytestmark = pytest.mark.django_db
URL = "https://github.com/acme/server/pull/41"


def events(escalation: Escalation) -> list[EscalationEvent]:
    return list(escalation.events.filter(kind="pull_request").order_by("pk"))


@pytest.mark.parametrize(
    ("url", "repository", "number", "kept"),
    [
        (URL, "acme/server", 41, URL),
        (f"{URL}/files?diff=split#r1", "acme/server", 41, URL),
        ("http://GITHUB.com/Acme/Server/pull/41/", "acme/server", 41, "https://github.com/Acme/Server/pull/41"),
        (
            "https://git.acme.example/code/acme/sub/server/-/merge_requests/7/diffs",
            "acme/sub/server",
            7,
            "https://git.acme.example/code/acme/sub/server/-/merge_requests/7",
        ),
        (
            "https://git.acme.example/code/acme/sub/server/merge_requests/7",
            "acme/sub/server",
            7,
            "https://git.acme.example/code/acme/sub/server/-/merge_requests/7",
        ),
    ],
)
def test_a_pull_request_is_linked_by_its_address(
    record: Escalation,
    github: CodeHost,
    gitlab: CodeHost,
    sven: User,
    url: str,
    repository: str,
    number: int,
    kept: str,
) -> None:
    pull = actions.link_pull_request(record, f" {url} ", by=sven, at=AT + MINUTE)
    assert (pull.repository, pull.number, pull.url, pull.state) == (repository, number, kept, "unknown")
    assert [in_words(event.data) for event in events(record)] == [f"linked the pull request {repository}#{number}"]
    record.refresh_from_db()
    assert record.news_at == AT, "customers heard nothing"


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        ("", "required", "Paste the address"),
        ("https://github.com/acme/other/pull/41", "unknown_repository", "acme/other isn't a repository of GitHub"),
        ("https://github.com/acme/server/issues/41", "no_pull_request", "looks like https://github.com/acme/server"),
        ("https://github.com/acme/server/pull/0", "no_pull_request", "no pull request of GitHub"),
        ("https://github.com/acme/server/pull/٤١", "no_pull_request", "no pull request of GitHub"),
        ("https://github.com/acme/server/pull/99999999999", "no_pull_request", "no pull request of GitHub"),
        ("https://github.com.evil.example/acme/server/pull/41", "no_pull_request", "doesn't know this code host"),
        ("https://github.com@evil.example/acme/server/pull/41", "no_pull_request", "doesn't know this code host"),
        ("https://github.com:8443/acme/server/pull/41", "no_pull_request", "doesn't know this code host"),
        ("javascript:alert(1)//github.com/acme/server/pull/41", "no_pull_request", "doesn't know this code host"),
        ("https://[::1/acme/server/pull/41", "no_pull_request", "doesn't know this code host"),
        ("acme/server#41", "no_pull_request", "doesn't know this code host"),
        ("https://github.com/acme/server/pull/41\n", "linked", ""),
        ("https://github.com/acme/\nserver/pull/41", "not_one_line", "one line"),
        (f"https://github.com/{'a' * 600}/server/pull/41", "too_long", "too long"),
    ],
)
def test_what_is_no_pull_request_of_ours_is_refused_beside_the_field(
    record: Escalation, github: CodeHost, sven: User, url: str, code: str, says: str
) -> None:
    if code == "linked":
        actions.link_pull_request(record, url, by=sven, at=AT)
        return
    with pytest.raises(Invalid) as refusal:
        actions.link_pull_request(record, url, by=sven, at=AT)
    assert (refusal.value.field, refusal.value.code) == ("url", code)
    assert says in refusal.value.sentence
    assert not PullRequest.objects.exists()


def test_without_a_code_host_the_form_says_so(record: Escalation, sven: User) -> None:
    with pytest.raises(Invalid, match="No code host is set up yet"):
        actions.link_pull_request(record, URL, by=sven, at=AT)


def test_linked_twice_is_told_and_two_at_once_are_one(
    record: Escalation, github: CodeHost, sven: User, pat: User
) -> None:
    actions.link_pull_request(record, URL, by=sven, at=AT)
    with pytest.raises(Conflict) as refusal:
        actions.link_pull_request(record, f"{URL}/files", by=sven, at=AT)
    assert refusal.value.sentence == "acme/server#41 is linked already."
    with pytest.raises(NotAllowed):
        actions.link_pull_request(record, URL, by=pat, at=AT)


@pytest.mark.django_db(transaction=True)
def test_two_engineers_who_link_it_at_once(record: Escalation, github: CodeHost, sven: User, lea: User) -> None:
    found = at_once(
        lambda: actions.link_pull_request(record, URL, by=sven, at=AT),
        lambda: actions.link_pull_request(record, URL, by=lea, at=AT),
    )
    assert sorted(type(one).__name__ for one in found) == ["Conflict", "PullRequest"]
    assert PullRequest.objects.count() == 1


def test_unlinked_it_is_heard_of_no_more_and_linked_again_it_is_as_it_is_by_then(
    record: Escalation, github: CodeHost, sven: User
) -> None:
    pull = actions.link_pull_request(record, URL, by=sven, at=AT)
    actions.unlink_pull_request(pull, by=sven, at=AT)
    with pytest.raises(Conflict):
        actions.unlink_pull_request(pull, by=sven, at=AT)
    assert came(send(github, "pull_request", github_merged())) == "changed"
    assert [event.data["what"] for event in events(record)] == ["linked", "unlinked"]
    again = actions.link_pull_request(record, URL, by=sven, at=AT)
    assert (again.state, again.title, again.merge_commit) == ("merged", "Keep sessions", "c" * 40)


def test_what_is_merged_is_no_place_to_link_to(record: Escalation, github: CodeHost, sven: User, lea: User) -> None:
    other = Escalation.objects.create(
        title="Other", severity=3, step_since=AT, news_at=AT, requested_by=sven, created_at=AT, updated_at=AT
    )
    actions.merge(other, record, by=sven, at=AT)
    with pytest.raises(Conflict, match=f"merged into {record.reference}"):
        actions.link_pull_request(other, URL, by=sven, at=AT)


def test_a_merged_fix_suggests_the_test_and_its_release_the_release(
    record: Escalation, github: CodeHost, sven: User
) -> None:
    """It suggests the next step and never takes it."""
    pull = actions.link_pull_request(record, URL, by=sven, at=AT)
    brought_to(record, Move.PLAN, by=sven)

    def suggested() -> tuple[str, str] | None:
        record.refresh_from_db()
        found = suggestion(record, record.pull_requests.filter(unlinked_at=None))
        return (found.move.value, found.version) if found else None

    assert suggested() is None
    send(github, "pull_request", github_pull(), key="1")
    assert suggested() is None
    send(github, "pull_request", github_merged(), key="2")
    assert suggested() == ("test", "")
    assert record.step == "planned"
    send(github, "release", github_release(), key="3")
    assert suggested() == ("test", "9.11.2")
    actions.take_step(
        record, Move.TEST, by=sven, given={"evidence": "Ran.", "comes_with": "9.11.2"}, at=AT + 9 * MINUTE
    )
    assert suggested() is None, "the customers are to be told first"
    record.refresh_from_db()
    actions.send_update(record, by=sven, at=AT + 9 * MINUTE)
    assert suggested() == ("release", "9.11.2")
    assert record.step == "tested"
    PullRequest.objects.filter(pk=pull.pk).update(state="open")
    assert suggested() is None
    PullRequest.objects.filter(pk=pull.pk).update(state="closed")
    assert suggested() is None, "given up: nothing is merged"


def test_its_section_shows_state_checks_and_the_next_step(
    record: Escalation, github: CodeHost, sven: User, ann: User, client_of: Callable[[User], Client]
) -> None:
    page = client_of(sven).get(record.get_absolute_url()).content.decode()
    assert "No pull request is linked." in page
    actions.link_pull_request(record, URL, by=sven, at=AT)
    brought_to(record, Move.PLAN, by=sven)
    send(github, "pull_request", github_merged(title="<b>Keep</b>\u202e sessions"))
    page = client_of(sven).get(record.get_absolute_url()).content.decode()
    assert "&lt;b&gt;Keep&lt;/b&gt; sessions" in page
    assert "Merged" in page
    assert f'href="/desk/escalations/{record.reference}/move/test/"' in page
    assert f'href="{URL}" rel="noopener noreferrer"' in page
    for_ann = client_of(ann).get(record.get_absolute_url()).content.decode()
    assert "Test it, then say what came of it." in for_ann
    assert "/move/test/" not in for_ann, "agents don't move it"


def test_linking_in_the_browser_with_and_without_javascript(
    record: Escalation, github: CodeHost, ann: User, client_of: Callable[[User], Client]
) -> None:
    browser, link = client_of(ann), f"/desk/escalations/{record.reference}/pull-requests/"
    refused = browser.post(link, {"url": "https://github.com/acme/other/pull/1"})
    assert refused.status_code == 400
    assert b'value="https://github.com/acme/other/pull/1"' in refused.content
    assert b"isn&#x27;t a repository of GitHub that the desk knows" in refused.content
    answer = browser.post(link, {"url": URL})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{record.get_absolute_url()}#pull_requests")
    pull = PullRequest.objects.get()
    again = browser.post(link, {"url": URL}, headers={"HX-Request": "true"})
    assert again.status_code == 409
    assert again.content.decode().lstrip().startswith("<section")
    assert b"acme/server#41 is linked already." in again.content
    unlink = f"{link}{pull.pk}/unlink/"
    gone = browser.post(unlink, headers={"HX-Request": "true"}).content.decode()
    assert "acme/server#41 is unlinked." in gone
    assert f'name="url" value="{URL}"' in gone, "Undo links it again"
    assert "was unlinked already" in browser.post(unlink, headers={"HX-Request": "true"}).content.decode()
    assert browser.post(f"/desk/escalations/SET-{record.pk}/pull-requests/{10**30}/unlink/").status_code == 404


def test_the_sections_take_few_queries_however_much_is_linked(
    record: Escalation, github: CodeHost, sven: User, client_of: Callable[[User], Client], count_queries: Callable
) -> None:
    browser = client_of(sven)

    def asked() -> int:
        with count_queries() as queries:
            assert browser.get(record.get_absolute_url()).status_code == 200
        return page_queries(queries)

    before = asked()
    for number in range(1, 6):
        actions.link_pull_request(record, f"https://github.com/acme/server/pull/{number}", by=sven, at=AT)
        actions.link_outside_issue(record, f"https://jira.example.com/browse/MM-{number}", by=sven, at=AT)
    assert asked() <= before
