"""A ticket's conversation as the staff reads it: messages, notes, and what happened between them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from accounts.models import User
from supportdesk.lib import keyset, slots
from supportdesk.lib.errors import Invalid
from tickets import access, timeline
from tickets.mail.remarks import SUBJECT_CHANGED
from tickets.models import EventKind, Message, Ticket
from tickets.tags import remarks_of
from tickets.views.agent.deliveries import deliveries, with_mails

PAGE_SIZE = 30
_MOST_EVENTS = 300


@dataclass(frozen=True)
class Conversation:
    """A stretch of the conversation, oldest first; `earlier` leads to the one before, `is_newest` ends with now."""

    entries: list[dict[str, Any]]
    earlier: str
    is_newest: bool
    newest_public: int
    follow_ups: list[int]


@dataclass(frozen=True)
class Split:
    """That a mail is about something else: where it was split off to, or whether the person may split it off."""

    number: int | None
    is_offered: bool


def conversation(request: HttpRequest, ticket: Ticket, *, cursor: str = "") -> Conversation:
    """The newest 30 messages, or those before `cursor`; a cursor that is none of ours gives the newest."""
    shown = _page(ticket, cursor)
    messages = shown.rows[::-1]
    is_newest = not shown.newer
    since = messages[0].created_at if shown.older else None
    until = None if is_newest else _next_after(ticket, messages[-1])
    public = [message.pk for message in messages if message.is_public]
    lines = _lines(request, ticket, since, until)
    return Conversation(
        _in_order(messages, lines, _splits(request.user, ticket, messages), _below(request, ticket, messages)),
        earlier=shown.older,
        is_newest=is_newest,
        newest_public=max(public) if is_newest and public else _newest_public(ticket),
        follow_ups=[line["line"].follow_up for _, line in lines if "line" in line and line["line"].follow_up],
    )


def _page(ticket: Ticket, cursor: str) -> keyset.Page[Message]:
    rows = with_mails(ticket.messages.select_related("author", "original").prefetch_related("attachments"))
    try:
        if cursor.startswith("o"):
            return keyset.page_of(rows, by="created_at", size=PAGE_SIZE, cursor=cursor)
    except Invalid:
        pass
    return keyset.page_of(rows, by="created_at", size=PAGE_SIZE)


def _newest_public(ticket: Ticket) -> int:
    return ticket.messages.public().order_by("-pk").values_list("pk", flat=True).first() or 0


def _next_after(ticket: Ticket, message: Message) -> datetime | None:
    later = ticket.messages.filter(created_at__gt=message.created_at).order_by("created_at")
    return later.values_list("created_at", flat=True).first()


def _lines(
    request: HttpRequest, ticket: Ticket, since: datetime | None, until: datetime | None
) -> list[tuple[datetime, dict[str, Any]]]:
    """What happened from `since` to before `until`, of ours and of what higher apps add."""
    events = ticket.events.select_related("actor").order_by("-at", "-id")
    if since is not None:
        events = events.filter(at__gte=since)
    if until is not None:
        events = events.filter(at__lt=until)
    ours = [(line.at, {"line": line}) for line in timeline.lines(reversed(events[:_MOST_EVENTS]))]
    theirs: list[tuple[datetime, SafeString]] = slots.lines("ticket.timeline", ticket, request)
    added = [
        (at, {"html": html}) for at, html in theirs if (since is None or at >= since) and (until is None or at < until)
    ]
    return [*ours, *added]


def _splits(user: User, ticket: Ticket, messages: list[Message]) -> dict[int, Split]:
    """Of the mails that came under another subject, by message."""
    strange = [message.pk for message in messages if SUBJECT_CHANGED in remarks_of(message)]
    if not strange:
        return {}
    events = ticket.events.filter(kind=EventKind.SPLIT, message__in=strange, data__is_origin=True)
    numbers = {event.message_id: event.data["number"] for event in events}
    may = access.may_work(user, ticket)
    return {pk: Split(numbers.get(pk), may and pk not in numbers) for pk in strange}


def _below(request: HttpRequest, ticket: Ticket, messages: list[Message]) -> dict[int, SafeString]:
    """What became of the mails of the staff's messages."""
    context = {"number": ticket.number, "may_retry": access.may_work(request.user, ticket)}
    return {
        pk: render_to_string("tickets/desk/_deliveries.html", {**context, "mailed": mailed}, request)
        for pk, mailed in deliveries(messages).items()
    }


def _in_order(
    messages: list[Message],
    lines: list[tuple[datetime, dict[str, Any]]],
    splits: dict[int, Split],
    below: dict[int, SafeString],
) -> list[dict[str, Any]]:
    """Everything by time; a message comes before what it brought about."""

    def entry(message: Message) -> dict[str, Any]:
        return {"message": message, "split": splits.get(message.pk), "below": below.get(message.pk, "")}

    entries = [(message.created_at, 0, place, entry(message)) for place, message in enumerate(messages)]
    entries += [(at, 1, place, line) for place, (at, line) in enumerate(lines)]
    return [entry for *_, entry in sorted(entries, key=lambda entry: entry[:3])]
