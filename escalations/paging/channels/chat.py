"""Chat of other kinds, through Apprise: Slack, Teams, Google Chat, a Mattermost of one's own. A link, no buttons."""

import hashlib
import re
import threading
import time
from typing import Any

from django.conf import settings

from escalations.paging.channels.answers import SECONDS
from escalations.paging.channels.base import A_MINUTE, DeliveryError, PageText
from supportdesk.lib import egress
from supportdesk.lib.errors import Invalid
from supportdesk.lib.sealed import seal, unseal

_LONGEST = 500
_CONNECT_SECONDS, _READ_SECONDS = 1.5, 3.0
_MEANS_SOMETHING = str.maketrans("", "", "<>[]@`*")
_PASTED = (
    (re.compile(r"https://hooks\.slack\.com/services/(\w+)/(\w+)/(\w+)/?", re.ASCII), r"slack://\1/\2/\3"),
    (
        re.compile(
            r"https://chat\.googleapis\.com/v1/spaces/([\w-]+)/messages\?key=([\w-]+)&token=([\w%-]+)", re.ASCII
        ),
        r"gchat://\1/\2/\3",
    ),
)


class Chat:
    """The contact's address is a secret: encrypted in its details, never shown; its `value` is a name for people.

    Apprise tells only whether it worked, so a failure is one that may pass.
    """

    gathers_for = A_MINUTE
    asks_for_code = False

    def deliver(self, message: PageText) -> str:
        hand_over(unseal(str(message.details.get("address", ""))), message.text)
        return message.key


class Unusable(DeliveryError):
    """The address itself is none that the desk may call: nothing is sent before somebody mends it."""


def hand_over(address: str, text: str) -> None:
    """Hand `text` to the service behind `address` within `SECONDS`; raises DeliveryError."""
    until = time.monotonic() + SECONDS
    try:
        place = _open(address)
        _check_host(place, until)
    except Invalid as refusal:
        error = DeliveryError if refusal.code == "chat_host" else Unusable
        raise error(refusal.sentence) from refusal
    outcome: list[bool | Exception] = []

    def tell() -> None:
        try:
            outcome.append(place.notify(body=text.translate(_MEANS_SOMETHING), title=""))
        except Exception as failure:  # whatever a plugin of somebody else's raises
            outcome.append(failure)

    # A service may need several requests, each with limits of its own: the whole is waited for here.
    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    teller.join(max(0.1, until - time.monotonic()))
    if not outcome:
        raise DeliveryError(f"no answer within {SECONDS:g} s", unknown=True)
    if isinstance(outcome[0], Exception):
        raise DeliveryError(f"{place.service_name} failed: {type(outcome[0]).__name__}", unknown=True)
    if not outcome[0]:
        raise DeliveryError(f"{place.service_name} did not take it")


def load() -> None:
    """Have Apprise read its plugins now, and not while a page waits."""
    from apprise.manager_plugins import NotificationManager

    known: Any = NotificationManager
    known().load_modules()


def validate_chat_address(typed: str) -> tuple[str, dict[str, str]]:
    """A name for people, and the details that a contact keeps; raises Invalid (field `value`).

    Looks the host up, so not within a transaction.
    """
    address, name = checked_address(typed)
    return name, {"address": seal(address)}


def checked_address(typed: str) -> tuple[str, str]:
    """The address as Apprise writes it, and a name that gives nothing of it away; raises Invalid (field `value`)."""
    address = _as_apprise_writes_it(typed.strip())
    place = _open(address)
    _check_host(place, time.monotonic() + SECONDS)
    return address, _name_of(place, address)


def _as_apprise_writes_it(typed: str) -> str:
    for pattern, written in _PASTED:
        if found := pattern.fullmatch(typed):
            return found.expand(written)
    return typed


def _open(address: str) -> Any:
    """Apprise's plugin for the address. Which service it is for is looked at before Apprise sees it.

    An address with settings is refused: they could switch off the checks of certificates, or name files of ours.
    """
    schema, _, rest = address.partition("://")
    if schema.lower() not in settings.PAGING_CHAT_SERVICES or not rest:
        kinds = ", ".join(f"{kind}://" for kind in settings.PAGING_CHAT_SERVICES)
        raise Invalid(f"Enter an address that begins with one of {kinds}", field="value", code="chat_service")
    if len(address) > _LONGEST or not address.isascii() or re.search(r"[\s?;,\x00-\x1f]", address):
        raise Invalid(
            "Leave out settings after a question mark, spaces and commas.", field="value", code="chat_address"
        )
    import apprise  # here, since it takes half a second and only senders and who adds a contact need it

    asset = apprise.AppriseAsset(async_mode=False, http_redirects=False, app_id=settings.SITE_NAME)
    place = apprise.Apprise.instantiate(address, asset=asset)
    if place is None:
        raise Invalid("This is no complete address of that service.", field="value", code="chat_address")
    place.socket_connect_timeout, place.socket_read_timeout = _CONNECT_SECONDS, _READ_SECONDS
    return place


def _check_host(place: Any, until: float) -> None:
    """A service that people run themselves is called where they say: as the egress rules have it.

    Apprise looks the name up again. Should it lead inside by then, TLS fails before anything is written: nobody inside
    has that name's certificate, and without TLS only hosts are called that the operator allows.
    """
    if not any("{host}" in template for template in place.templates):
        return
    seconds = max(0.1, until - time.monotonic())
    port = f":{place.port}" if place.port else ""
    try:
        egress.check(f"{'https' if place.secure else 'http'}://{place.host}{port}/", seconds=seconds)
    except egress.EgressError as failure:
        raise Invalid(f"The desk can't call {place.host}: {failure}.", field="value", code="chat_host") from failure


def _name_of(place: Any, address: str) -> str:
    """`Slack 3f9a`: enough to tell two of a person's apart, and nothing of the secret."""
    digest = hashlib.sha256(address.encode()).hexdigest()[:4]
    at = f" at {place.host}" if any("{host}" in template for template in place.templates) else ""
    return f"{place.service_name}{at} ({digest})"
