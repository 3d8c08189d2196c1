"""The words of a page: what it is about, urgency, organisation and number; never subject or description."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from escalations.models import Page, PageDelivery
from escalations.paging.breaches import in_words, promises_of
from escalations.paging.channels import PageText

_LISTED = 20
_Purpose = PageDelivery.Purpose


def text_of(deliveries: Sequence[PageDelivery], *, at: datetime) -> PageText:
    """One message that carries one page or several to one person by one contact, or to one service outside."""
    first = deliveries[0]
    pages = sorted((delivery.page for delivery in deliveries), key=lambda page: (page.priority, page.pk))
    headline = _taken(pages[0]) if first.purpose == _Purpose.TAKEN else _ringing(pages)
    if any(delivery.is_repeat for delivery in deliveries):
        headline = f"Repeat: {headline}"
    url = pages[0].public_address if len(pages) == 1 else f"{settings.SITE_URL}{reverse('page_list')}"
    return PageText(
        to=first.address,
        person=first.person.email if first.person else "",
        method=first.kind,
        tickets=tuple(str(page.ticket_id) for page in pages if page.ticket_id),
        priority=pages[0].urgency,
        kind=pages[0].kind,
        headline=headline,
        text=_text(first, headline, url),
        url=url,
        key=f"{first.pk}.{len(pages)}",
        at=at,
        purpose=first.purpose,
        message=str(first.message or ""),
        reply_code=first.reply_code,
        spoken=_spoken(pages),
        pages=tuple(page.pk for page in pages),
        person_id=first.person_id,
        contact_id=first.contact_id,
        details=first.contact.details if first.contact else {},
        secret=first.outside.secret if first.outside else "",
        customer=_customer(pages[0]),
        episode=pages[0].episode,
    )


def _text(first: PageDelivery, headline: str, url: str) -> str:
    if first.purpose != _Purpose.PAGE:
        return headline
    if first.reply_code:
        return f"{headline} Reply A {first.reply_code} to acknowledge, E {first.reply_code} to escalate. {url}"
    return f"{headline} Acknowledge: {url}"


def _ringing(pages: Sequence[Page]) -> str:
    if len(pages) == 1:
        return _one(pages[0])
    subjects = list(dict.fromkeys(page.subject for page in pages))  # two pages may be about one ticket
    if len(subjects) == 1:
        return _one(pages[0])
    more = f" and {len(subjects) - _LISTED} more" if len(subjects) > _LISTED else ""
    return f"{_about(pages[0])}, {len(subjects)} tickets: {', '.join(subjects[:_LISTED])}{more}."


def _one(page: Page) -> str:
    if page.kind in Page.PRACTICE:
        return f"This is a {page.get_kind_display()} page. Nothing is wrong."
    return f"{_about(page)}, {_customer(page)}: {page.subject}{_of_record(page)}{_overdue(page)}."


def _of_record(page: Page) -> str:
    return f" in {page.record_reference}" if page.record_reference else ""


def _about(page: Page) -> str:
    if page.kind == Page.Kind.TICKET:
        return page.urgency
    return f"{'Paged by hand' if page.kind == Page.Kind.BY_HAND else page.get_kind_display()}, {page.urgency}"


def _spoken(pages: Sequence[Page]) -> str:
    """For the ear: digits one by one, no punctuation that is read out."""
    first = pages[0]
    if first.kind in Page.PRACTICE:
        return f"This is a {first.get_kind_display()} call of {settings.SITE_NAME}. Nothing is wrong."
    number = " ".join(str(first.ticket_id or ""))
    more = f" And {len(pages) - 1} more." if len(pages) > 1 else ""
    return f"{settings.SITE_NAME}. {_about(first)}. {_customer(first)}. Ticket {number}.{_overdue(first)}{more}"


def _overdue(page: Page) -> str:
    """Which promises broke; nothing where the last was kept at this very moment."""
    promises = [clock.label for clock in promises_of(page)] if page.is_breach else []
    return f", {in_words(promises)} overdue" if promises else ""


def _taken(page: Page) -> str:
    name = page.acknowledged_by.display_name if page.acknowledged_by else "a colleague"
    about = "" if page.kind == Page.Kind.TICKET else f"{_about(page).partition(',')[0]}, "
    return f"Taken by {name}: {about}{page.subject}, {_customer(page)}."


def _customer(page: Page) -> str:
    organization = page.ticket.organization if page.ticket else None
    return " ".join(organization.name.split()) if organization else "no organisation"
