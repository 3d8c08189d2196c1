"""The words of a page: what it is about, urgency, organisation and number; never subject or description."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from escalations.models import Page, PageDelivery
from escalations.paging.breaches import in_words, promises_of
from escalations.paging.channels import PageText

_LISTED = 20


def text_of(deliveries: Sequence[PageDelivery], *, at: datetime) -> PageText:
    """One message that carries one page or several to one person by one contact."""
    first = deliveries[0]
    pages = sorted((delivery.page for delivery in deliveries), key=lambda page: (page.priority, page.pk))
    numbers = tuple(str(page.ticket_id) for page in pages if page.ticket_id)
    headline = _taken(pages[0]) if first.purpose == PageDelivery.Purpose.TAKEN else _ringing(pages)
    if any(delivery.is_repeat for delivery in deliveries):
        headline = f"Repeat: {headline}"
    url = pages[0].public_address if len(pages) == 1 else f"{settings.SITE_URL}{reverse('on_call')}"
    text = f"{headline} Acknowledge: {url}" if first.purpose == PageDelivery.Purpose.PAGE else headline
    return PageText(
        to=first.address,
        person=first.person.email,
        method=first.kind,
        tickets=numbers,
        priority=pages[0].urgency,
        kind=pages[0].kind,
        headline=headline,
        text=text,
        url=url,
        key=f"{first.pk}.{len(pages)}",
        at=at,
    )


def _ringing(pages: Sequence[Page]) -> str:
    if len(pages) == 1:
        page = pages[0]
        return f"{_about(page)}, {_customer(page)}: #{page.ticket_id}{_overdue(page)}."
    listed = ", ".join(f"#{page.ticket_id}" for page in pages[:_LISTED])
    more = f" and {len(pages) - _LISTED} more" if len(pages) > _LISTED else ""
    return f"{_about(pages[0])}, {len(pages)} tickets: {listed}{more}."


def _about(page: Page) -> str:
    return f"{page.get_kind_display()}, {page.urgency}" if page.is_breach else page.urgency


def _overdue(page: Page) -> str:
    """Which promises broke; nothing where the last was kept at this very moment."""
    promises = [clock.label for clock in promises_of(page)] if page.is_breach else []
    return f", {in_words(promises)} overdue" if promises else ""


def _taken(page: Page) -> str:
    name = page.acknowledged_by.display_name if page.acknowledged_by else "a colleague"
    about = f"{page.get_kind_display()}, " if page.is_breach else ""
    return f"Taken by {name}: {about}#{page.ticket_id}, {_customer(page)}."


def _customer(page: Page) -> str:
    organization = page.ticket.organization if page.ticket else None
    return " ".join(organization.name.split()) if organization else "no organisation"
