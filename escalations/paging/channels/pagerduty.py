"""PagerDuty: pages become its incidents (Events API v2), and what its people do there is known by signed webhooks."""

import json
import re
import time

from django.conf import settings

from escalations.paging.channels.answers import SECONDS, post
from escalations.paging.channels.base import AT_ONCE, PageText
from supportdesk.lib import egress

_ACTIONS = {"page": "trigger", "acked": "acknowledge", "resolved": "resolve"}
_SEVERITIES = {"Urgent": "critical", "High": "error"}
_KEY = re.compile(r"supportdesk-page-([0-9]{1,18})")
_INVALID = 400
_LOOK_UP_SECONDS = 2.0
"""PagerDuty waits 5 s for the answer to its webhook, and two look-ups have to fit."""


class PagerDuty:
    """One incident for a page, however often it is told: the key is the page's. Its address is the operator's."""

    gathers_for = AT_ONCE
    asks_for_code = False

    def deliver(self, message: PageText) -> str:
        until = time.monotonic() + SECONDS
        action = _ACTIONS[message.purpose]
        key = key_of(message.pages[0])
        if action == "trigger" and message.episode > 1:
            # Somebody may have acknowledged the incident of an earlier episode: that one would not ring again.
            self._tell({"routing_key": message.secret, "event_action": "resolve", "dedup_key": key}, until)
        event: dict[str, object] = {"routing_key": message.secret, "event_action": action, "dedup_key": key}
        if action == "trigger":
            event |= _incident(message)
        self._tell(event, until)
        return key

    def _tell(self, event: dict[str, object], until: float) -> None:
        post(
            settings.PAGERDUTY_EVENTS_URL,
            body=json.dumps(event).encode(),
            headers={},
            for_good=lambda answer: answer.status == _INVALID,
            known=True,
            seconds=max(0.1, until - time.monotonic()),
        )


def _incident(message: PageText) -> dict[str, object]:
    """What its people read: never a subject or description."""
    return {
        "client": settings.SITE_NAME,
        "client_url": message.url,
        "links": [{"href": message.url, "text": "Acknowledge here"}],
        "payload": {
            "summary": message.headline[:1024],
            "source": settings.SITE_NAME,
            "severity": _SEVERITIES.get(message.priority, "error"),
            "timestamp": message.at.isoformat(),
            "class": message.kind,
            "group": message.customer,
            "custom_details": {"tickets": list(message.tickets), "customer": message.customer},
        },
    }


def key_of(page: int) -> str:
    """By which PagerDuty knows the page."""
    return f"supportdesk-page-{page}"


def page_of(key: object) -> int | None:
    """The page that PagerDuty means, if its key is one of ours."""
    found = _KEY.fullmatch(key) if isinstance(key, str) else None
    return int(found[1]) if found else None


def page_of_incident(incident: str) -> int | None:
    """Asked where an incident's own key is none of ours: it may be the key of its alert. Raises EgressError."""
    answer = _ask(f"/incidents/{incident}/alerts")
    alerts = answer.get("alerts") if isinstance(answer, dict) else None
    keys = [alert.get("alert_key") for alert in alerts or [] if isinstance(alert, dict)]
    return next((page for key in keys if (page := page_of(key)) is not None), None)


def email_of(user: str) -> str:
    """The address of one of PagerDuty's users; empty where the desk may not ask. Raises EgressError.

    Its webhooks name people by id and display name only, and a display name proves nothing.
    """
    answer = _ask(f"/users/{user}")
    found = answer.get("user") if isinstance(answer, dict) else None
    email = found.get("email") if isinstance(found, dict) else None
    return email if isinstance(email, str) else ""


def _ask(path: str) -> object:
    """Its REST API's answer; None without a key for it, or when it refuses. Raises EgressError when it fails."""
    if not settings.PAGERDUTY_API_KEY or not re.fullmatch(r"/[a-z]+/[A-Za-z0-9]{1,40}(/[a-z]+)?", path):
        return None
    headers = {
        "Authorization": f"Token token={settings.PAGERDUTY_API_KEY}",
        "Accept": "application/vnd.pagerduty+json;version=2",
    }
    url = f"{settings.PAGERDUTY_API_URL}{path}"
    answer = egress.send("GET", url, headers=headers, known=True, seconds=_LOOK_UP_SECONDS)
    if answer.status == 429 or answer.status >= 500:
        raise egress.Unanswered(f"answered {answer.status}")
    return answer.json() if answer.is_success else None
