"""Issues of other trackers: links that say whose they are, and lead nowhere but there."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from escalations.engineering import actions
from escalations.models import Escalation, OutsideIssue
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from tests.escalations.engineering.conftest import AT

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("url", "kind", "label"),
    [
        ("https://jira.example.com/browse/MM-123", "jira", "MM-123"),
        ("https://acme.atlassian.net/browse/AB_C-9?focused=1", "jira", "AB_C-9"),
        ("https://github.com/acme/server/issues/12#c3", "github", "acme/server#12"),
        ("https://gitlab.com/acme/sub/server/-/issues/5", "gitlab", "acme/sub/server#5"),
        ("https://gitlab.com/acme/server/-/work_items/5", "gitlab", "acme/server#5"),
        ("https://bugs.example.com/show_bug.cgi?id=7", "other", "bugs.example.com"),
    ],
)
def test_whose_it_is_is_read_from_its_address(record: Escalation, ann: User, url: str, kind: str, label: str) -> None:
    issue = actions.link_outside_issue(record, f" {url}", by=ann, at=AT)
    assert (issue.kind, issue.label, issue.url) == (kind, label, url)
    assert record.events.get(kind="outside_link").data == {"what": "linked", "name": label, "url": url}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://jira.example.com/browse/MM-1",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://user:secret@jira.example.com/browse/MM-1",
        "https://user@jira.example.com/",
        "https://",
        "https://a b.example.com/x",
        'https://jira.example.com/"onmouseover=alert(1) x',
        "https://[::1/x",
        "https://jira.example.com:99999/x",
        "//jira.example.com/x",
        f"https://jira.example.com/{'x' * 500}",
        "https://jira.example.com/\x00",
    ],
)
def test_s043_nothing_but_https_becomes_a_link(record: Escalation, ann: User, url: str) -> None:
    with pytest.raises(Invalid) as refusal:
        actions.link_outside_issue(record, url, by=ann, at=AT)
    assert refusal.value.field == "url"
    assert not OutsideIssue.objects.exists()


def test_its_name_may_be_given_and_is_one_line(record: Escalation, ann: User, pat: User) -> None:
    url = "https://jira.example.com/browse/MM-1"
    with pytest.raises(Invalid) as refusal:
        actions.link_outside_issue(record, url, label="a\nb", by=ann, at=AT)
    assert refusal.value.field == "label"
    with pytest.raises(NotAllowed):
        actions.link_outside_issue(record, url, by=pat, at=AT)
    assert actions.link_outside_issue(record, url, label="The epic", by=ann, at=AT).label == "The epic"
    with pytest.raises(Conflict, match="linked already"):
        actions.link_outside_issue(record, url, by=ann, at=AT)


def test_in_the_browser(record: Escalation, ann: User, client_of: Callable[[User], Client]) -> None:
    browser, address = client_of(ann), f"/desk/escalations/{record.reference}/issues/"
    refused = browser.post(address, {"url": "http://jira.example.com/", "label": "Keep <me>"})
    assert refused.status_code == 400
    assert "beginning with https://" in refused.content.decode()
    assert 'value="Keep &lt;me&gt;"' in refused.content.decode()
    assert browser.post(address, {"url": "https://jira.example.com/browse/MM-1"}).status_code == 303
    page = browser.get(record.get_absolute_url()).content.decode()
    assert 'href="https://jira.example.com/browse/MM-1" rel="noopener noreferrer">MM-1</a>' in page
    issue = OutsideIssue.objects.get()
    gone = browser.post(f"{address}{issue.pk}/unlink/", headers={"HX-Request": "true"}).content.decode()
    assert "MM-1 is unlinked." in gone
    assert 'name="url" value="https://jira.example.com/browse/MM-1"' in gone
    assert not OutsideIssue.objects.exists()
    assert browser.post(f"{address}{issue.pk}/unlink/").status_code == 404


def test_unlinked_twice_is_told(record: Escalation, ann: User) -> None:
    issue = actions.link_outside_issue(record, "https://jira.example.com/browse/MM-1", by=ann, at=AT)
    same = OutsideIssue.objects.get(pk=issue.pk)
    actions.unlink_outside_issue(issue, by=ann, at=AT)
    with pytest.raises(Conflict):
        actions.unlink_outside_issue(same, by=ann, at=AT)
