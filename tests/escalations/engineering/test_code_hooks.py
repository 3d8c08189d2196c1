"""What code hosts post: believed only when signed, once, in whatever order, and whatever is in it."""

import json
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations.engineering import actions, tasks
from escalations.engineering.pulls import in_words
from escalations.models import CodeHost, CodeHostDelivery, Escalation, PullRequest
from supportdesk.lib import clock, signatures
from tests.at_once import at_once
from tests.escalations.engineering.code_payloads import (
    HEAD,
    LATER,
    MERGE,
    SECRET,
    came,
    github_merged,
    github_pull,
    github_release,
    github_run,
    gitlab_merge,
    gitlab_pipeline,
    send,
)
from tests.escalations.engineering.conftest import AT

pytestmark = pytest.mark.django_db
URL = "https://github.com/acme/server/pull/41"
Loud = pytest.LogCaptureFixture


@pytest.fixture
def pull(record: Escalation, github: CodeHost, sven: User) -> PullRequest:
    return actions.link_pull_request(record, URL, by=sven, at=AT)


@pytest.fixture
def merge_request(record: Escalation, gitlab: CodeHost, sven: User) -> PullRequest:
    url = "https://git.acme.example/code/acme/sub/server/-/merge_requests/7"
    return actions.link_pull_request(record, url, by=sven, at=AT)


def said(pull: PullRequest) -> list[str]:
    rows = pull.escalation.events.filter(kind="pull_request", data__what="changed").order_by("pk")
    return [in_words(event.data) for event in rows]


# --- Who is believed -------------------------------------------------------------------------------------------------


def test_s085_what_is_not_signed_changes_nothing(pull: PullRequest, github: CodeHost, caplog: Loud) -> None:
    body = json.dumps(github_merged()).encode()
    forged = [
        "",
        "sha256=",
        signatures.github("another secret", body),
        signatures.github(SECRET, body + b" "),
        signatures.github(SECRET, body).removeprefix("sha256="),
        signatures.github(SECRET, body).upper(),
        f"sha256={'é' * 64}",
    ]
    with caplog.at_level(logging.WARNING, logger="security"):
        for signature in forged:
            answer = send(github, "pull_request", body, **{"X_Hub_Signature_256": signature})
            assert (answer.status_code, answer.content) == (403, b""), signature
    assert caplog.text.count("webhook.refused") == len(forged)
    assert SECRET not in caplog.text
    assert not CodeHostDelivery.objects.exists()
    pull.refresh_from_db()
    assert pull.state == "unknown"
    assert came(send(github, "pull_request", body)) == "changed"


def test_s085_without_a_secret_nothing_is_believed(pull: PullRequest, github: CodeHost, gitlab: CodeHost) -> None:
    CodeHost.objects.update(secrets="")
    for host in (github, gitlab):
        for secret in ("", SECRET):
            assert send(host, "pull_request", github_merged(), secret=secret).status_code == 403


def test_s085_only_json_by_post_of_a_reasonable_size(pull: PullRequest, github: CodeHost, settings: Any) -> None:
    address, form = f"/hooks/code/{github.pk}/", "application/x-www-form-urlencoded"
    client = Client(enforce_csrf_checks=True)
    assert client.get(address).status_code == 405
    body = "payload=%7B%7D"
    assert client.post(address, body, content_type=form).status_code == 403
    signed = {"X-Hub-Signature-256": signatures.github(SECRET, body.encode()), "X-GitHub-Delivery": "1"}
    for kind in (form, "text/plain", "multipart/form-data; boundary=x", ""):
        assert client.post(address, body, content_type=kind, headers=signed).status_code == 415
    assert client.post("/hooks/code/99999/", "{}", content_type="application/json").status_code == 404
    assert client.post(f"/hooks/code/{10**30}/", "{}", content_type="application/json").status_code == 404
    settings.CODE_HOOK_MAX_BYTES = 200
    assert send(github, "pull_request", b" " * 201).status_code == 413
    assert send(github, "ping", b'{"zen": "calm"}').status_code == 200
    assert send(github, "pull_request", b"[1]", key="2").status_code == 400
    assert send(github, "pull_request", b"{", key="2").status_code == 400
    assert send(github, "ping", b"{}", key="\x01").status_code == 400
    assert CodeHostDelivery.objects.count() == 1


def test_more_than_django_keeps_in_memory_is_read_where_the_limit_permits(
    pull: PullRequest, github: CodeHost, settings: Any
) -> None:
    settings.CODE_HOOK_MAX_BYTES = 4 * 1024 * 1024
    assert came(send(github, "pull_request", {**github_merged(), "more": "x" * 2 * 1024 * 1024})) == "changed"


def test_each_of_the_secrets_is_believed_while_they_are_exchanged(pull: PullRequest, github: CodeHost) -> None:
    github.secrets = f"newer secret of sixteen\n{SECRET}\n"
    github.save(update_fields=["secrets"])
    assert came(send(github, "pull_request", github_pull(), key="1")) == "changed"
    assert came(send(github, "pull_request", github_merged(), key="2", secret="newer secret of sixteen")) == "changed"


def test_gitlab_by_its_token(merge_request: PullRequest, gitlab: CodeHost) -> None:
    assert send(gitlab, "Merge Request Hook", gitlab_merge(), secret="guess").status_code == 403
    assert came(send(gitlab, "Merge Request Hook", gitlab_merge())) == "changed"


def test_gitlab_signed_is_believed_by_its_signature_alone(merge_request: PullRequest, gitlab: CodeHost) -> None:
    body, now = json.dumps(gitlab_merge("merged")).encode(), int(time.time())

    def signed(key: str, at: int, secret: str = SECRET) -> Any:
        signature = signatures.standard(secret, message=key, timestamp=at, body=body)
        given = {"webhook-id": key, "webhook-timestamp": str(at), "webhook-signature": signature}
        return send(gitlab, "Merge Request Hook", body, **given)

    assert signed("a", now, secret="guess").status_code == 403, "although the token beside it is right"
    assert signed("a", now - 3600).status_code == 403, "of an hour ago"
    assert signed("a", now + 3600).status_code == 403
    bad = {"webhook-id": "a", "webhook-timestamp": "٣", "webhook-signature": "v1,x"}
    assert send(gitlab, "Merge Request Hook", body, **{**bad, "webhook-timestamp": "1e9"}).status_code == 403
    assert came(signed("a", now)) == "changed"
    assert came(signed("a", now)) == "known"


# --- Once, in whatever order -----------------------------------------------------------------------------------------


def test_s085_replayed_a_hundred_times_it_happened_once(pull: PullRequest, github: CodeHost) -> None:
    found = [came(send(github, "pull_request", github_merged())) for _ in range(100)]
    assert found == ["changed", *["known"] * 99]
    assert said(pull) == ["acme/server#41 was merged"]
    assert CodeHostDelivery.objects.get().outcome == "changed"


def test_the_same_under_another_key_changes_nothing_more(pull: PullRequest, github: CodeHost) -> None:
    """The key isn't covered by GitHub's signature: who replays may make one up."""
    send(github, "pull_request", github_pull(), key="1")
    send(github, "pull_request", github_merged(), key="2")
    assert came(send(github, "pull_request", github_merged(), key="made-up")) == "unchanged"
    assert came(send(github, "pull_request", github_pull(), key="made-up-2")) == "unchanged", "older"
    pull.refresh_from_db()
    assert pull.state == "merged"
    assert said(pull) == ["acme/server#41 is open", "acme/server#41 was merged"]


@pytest.mark.django_db(transaction=True)
def test_two_deliveries_at_once(pull: PullRequest, github: CodeHost) -> None:
    found = at_once(
        *(lambda: came(send(github, "pull_request", github_merged(), key="same")) for _ in range(3)),
        lambda: came(send(github, "pull_request", github_pull(), key="older")),
    )
    assert sorted(found[:3]) == ["changed", "known", "known"]
    assert found[3] in {"changed", "unchanged"}
    pull.refresh_from_db()
    assert pull.state == "merged"
    assert said(pull)[-1] == "acme/server#41 was merged"


def test_a_delivery_that_failed_half_way_is_no_delivery(
    pull: PullRequest, github: CodeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key is kept together with its effect, or not at all."""
    from supportdesk.lib import queue

    def fails(topic: str) -> None:
        raise RuntimeError(topic)

    with monkeypatch.context() as patch:
        patch.setattr(queue, "wake", fails)
        with pytest.raises(RuntimeError):
            send(github, "pull_request", github_merged())
    assert not CodeHostDelivery.objects.exists()
    assert came(send(github, "pull_request", github_merged())) == "changed"


def test_unknown_repositories_pull_requests_and_events_are_ignored(
    pull: PullRequest, github: CodeHost, caplog: Loud
) -> None:
    other = github_merged() | {"repository": {"full_name": "acme/other"}}
    with caplog.at_level(logging.INFO):
        assert came(send(github, "pull_request", other, key="1")) == "ignored"
        assert came(send(github, "pull_request", github_merged(number=42), key="2")) == "ignored"
        assert came(send(github, "issues", {"action": "opened"}, key="3")) == "ignored"
        assert came(send(github, "ping", {"zen": "calm"}, key="4")) == "ignored"
    assert caplog.text.count("ignored a delivery") == 4
    assert PullRequest.objects.count() == 1
    assert said(pull) == []


def test_what_was_ignored_is_heard_when_it_is_delivered_again_after_linking(
    record: Escalation, github: CodeHost, sven: User
) -> None:
    merged = github_merged()
    assert [came(send(github, "pull_request", merged, key="1")) for _ in range(2)] == ["ignored", "ignored"]
    pull = actions.link_pull_request(record, URL, by=sven, at=AT)
    assert [came(send(github, "pull_request", merged, key="1")) for _ in range(2)] == ["changed", "known"]
    pull.refresh_from_db()
    assert pull.state == "merged"
    assert said(pull) == ["acme/server#41 was merged"]
    assert CodeHostDelivery.objects.get().outcome == "changed"


def test_a_repository_taken_off_the_list_is_ignored_at_once(pull: PullRequest, github: CodeHost) -> None:
    CodeHost.objects.update(repositories="acme/another")
    assert came(send(github, "pull_request", github_merged())) == "ignored"


# --- What is kept ----------------------------------------------------------------------------------------------------


def test_from_draft_to_merged(pull: PullRequest, github: CodeHost) -> None:
    steps = [
        github_pull(draft=True, updated_at="2026-11-23T09:00:00Z"),
        github_pull(title="Keep\x00 all\u202e\n sessions \ud800!", updated_at="2026-11-23T10:00:00Z"),
        github_pull(head={"sha": LATER}, updated_at="2026-11-23T10:30:00Z"),
        github_merged("2026-11-23T11:00:00Z", head={"sha": LATER}),
        github_pull(updated_at="2026-11-23T12:00:00Z"),
    ]
    seen = []
    for key, step in enumerate(steps):
        send(github, "pull_request", step, key=str(key))
        pull.refresh_from_db()
        seen.append((pull.state, pull.head[:1], pull.title))
    assert seen == [
        ("draft", "a", "Keep sessions"),
        ("open", "a", "Keep all sessions !"),
        ("open", "b", "Keep sessions"),
        ("merged", "b", "Keep sessions"),
        ("merged", "b", "Keep sessions"),
    ]
    assert (pull.merged_at, pull.merge_commit) == (datetime(2026, 11, 23, 11, tzinfo=UTC), MERGE)
    pull.escalation.refresh_from_db()
    assert pull.escalation.news_at == AT, "customers heard nothing"
    assert pull.escalation.step == "requested"


def test_checks_are_of_the_head_and_none_is_made_good_by_another(pull: PullRequest, github: CodeHost) -> None:
    def after(*args: Any, event: str = "check_run", **fields: Any) -> str:
        number = CodeHostDelivery.objects.count()
        run = github_run(*args, **fields) if event == "check_run" else args[0]
        send(github, event, run, key=f"k{number}")
        pull.refresh_from_db()
        return pull.checks

    send(github, "pull_request", github_pull(), key="first")
    assert after(None) == "running"
    assert after("success") == "passed"
    assert after(None) == "passed", "begun before it ended: it came late"
    assert after(None, name="lint") == "running"
    assert after("failure", name="lint") == "failed"
    assert after("success", name="build") == "failed"
    assert after("success", name="lint", completed_at="2026-11-23T10:20:00Z") == "passed", "run again"
    assert after("failure", head_sha=LATER) == "passed", "of another commit"
    suite = {"id": 5, "head_sha": HEAD, "status": "completed", "updated_at": "2026-11-23T10:30:00Z"}
    where = {"repository": {"full_name": "acme/server"}}
    assert after({"check_suite": {**suite, "conclusion": "timed_out"}, **where}, event="check_suite") == "failed"
    assert after({"check_suite": {**suite, "conclusion": "neutral"}, **where}, event="check_suite") == "passed"
    status = {"sha": HEAD, "context": "ci/x", "state": "pending", "updated_at": "2026-11-23T10:30:00+00:00", **where}
    assert after(status, event="status") == "running"
    assert after({**status, "state": "error"}, event="status") == "failed"
    send(github, "pull_request", github_pull(head={"sha": LATER}, updated_at="2026-11-23T10:40:00Z"), key="pushed")
    pull.refresh_from_db()
    assert (pull.checks, pull.check_results) == ("none", {})
    assert said(pull)[1:3] == ["acme/server#41 passed its checks", "acme/server#41 failed its checks"]


def test_check_results_make_nobodys_form_outdated(pull: PullRequest, github: CodeHost) -> None:
    pull.escalation.refresh_from_db()
    seen = pull.escalation.version
    send(github, "check_run", github_run())
    pull.refresh_from_db()
    pull.escalation.refresh_from_db()
    assert (pull.checks, pull.head, pull.escalation.version) == ("passed", HEAD, seen)


@pytest.mark.parametrize(
    ("release", "tag"),
    [
        (github_release(), "v9.11.2"),
        (github_release(at="2026-11-23T10:59:59Z"), ""),
        (github_release(at="2026-11-23T10:59:59Z", target_commitish=MERGE), "v9.11.2"),
        (github_release(draft=True), ""),
        (github_release(prerelease=True), ""),
        (github_release() | {"action": "edited"}, ""),
        (github_release() | {"repository": {"full_name": "acme/other"}}, ""),
        (github_release(tag="v9\x00.1\n" + "x" * 300), ("v9 .1 " + "x" * 300)[:100]),
    ],
)
def test_the_first_release_after_the_merge(
    pull: PullRequest, github: CodeHost, release: dict[str, Any], tag: str
) -> None:
    send(github, "pull_request", github_merged(), key="1")
    send(github, "release", release, key="2")
    send(github, "release", github_release("v10.0.0", at="2026-12-24T09:00:00Z"), key="3")
    pull.refresh_from_db()
    assert pull.release_tag == (tag or "v10.0.0")


def test_what_is_not_merged_comes_out_with_no_release(pull: PullRequest, github: CodeHost) -> None:
    send(github, "pull_request", github_pull(), key="1")
    assert came(send(github, "release", github_release(), key="2")) == "ignored"


def test_gitlab_merge_requests_pipelines_releases_and_tags(merge_request: PullRequest, gitlab: CodeHost) -> None:
    project = {"project": {"path_with_namespace": "Acme/Sub/Server"}}
    tag = {"ref": "refs/tags/v9.11.2", "checkout_sha": MERGE, **project}
    steps = [
        ("Merge Request Hook", gitlab_merge(draft=True), ("draft", "none", "")),
        ("Merge Request Hook", gitlab_merge(at="2026-11-23 10:01:00 UTC"), ("open", "none", "")),
        ("Pipeline Hook", gitlab_pipeline("running"), ("open", "running", "")),
        ("Pipeline Hook", gitlab_pipeline("manual"), ("open", "running", "")),
        ("Pipeline Hook", gitlab_pipeline("success", finished_at="2026-11-23 12:15:00 +0200"), ("open", "passed", "")),
        ("Pipeline Hook", gitlab_pipeline("running"), ("open", "passed", "")),
        (
            "Merge Request Hook",
            gitlab_merge("merged", "2026-11-23T11:00:00Z", merge_commit_sha=MERGE),
            ("merged", "passed", ""),
        ),
        ("Tag Push Hook", {**tag, "ref": "refs/tags/v9.11.2-rc1"}, ("merged", "passed", "")),
        ("Tag Push Hook", {**tag, "ref": "refs/heads/v9.11.2"}, ("merged", "passed", "")),
        ("Tag Push Hook", {**tag, "checkout_sha": None}, ("merged", "passed", "")),
        ("Tag Push Hook", tag, ("merged", "passed", "v9.11.2")),
        ("Release Hook", {"action": "create", "tag": "v9.12.0", **project}, ("merged", "passed", "v9.11.2")),
    ]
    for key, (event, content, expected) in enumerate(steps):
        send(gitlab, event, content, key=str(key))
        merge_request.refresh_from_db()
        assert (merge_request.state, merge_request.checks, merge_request.release_tag) == expected, (key, event)
    assert merge_request.merge_commit == MERGE


def test_every_record_that_links_it_hears_of_it(
    pull: PullRequest, github: CodeHost, sven: User, sam: User, ann: User
) -> None:
    other = Escalation.objects.create(
        title="Other", severity=3, step_since=AT, news_at=AT, requested_by=ann, created_at=AT, updated_at=AT
    )
    second = actions.link_pull_request(other, URL, by=sven, at=AT)
    send(github, "pull_request", github_merged())
    for one in (pull, second):
        one.refresh_from_db()
        assert one.state == "merged"
        assert said(one) == ["acme/server#41 was merged"]


def test_s086_deliveries_are_kept_for_a_month(pull: PullRequest, github: CodeHost) -> None:
    now = clock.now()
    for key, days in (("new", 3), ("kept", 29), ("old", 31)):
        CodeHostDelivery.objects.create(
            host=github, delivery_id=key, event="ping", received_at=now - timedelta(days=days)
        )
    tasks.tidy()
    assert sorted(CodeHostDelivery.objects.values_list("delivery_id", flat=True)) == ["kept", "new"]


def test_the_sample_of_the_documentation_is_read(pull: PullRequest, github: CodeHost, settings: Any) -> None:
    body = (settings.BASE_DIR / "docs/samples/github-merged.json").read_bytes()
    assert came(send(github, "pull_request", body)) == "changed"
    pull.refresh_from_db()
    assert (pull.state, pull.title) == ("merged", "Keep sessions in the new store")
