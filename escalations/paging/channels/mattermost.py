"""Mattermost: a direct message by the desk's bot, with buttons that only its reader can press."""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.urls import reverse

from escalations.paging.channels.answers import post
from escalations.paging.channels.base import A_MINUTE, DeliveryError, PageText
from supportdesk.lib import egress
from supportdesk.lib.errors import Invalid

ACKNOWLEDGE, ESCALATE = "acknowledge", "escalate"
BUTTON_LASTS = timedelta(hours=24)
_SALT = "escalations.mattermost.button"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ID = re.compile(r"[a-z0-9]{26}")
_MARKUP = re.compile(r"([\\`*_~\[\]()<>!|#@])")
_COLOURS = {"Urgent": "#d24b4e", "High": "#f5ab00"}
_NO_SUCH = 404
_GONE = (403, _NO_SUCH)


@dataclass(frozen=True)
class Button:
    """What a button stands for: one answer, to one message, by one person's one contact."""

    answer: str
    message: uuid.UUID
    person: int
    contact: int


class Mattermost:
    """The contact's details name the user and the direct channel; both were looked up when it was added."""

    gathers_for = A_MINUTE
    asks_for_code = False

    def deliver(self, message: PageText) -> str:
        if not settings.MATTERMOST_URL:
            raise DeliveryError("Mattermost is not set up: MATTERMOST_URL is empty")
        channel = str(message.details.get("channel", ""))
        if not _ID.fullmatch(channel):
            raise DeliveryError("the contact names no channel: add it anew", permanent=True)
        content = {"channel_id": channel, **_post_of(message)}
        answer = post(
            f"{settings.MATTERMOST_URL}/api/v4/posts",
            body=json.dumps(content).encode(),
            headers=_headers(),
            for_good=_is_gone,
            known=True,
        )
        found = answer.json()
        return str(found.get("id", "")) if isinstance(found, dict) else ""


def _is_gone(answer: egress.Answer) -> bool:
    """Whether it is Mattermost itself, and no proxy before it, that says so of this channel."""
    found = answer.json()
    return answer.status in _GONE and isinstance(found, dict) and "id" in found


def _post_of(message: PageText) -> dict[str, Any]:
    if message.purpose != "page" or message.person_id is None or message.contact_id is None:
        return {"message": plain(message.text)}
    attachment = {
        "fallback": message.headline,
        "color": _COLOURS.get(message.priority, _COLOURS["High"]),
        "text": f"**{plain(message.headline)}**\n[Open the page]({message.url})",
        "actions": [_action("Acknowledge", ACKNOWLEDGE, message), _action("Escalate", ESCALATE, message)],
    }
    return {"message": "", "props": {"attachments": [attachment]}}


def plain(text: str) -> str:
    """Without a meaning in Markdown, whatever an organisation calls itself."""
    return _MARKUP.sub(r"\\\1", text)


def _action(name: str, answer: str, message: PageText) -> dict[str, Any]:
    """Mattermost keeps the token to itself: its clients only learn the button's id."""
    token = signing.dumps([answer, message.message, message.person_id, message.contact_id], salt=_SALT)
    where = f"{settings.SITE_URL}{reverse('mattermost_hook')}"
    style = "primary" if answer == ACKNOWLEDGE else "default"
    return {
        "id": answer,
        "type": "button",
        "name": name,
        "style": style,
        "integration": {"url": where, "context": {"token": token}},
    }


def read_button(token: object) -> Button | None:
    """What the token stands for; None for one that isn't ours or is older than a day."""
    try:
        found = signing.loads(str(token), salt=_SALT, max_age=BUTTON_LASTS)
        answer, message, person, contact = found
        return Button(str(answer), uuid.UUID(message), int(person), int(contact))
    except (signing.BadSignature, ValueError, TypeError, AttributeError):
        return None


def look_up(username: str) -> dict[str, str]:
    """What a contact's details have to hold: the user's id, and the channel between the user and the bot.

    A network call, so not within a transaction. Raises Invalid (field `value`).
    """
    user = find_user(username)
    me = _ask("GET", "/users/me").get("id")
    channel = _ask("POST", "/channels/direct", [str(me), user]).get("id")
    if not _ID.fullmatch(str(channel)):
        raise _fails()
    return {"user": user, "channel": str(channel)}


def read_username(typed: str) -> str:
    """The name as it is kept; raises Invalid (field `value`)."""
    name = typed.strip().removeprefix("@").lower()
    if not _NAME.fullmatch(name):
        raise Invalid("Enter a Mattermost username, such as chi.chen.", field="value", code="username")
    return name


def find_user(username: str) -> str:
    """The id of the person who has this username; raises Invalid (field `value`)."""
    name = read_username(username)
    user = _ask("GET", f"/users/username/{name}", missing=f"Nobody in Mattermost is called {name}.")
    if user.get("delete_at") or user.get("is_bot"):
        raise Invalid(f"{name} can't be sent direct messages.", field="value", code="username")
    if not _ID.fullmatch(str(user.get("id"))):
        raise _fails()
    return str(user["id"])


def _ask(method: str, path: str, content: object = None, *, missing: str = "") -> Mapping[str, Any]:
    if not settings.MATTERMOST_URL:
        raise Invalid("Mattermost is not set up on this desk.", field="value", code="mattermost_off")
    body = b"" if content is None else json.dumps(content).encode()
    url = f"{settings.MATTERMOST_URL}/api/v4{path}"
    try:
        answer = egress.send(method, url, body=body, headers=_headers(), known=True)
    except egress.EgressError as failure:
        raise _fails() from failure
    found = answer.json()
    if answer.status == _NO_SUCH and missing:
        raise Invalid(missing, field="value", code="username")
    if not answer.is_success or not isinstance(found, dict):
        raise _fails()
    return found


def _headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {settings.MATTERMOST_BOT_TOKEN}", "Content-Type": "application/json"}


def _fails() -> Invalid:
    return Invalid("Mattermost doesn't answer at the moment. Try again later.", field="value", code="mattermost_fails")
