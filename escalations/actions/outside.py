"""The verb by which a service outside answers a page, in the name of one of our people."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction

from accounts.models import User
from escalations import access
from escalations.actions.pages import acknowledge, escalate, finish
from escalations.events import record
from escalations.models import OutsideService, Page, PageDelivery, PageEvent

_SKEW = timedelta(minutes=1)
_RANG = (PageEvent.Kind.BEGAN, PageEvent.Kind.EXPIRED, PageEvent.Kind.HANDED_OVER, PageEvent.Kind.ESCALATED)


class Said(StrEnum):
    """What the service says that somebody did."""

    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    ESCALATED = "escalated"


@dataclass(frozen=True)
class Word:
    """What a service outside says: `key` is the message's own id, `who` is the person in the service's words."""

    key: str
    page: int
    said: Said
    who: str
    email: str
    at: datetime | None = None


class Came(StrEnum):
    """What came of it."""

    DONE = "done"
    ALREADY = "already"
    UNKNOWN_PAGE = "unknown_page"
    OVER = "page_over"
    REPLAYED = "replayed"
    STALE = "stale"
    NOBODY = "no_responder"


@transaction.atomic
def answer_from_outside(service: OutsideService, word: Word, *, at: datetime) -> Came:
    """Do what `word` says to a page that was handed to `service`, as the responder whose e-mail it names.

    A page is held by a person. Whom nobody here knows by that address is written on the page's timeline, and it rings
    on: an outside service can make paging louder, never quieter. A resolution ends what somebody asked for; a page that
    follows from a ticket ends with its cause, so there it counts as an acknowledgement. The same word again, or one
    from before the page last began to ring, changes nothing.
    """
    page = _handed_to(service, word.page)
    if page is None:
        return Came.UNKNOWN_PAGE
    if not page.is_open:
        return Came.OVER
    key = f"{service.pk}:{word.key}"
    if page.events.filter(kind=PageEvent.Kind.HANDED_OUTSIDE, data__word=key).exists():
        return Came.REPLAYED
    if word.at is not None and page.events.filter(kind__in=_RANG, at__gt=word.at + _SKEW).exists():
        return Came.STALE
    person = _responder(word.email)
    record(
        page,
        PageEvent.Kind.HANDED_OUTSIDE,
        at=at,
        by=person,
        names=[service.name],
        word=key,
        said=word.said.value,
        who=" ".join(word.who.split())[:100],
        rings_on=person is None and page.is_ringing,
    )
    return _carry_out(page, word.said, by=person, at=at, via=service.name) if person else Came.NOBODY


def _carry_out(page: Page, said: Said, *, by: User, at: datetime, via: str) -> Came:
    if said == Said.ESCALATED:
        escalate(page, by=by, at=at, via=via)
    elif said == Said.RESOLVED and page.is_asked_for:
        finish(page, by=by, at=at)
    else:
        return Came.ALREADY if acknowledge(page, by=by, at=at, via=via).already else Came.DONE
    return Came.DONE


def _handed_to(service: OutsideService, pk: int) -> Page | None:
    """The page, locked; None unless it was handed to the service: it answers for no other."""
    sent = (PageDelivery.State.SENDING, PageDelivery.State.UNKNOWN, *PageDelivery.ARRIVED)
    handed = PageDelivery.objects.filter(page=pk, outside=service, purpose=PageDelivery.Purpose.PAGE, state__in=sent)
    if not handed.exists():
        return None
    return Page.objects.select_for_update(of=("self",), no_key=True).filter(pk=pk).first()


def _responder(email: str) -> User | None:
    found = User.objects.active().filter(email__iexact=email.strip()).first() if email.strip() else None
    return found if found is not None and access.is_responder(found) else None
