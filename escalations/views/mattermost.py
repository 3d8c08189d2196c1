"""The door for buttons of Mattermost messages: the token is ours, and who pressed must be whom it was made for."""

import json
import logging
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from escalations import actions
from escalations.models import ContactMethod, Page
from escalations.paging.channels.mattermost import ACKNOWLEDGE, ESCALATE, Button, plain, read_button
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError

security = logging.getLogger("security")
VIA = "Mattermost"


@csrf_exempt
@require_POST
def mattermost_hook(request: HttpRequest) -> HttpResponse:
    """Acknowledge or escalate what the message carried; the post then says whose it is.

    Mattermost signs nothing, but keeps the token from its clients. 403 for one that isn't ours or too old; the same
    button pressed by anybody else is refused in words, since Mattermost shows only those.
    """
    if not settings.MATTERMOST_URL:
        raise Http404
    pressed = _content(request)
    context = pressed.get("context")
    button = read_button(context.get("token")) if isinstance(context, dict) else None
    if button is None or button.answer not in {ACKNOWLEDGE, ESCALATE}:
        security.warning("mattermost.refused ip=%s", request.META["REMOTE_ADDR"])
        return HttpResponse(status=403)
    contact = _contact(button, pressed)
    if contact is None:
        security.warning("mattermost.somebody_else contact=%s user=%r", button.contact, pressed.get("user_id"))
        return _only_say("This button is somebody else's, or no longer in use. Nothing has changed.")
    escalates = button.answer == ESCALATE
    try:
        answered = actions.press(button.message, contact=contact, escalates=escalates, at=clock.now(), via=VIA)
    except DomainError as refusal:
        return _only_say(refusal.sentence)
    if answered is None:
        return _only_say("A newer message took this one's place: use its buttons.")
    words = f"{plain(answered.written())} [Open the page]({_address(answered.pages)})"
    return JsonResponse({"update": {"message": words, "props": {}}})


def _contact(button: Button, pressed: dict[str, Any]) -> ContactMethod | None:
    """The contact that the message went to, if it is its own user who pressed, in the channel between them."""
    contacts = ContactMethod.objects.usable().filter(kind=ContactMethod.Kind.MATTERMOST, user__is_active=True)
    contact = contacts.filter(pk=button.contact, user=button.person).select_related("user").first()
    if contact is None:
        return None
    mine = (contact.details.get("user"), contact.details.get("channel"))
    return contact if all(mine) and mine == (pressed.get("user_id"), pressed.get("channel_id")) else None


def _address(pages: Sequence[Page]) -> str:
    return pages[0].public_address if len(pages) == 1 else f"{settings.SITE_URL}{reverse('on_call')}"


def _only_say(sentence: str) -> JsonResponse:
    """To who pressed, and nobody else; the post stays as it is."""
    return JsonResponse({"ephemeral_text": sentence})


def _content(request: HttpRequest) -> dict[str, Any]:
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
