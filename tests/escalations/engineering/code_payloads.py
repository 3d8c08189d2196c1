"""What code hosts post, as small as it may be, and how it is signed."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from escalations.models import CodeHost
from supportdesk.lib import signatures

SECRET = "a secret of thirty bytes or more"
HEAD, LATER, MERGE = "a" * 40, "b" * 40, "c" * 40


def github_pull(**fields: Any) -> dict[str, Any]:
    """A pull request of acme/server, open and at `HEAD` unless `fields` say otherwise."""
    pull = {
        "number": 41,
        "state": "open",
        "draft": False,
        "merged": False,
        "title": "Keep sessions",
        "updated_at": "2026-11-23T10:00:00Z",
        "head": {"sha": HEAD},
        **fields,
    }
    return {"action": "edited", "pull_request": pull, "repository": {"full_name": "acme/server"}}


def github_merged(at: str = "2026-11-23T11:00:00Z", **fields: Any) -> dict[str, Any]:
    merged = {"state": "closed", "merged": True, "merged_at": at, "updated_at": at, "merge_commit_sha": MERGE}
    return github_pull(**{**merged, **fields})


def github_run(conclusion: str | None = "success", **fields: Any) -> dict[str, Any]:
    run = {
        "name": "test",
        "head_sha": HEAD,
        "status": "completed" if conclusion else "in_progress",
        "conclusion": conclusion,
        "started_at": "2026-11-23T10:05:00Z",
        "completed_at": "2026-11-23T10:10:00Z" if conclusion else None,
        "app": {"slug": "actions"},
        "pull_requests": [{"number": 41}],
        **fields,
    }
    return {"action": "completed", "check_run": run, "repository": {"full_name": "acme/server"}}


def github_release(tag: str = "v9.11.2", at: str = "2026-11-24T09:00:00Z", **fields: Any) -> dict[str, Any]:
    release = {"tag_name": tag, "published_at": at, "draft": False, "prerelease": False, **fields}
    return {"action": "published", "release": release, "repository": {"full_name": "acme/server"}}


def gitlab_merge(state: str = "opened", at: str = "2026-11-23 10:00:00 UTC", **fields: Any) -> dict[str, Any]:
    about = {
        "iid": 7,
        "state": state,
        "title": "Keep sessions",
        "updated_at": at,
        "last_commit": {"id": HEAD},
        **fields,
    }
    project = {"path_with_namespace": "acme/sub/server"}
    return {"object_kind": "merge_request", "project": project, "object_attributes": about}


def gitlab_pipeline(status: str = "success", **fields: Any) -> dict[str, Any]:
    about = {"id": 1, "sha": HEAD, "status": status, "source": "push", "created_at": "2026-11-23 10:05:00 UTC"}
    project = {"path_with_namespace": "acme/sub/server"}
    return {"object_kind": "pipeline", "project": project, "object_attributes": {**about, **fields}}


def send(
    host: CodeHost, event: str, said: Any, *, key: str = "1", secret: str = SECRET, **headers: str
) -> HttpResponse:
    """Post it as the host does; `said` is JSON, or bytes as they are."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    if host.kind == "github":
        signed = {"X-Hub-Signature-256": signatures.github(secret, body), "X-GitHub-Delivery": key}
        given = {"X-GitHub-Event": event, **signed}
    else:
        given = {"X-Gitlab-Event": event, "X-Gitlab-Token": secret, "Idempotency-Key": key}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    address = f"/hooks/code/{host.pk}/"
    return Client().post(address, body, content_type="application/json", headers={**given, **sent})


def came(answer: HttpResponse) -> str:
    assert answer.status_code == 200, (answer.status_code, answer.content)
    return str(answer.json()["outcome"])
