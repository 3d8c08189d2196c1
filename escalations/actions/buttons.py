"""The verb behind a button in a chat message: the answer of who the message went to, to all pages that it carried."""

import uuid
from datetime import datetime

from django.db import transaction

from accounts.models import User
from escalations.actions.pages import acknowledge, escalate
from escalations.models import ContactMethod, Page, PageDelivery, PageEvent
from escalations.paging import outcome
from escalations.paging.answers import Answered


def press(message: uuid.UUID, *, contact: ContactMethod, escalates: bool, at: datetime, via: str) -> Answered | None:
    """Acknowledge, or escalate, every page that `message` carried to `contact`, one transaction each.

    A button works once an episode: pressed again, or when the page rings anew by another message, it changes nothing.
    None when the message is none of the contact's. Raises NotAllowed for who may not answer pages (any more).
    """
    found = PageDelivery.objects.carried_by(message).filter(contact=contact, person=contact.user_id)
    rows = list(found)
    if not rows:
        return None
    outcome.confirmed(message, arrived=True, now=at)
    answered = Answered(contact.user)
    for row in rows:
        _press(row, answered, escalates=escalates, at=at, via=via)
    return answered


@transaction.atomic
def _press(row: PageDelivery, answered: Answered, *, escalates: bool, at: datetime, via: str) -> None:
    page = Page.objects.select_for_update(of=("self",), no_key=True).get(pk=row.page_id)
    if not page.is_open:
        answered.over.append(page)
    elif page.episode != row.episode or _was_pressed(row, answered.by, via):
        if page.acknowledged_by is not None:
            answered.held.append((page, page.acknowledged_by))
        else:
            answered.rings_on.append(page)
    elif escalates:
        escalate(page, by=answered.by, at=at, via=via)
        answered.escalated.append(page)
    else:
        answered.held.append((page, acknowledge(page, by=answered.by, at=at, via=via).by))


def _was_pressed(row: PageDelivery, by: User, via: str) -> bool:
    kinds = (PageEvent.Kind.ACKNOWLEDGED, PageEvent.Kind.ESCALATED)
    since = PageEvent.objects.filter(page=row.page_id, actor=by, kind__in=kinds, at__gte=row.due_at)
    return since.filter(data__via=via).exists()
