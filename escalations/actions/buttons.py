"""The verb behind a button in a chat message: the answer of who the message went to, to all pages that it carried."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.models import User
from escalations.actions.pages import acknowledge, escalate
from escalations.models import ContactMethod, Page, PageDelivery, PageEvent
from escalations.paging import outcome


@dataclass(frozen=True)
class Pressed:
    """What pressing it came to for one page: whose it is (None: it rings on, or is over), and whether that is new."""

    page: Page
    holder: User | None
    is_new: bool


def press(message: uuid.UUID, *, contact: ContactMethod, escalates: bool, at: datetime, via: str) -> list[Pressed]:
    """Acknowledge, or escalate, every page that `message` carried to `contact`, one transaction each.

    A button works once an episode: pressed again, or when the page rings anew by another message, it changes nothing.
    Empty when the message is none of the contact's. Raises NotAllowed for who may not answer pages (any more).
    """
    rows = PageDelivery.objects.filter(message=message, contact=contact, person=contact.user_id)
    rows = rows.filter(purpose=PageDelivery.Purpose.PAGE).select_related("page").order_by("page_id")
    found = list(rows)
    if found:
        outcome.confirmed(message, arrived=True, now=at)
    return [_press(row, by=contact.user, escalates=escalates, at=at, via=via) for row in found]


@transaction.atomic
def _press(row: PageDelivery, *, by: User, escalates: bool, at: datetime, via: str) -> Pressed:
    page = Page.objects.select_for_update(of=("self",), no_key=True).get(pk=row.page_id)
    if not page.is_open or page.episode != row.episode or _was_pressed(row, by, via):
        return Pressed(page, page.acknowledged_by, is_new=False)
    if escalates:
        escalate(page, by=by, at=at, via=via)
        return Pressed(page, None, is_new=True)
    taken = acknowledge(page, by=by, at=at, via=via)
    return Pressed(page, taken.by, is_new=not taken.already)


def _was_pressed(row: PageDelivery, by: User, via: str) -> bool:
    kinds = (PageEvent.Kind.ACKNOWLEDGED, PageEvent.Kind.ESCALATED)
    since = PageEvent.objects.filter(page=row.page_id, actor=by, kind__in=kinds, at__gte=row.due_at)
    return since.filter(data__via=via).exists()
