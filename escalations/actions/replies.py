"""Answers to pages from a phone: by the short code of a text message, or by a key during a call.

The number stands for its person only while it is verified and the person still answers pages.
"""

import logging
import re
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from accounts import mail
from accounts.models import User
from escalations import access
from escalations.actions.pages import acknowledge, escalate
from escalations.models import ContactMethod, Page, PageDelivery
from escalations.paging.answers import HELP, Answered
from escalations.paging.channels.twilio_api import STOPPED
from escalations.paging.channels.voice import ACKNOWLEDGE, ESCALATE
from supportdesk.lib.errors import Conflict

security = logging.getLogger("security")

BY_TEXT, BY_PHONE = "text message", "phone call"
WRONG_AT_MOST = 5
WRONG_WITHIN = timedelta(minutes=10)
_STOP = {"stop", "stopall", "unsubscribe", "cancel", "quit", "end", "revoke", "optout"}
_START = {"start", "unstop", "yes"}
_COMMAND = re.compile(r"(a|ack|acknowledge|e|escalate)([0-9]{1,4})?")
_BETWEEN = re.compile(r"[\s.,:;#!\"'-]+")


def answer_text(number: str, words: str, *, at: datetime) -> str:
    """Do what a text message from `number` asks for; the sentence that answers it, empty where silence is the answer.

    Strangers get none, nor does a number that sent nothing but nonsense and wrong codes lately.
    """
    contacts = ContactMethod.objects.filter(kind=ContactMethod.Kind.SMS, value=number, verified_at__isnull=False)
    contact = contacts.select_related("user").first()
    if contact is None:
        security.warning("sms.stranger number=…%s", number[-4:])
        return ""
    wanted = _BETWEEN.sub("", words).lower()
    if wanted in _STOP:
        return stop_texts(contact, at=at)
    if wanted in _START and contact.disabled_why == STOPPED:
        return start_texts(contact)
    if not access.is_responder(contact.user):
        security.warning("sms.no_responder user=%s", contact.user_id)
        return ""
    if _is_silenced(number, at):
        security.warning("sms.too_many_wrong user=%s", contact.user_id)
        return ""
    rows = _meant(contact, wanted)
    if isinstance(rows, str):
        _count_wrong(number, at)
        return rows
    return _act(_pages(rows), wanted.startswith("e"), by=contact.user, at=at, via=BY_TEXT).written()


def answer_key(message: uuid.UUID, key: str, *, at: datetime) -> str:
    """Do what a key asks for that was pressed in the call `message`; the sentence to say before hanging up.

    Empty while the call has to go on: the key means nothing, and something still rings.
    """
    rows = list(PageDelivery.objects.carried_by(message))
    person = rows[0].person if rows else None
    if person is None:
        return "There is nothing to answer any more."
    if not access.is_responder(person):
        security.warning("voice.no_responder user=%s", person.pk)
        return "You no longer answer pages."
    pages = _pages(rows)
    if key in {ACKNOWLEDGE, ESCALATE}:
        return _act(pages, key == ESCALATE, by=person, at=at, via=BY_PHONE).spoken()
    if any(page.is_ringing for page in pages):
        return ""
    held = [(page, page.acknowledged_by) for page in pages if page.acknowledged_by]
    return Answered(person, held=held, over=[page for page in pages if not page.is_open]).spoken()


@transaction.atomic
def stop_texts(contact: ContactMethod, *, at: datetime) -> str:
    """The provider sends nothing more to who answers STOP: no page may count on it, and its owner learns by mail."""
    contact = (
        ContactMethod.objects.select_for_update(of=("self",), no_key=True).select_related("user").get(pk=contact.pk)
    )
    if contact.disabled_at is None:
        contact.disabled_at, contact.disabled_why = at, STOPPED
        contact.save(update_fields=["disabled_at", "disabled_why"])
        if contact.user.is_active:
            context = {"ends_with": contact.value[-4:], "SITE_NAME": settings.SITE_NAME}
            mail.post("escalations/email/texts_stopped", to=contact.user.email, **context)
    return ""  # the provider answers by itself, and would refuse a word of ours


@transaction.atomic
def start_texts(contact: ContactMethod) -> str:
    """Take back what STOP did, and nothing else that disabled the number."""
    stopped = ContactMethod.objects.filter(pk=contact.pk, disabled_why=STOPPED)
    stopped.update(disabled_at=None, disabled_why="")
    return "Pages come by text message again."


def _meant(contact: ContactMethod, wanted: str) -> Sequence[PageDelivery] | str:
    """The deliveries of the message that is answered, or a sentence about what was wrong."""
    command = _COMMAND.fullmatch(wanted)
    if command is None:
        return HELP
    sent = PageDelivery.objects.filter(contact=contact, person=contact.user_id, purpose=PageDelivery.Purpose.PAGE)
    sent = sent.filter(message__isnull=False).exclude(state=PageDelivery.State.CANCELLED)
    if code := command[2]:
        last = sent.filter(reply_code=code).order_by("-due_at", "-pk").first()
        return _carried(last.message) if last else f"No page of yours has the code {code}. {HELP}"
    return _only_open(list(sent.filter(page__state__in=Page.OPEN).select_related("page").order_by("due_at", "pk")))


def _only_open(sent: Sequence[PageDelivery]) -> Sequence[PageDelivery] | str:
    """Without a code what is meant has to be clear: one message carries all that rings, or else all that is held."""
    rows = [row for row in sent if row.page.is_ringing] or sent
    if not rows:
        return f"No page of yours is open. {HELP}"
    last = _carried(rows[-1].message)
    if {row.page_id for row in rows} <= {row.page_id for row in last}:
        return last
    codes = ", ".join(sorted({row.reply_code for row in rows if row.reply_code}))
    return f"Several pages are open: add the code ({codes})."


def _carried(message: uuid.UUID | None) -> list[PageDelivery]:
    return list(PageDelivery.objects.carried_by(message)) if message else []


def _pages(rows: Iterable[PageDelivery]) -> list[Page]:
    """Each once, in the order in which everybody locks them."""
    return sorted({row.page_id: row.page for row in rows}.values(), key=lambda page: page.pk)


def _act(pages: Sequence[Page], is_escalation: bool, *, by: User, at: datetime, via: str) -> Answered:
    answered = Answered(by)
    for page in pages:
        try:
            if is_escalation:
                escalate(page, by=by, at=at, via=via)
                answered.escalated.append(page)
            else:
                answered.held.append((page, acknowledge(page, by=by, at=at, via=via).by))
        except Conflict:
            answered.over.append(page)
    return answered


def _wrong_key(number: str) -> str:
    return f"paging.wrong:{number}"


def _is_silenced(number: str, at: datetime) -> bool:
    lately = [when for when in cache.get(_wrong_key(number), []) if when > at - WRONG_WITHIN]
    return len(lately) >= WRONG_AT_MOST


def _count_wrong(number: str, at: datetime) -> None:
    lately = [when for when in cache.get(_wrong_key(number), []) if when > at - WRONG_WITHIN]
    cache.set(_wrong_key(number), [*lately, at], WRONG_WITHIN.total_seconds())
