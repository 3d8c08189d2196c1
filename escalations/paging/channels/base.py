"""What every channel promises."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol


class DeliveryError(Exception):
    """The provider did not take the message.

    `permanent`: it never will, for this address. `unknown`: it may have; nobody can tell. Neither: later, perhaps.
    """

    def __init__(self, why: str, *, permanent: bool = False, unknown: bool = False) -> None:
        super().__init__(why)
        self.permanent = permanent
        self.unknown = unknown


@dataclass(frozen=True)
class PageText:
    """What goes out: never a ticket's subject or description, since phones show it to whoever is near.

    `message` is our own id of what is sent: callbacks carry it. `details` is what the contact's channel needs beside
    `to`; `secret` is an outside service's. `pages` are the pages that it carries, the most urgent first.
    """

    to: str
    person: str
    method: str
    tickets: tuple[str, ...]
    priority: str
    kind: str
    headline: str
    text: str
    url: str
    key: str
    at: datetime
    purpose: str = "page"
    message: str = ""
    reply_code: str = ""
    spoken: str = ""
    pages: tuple[int, ...] = ()
    person_id: int | None = None
    contact_id: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    secret: str = ""
    customer: str = ""
    episode: int = 1


class Channel(Protocol):
    """One way to reach somebody. `gathers_for` is how long pages to a contact wait for one message after another.

    `asks_for_code`: its messages are answered by a short code (a text) or a key (a call).
    """

    gathers_for: timedelta
    asks_for_code: bool

    def deliver(self, message: PageText) -> str:
        """Hand the message to the provider within 5 s and return its id for it; raises DeliveryError."""
        ...


A_MINUTE = timedelta(seconds=60)
AT_ONCE = timedelta()
