"""Places on a lower app's pages that a higher app fills.

`tickets` renders what was registered for a slot's name without knowing who registered it. A provider gets all objects
of the page at once, so that a list of rows costs a constant number of queries.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe

Provider = Callable[[Sequence[Any], HttpRequest], dict[Hashable, SafeString]]


class Lines(SafeString):
    """HTML of several lines that each know when they happened, for pages that set them among lines of their own."""

    parts: Sequence[tuple[datetime, SafeString]]

    def __new__(cls, parts: Sequence[tuple[datetime, SafeString]]) -> "Lines":
        lines = super().__new__(cls, "".join(html for _, html in parts))
        lines.parts = parts
        return lines


_providers: dict[str, list[Provider]] = defaultdict(list)


def register(slot: str, provider: Provider) -> None:
    """Have `provider(objects, request)` -> {object's pk: HTML} fill `slot`; called from AppConfig.ready()."""
    if provider not in _providers[slot]:
        _providers[slot].append(provider)


def fill(slot: str, objects: Sequence[Any], request: HttpRequest) -> dict[Hashable, SafeString]:
    """HTML per object's pk (absent where nobody has anything to show), in order of registration."""
    filled: dict[Hashable, SafeString] = {}
    for provider in _providers[slot]:
        for pk, html in provider(objects, request).items():
            filled[pk] = mark_safe(filled.get(pk, "") + html)  # noqa: S308 - providers return escaped HTML
    return filled


def fill_one(slot: str, subject: Any, request: HttpRequest) -> SafeString:
    """The slot of one object, or of the page itself when `subject` is the request's user."""
    return fill(slot, [subject], request).get(subject.pk, SafeString(""))


def lines(slot: str, subject: Any, request: HttpRequest) -> list[tuple[datetime, SafeString]]:
    """The lines that the providers have for one object, each with its instant."""
    found = [provider([subject], request).get(subject.pk) for provider in _providers[slot]]
    return [part for html in found if isinstance(html, Lines) for part in html.parts]
