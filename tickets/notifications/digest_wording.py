"""What a digest says: by ticket, a line for each thing that happened, and the newest words of each."""

from collections.abc import Mapping, Sequence

from django.conf import settings
from django.urls import reverse

from accounts.models import User
from supportdesk.lib.tags import exact
from tickets.models import DigestEntry, Message, Ticket
from tickets.notifications.audience import Kind, Part, Recipient
from tickets.notifications.wording import Item, Letter, Link, Section, one_line, what_happened, zone_of

_MOST_TICKETS = 50
_MOST_LINES = 8
_EXCERPT = 240

News = Mapping[Ticket, Sequence[DigestEntry]]


def subject_of(tickets: Sequence[Ticket]) -> str:
    """`News on 3 requests`; a single one is named."""
    if len(tickets) > 1:
        return f"News on {len(tickets)} requests"
    return one_line(f"[#{tickets[0].number}] News: {tickets[0].subject}")


def letter_to(reader: User, news: News) -> Letter:
    """The mail for `reader`, in their time zone; what happened last comes first, fifty tickets are named."""
    tickets = sorted(news, key=lambda ticket: news[ticket][-1].event.at, reverse=True)
    left_out = len(tickets) - _MOST_TICKETS
    number = "1 request" if len(tickets) == 1 else f"{len(tickets)} requests"
    return Letter(
        heading=f"News on {number}",
        lead="This is what happened since your last mail of this kind.",
        sections=[_section(reader, ticket, news[ticket]) for ticket in tickets[:_MOST_TICKETS]],
        next_line=f"And on {left_out} more, which the list shows." if left_out > 0 else "",
        links=_links(reader),
        why="You get this mail once a day, because you chose so.",
    )


def _section(reader: User, ticket: Ticket, entries: Sequence[DigestEntry]) -> Section:
    """The last few things that happened, the newest with the words that came with it, if any may be read."""
    shown = entries[-_MOST_LINES:]
    newest = next((entry for entry in reversed(shown) if _words(entry)), None)
    items = [_item(reader, ticket, entry, with_words=entry is newest) for entry in shown]
    return Section(one_line(f"#{ticket.number} {ticket.subject}"), items, len(entries) - len(shown))


def _item(reader: User, ticket: Ticket, entry: DigestEntry, *, with_words: bool) -> Item:
    kind = Kind(entry.kind)
    part = Part.REQUESTER if ticket.requester_id == reader.pk and not kind.is_for_staff else Part.COPIED
    happened = what_happened(entry.event, Recipient(kind, part, reader.email, reader))
    at = exact(entry.event.at.astimezone(zone_of(reader, ticket)))
    address = ticket.desk_url if reader.is_desk else ticket.get_absolute_url()
    says = f"{at}: “{_words(entry)}”" if with_words else at
    return Item(Link(happened.rstrip("."), settings.SITE_URL + address), says)


def _words(entry: DigestEntry) -> str:
    """The beginning of what was written; of a note nothing to anybody but the staff (S050)."""
    message: Message | None = entry.event.message
    if message is None or not (message.is_public or Kind(entry.kind).is_for_staff):
        return ""
    text = " ".join(message.body.split())
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT].rstrip()} …"


def _links(reader: User) -> list[Link]:
    lists = Link("Open the queue", "queue") if reader.is_desk else Link("Open my requests", "request_list")
    found = [lists, Link("Choose what you are mailed", "mail_choices")]
    return [Link(link.label, settings.SITE_URL + reverse(link.address)) for link in found]
