"""What every channel promises."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


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
    """What goes out: never a ticket's subject or description, since phones show it to whoever is near."""

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


class Channel(Protocol):
    def deliver(self, message: PageText) -> str:
        """Hand the message to the provider within 5 s and return its id for it; raises DeliveryError."""
        ...
