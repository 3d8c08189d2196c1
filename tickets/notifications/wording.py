"""What a mail says: plain sentences and facts, which one pair of templates sets as text and as HTML.

Names and texts of people go into the templates as values, never as templates (S107); only a message's own Markdown
becomes HTML, sanitised (S043). Every address starts with the configured site (S078).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from accounts.models import User
from supportdesk.lib.html import with_images_named
from supportdesk.lib.tags import exact
from tickets import priority_ask, survey_link
from tickets.mail.reply_line import REPLY_LINE
from tickets.models import (
    Attachment,
    Channel,
    EventKind,
    Message,
    Priority,
    Survey,
    Ticket,
    TicketEvent,
    WorkflowSettings,
)
from tickets.notifications.answering import may_answer_by_mail
from tickets.notifications.audience import Kind, Part, Recipient
from tickets.notifications.variables import WORDED, Texts, fill, own_texts, values_of
from tickets.sla.clocks import target_of
from tickets.sla.countdown import target_in_words
from tickets.sla.promises import Promise
from tickets.states import Status, as_seen_by_customer


@dataclass(frozen=True)
class Link:
    """Something to open; `address` is empty for readers who can't log in."""

    label: str
    address: str


@dataclass(frozen=True)
class Item:
    """One line of a list: what it is about, where that is if anywhere, and what is to be said of it."""

    about: Link
    says: str


@dataclass(frozen=True)
class Section:
    """A list under a title; `more` is how many aren't in it. The sentence before it may end with a link."""

    title: str
    items: list[Item]
    more: int = 0
    before: str = ""
    link: Link | None = None
    after: str = ""


@dataclass
class Letter:
    """One mail before it is set. `answer` says what an answer to it does; empty where it takes none."""

    heading: str
    lead: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    message: Message | None = None
    written: str = ""
    files: list[Link] = field(default_factory=list)
    next_line: str = ""
    links: list[Link] = field(default_factory=list)
    answer: str = ""
    why: str = ""

    @property
    def message_html(self) -> SafeString:
        """What was written, as it may stand in a mail: its images ask for a log-in, so they are named."""
        return with_images_named(self.message.html) if self.message else SafeString("")

    @property
    def is_note(self) -> bool:
        return self.message is not None and self.message.is_note

    def as_text(self) -> str:
        return render_to_string("emails/letter.txt", self._context()).strip() + "\n"

    def as_html(self) -> str:
        return render_to_string("emails/letter.html", self._context())

    def _context(self) -> dict[str, object]:
        return {"letter": self, "vendor": settings.VENDOR_NAME, "site": settings.SITE_URL, "reply_line": REPLY_LINE}


def subject_of(ticket: Ticket) -> str:
    """One line, whatever the ticket's subject holds (S024)."""
    return one_line(f"[#{ticket.number}] {ticket.subject}")


def one_line(subject: str) -> str:
    return " ".join(subject.split())[:255]


def letter_to(recipient: Recipient, event: TicketEvent, *, texts: Texts | None = None) -> Letter:
    """The mail about `event` for one reader, in their words and their time zone; `texts` are an admin's, if not those
    in force."""
    ticket = event.ticket
    message = _message_of(event, recipient)
    letter = Letter(
        heading=f"#{ticket.number} {ticket.subject}",
        lead=_LEADS[recipient.kind](event, recipient),
        facts=_facts(ticket, recipient),
        sections=_priority_asked(ticket, recipient),
        message=message,
        next_line=_next_line(ticket, recipient),
        links=_links(ticket, recipient),
        answer=_answer(ticket, recipient),
        why=f"You get this mail because {_why(recipient)}.",
    )
    if message is not None:
        letter.written = f"{_name(message.author)} wrote on {_time(message.created_at, ticket, recipient)}:"
        letter.files = [_file(attachment, recipient) for attachment in message.attachments.all()]
    if recipient.kind in WORDED:
        _reword(letter, event, recipient, texts or own_texts().get(recipient.kind, Texts()))
    return letter


def _reword(letter: Letter, event: TicketEvent, recipient: Recipient, texts: Texts) -> None:
    """Put an admin's texts in place of ours."""
    values = values_of(event, recipient, happened=letter.lead, next_line=letter.next_line)
    if texts.lead:
        letter.lead = fill(texts.lead, values)
    if texts.closing:
        letter.next_line = fill(texts.closing, values)


# --- What happened -------------------------------------------------------------------------------------------------


def _created(event: TicketEvent, recipient: Recipient) -> str:
    ticket = event.ticket
    after = f" It continues #{ticket.follow_up_of_id}." if ticket.follow_up_of_id else ""
    if not recipient.is_requester:
        return f"{_name(event.actor)} copied you in on a new request to {settings.VENDOR_NAME} support.{after}"
    if event.actor_id == ticket.requester_id:
        return f"We have your request and will answer it.{after}"
    return f"{_name(event.actor)} opened this request for you.{after}"


def _new(event: TicketEvent, recipient: Recipient) -> str:
    ticket = event.ticket
    customer = f", {ticket.organization}" if ticket.organization else ""
    opened = "" if event.actor_id == ticket.requester_id else f", opened by {_name(event.actor)}"
    return f"New request of {_name(ticket.requester)}{customer}{opened}."


def _solved(event: TicketEvent, recipient: Recipient) -> str:
    request = _request(recipient)
    if event.kind == EventKind.ANSWERED:
        return f"{_name(event.actor)} replied and marked {request} as solved."
    return f"{_name(event.actor)} marked {request} as solved."


def _dead(event: TicketEvent, recipient: Recipient) -> str:
    return f"Mail to {event.data['dead_address']} is stopped. Reach them another way."


def _came_back(event: TicketEvent, recipient: Recipient) -> str:
    told = "Its customer was not told: that is yours now. " if event.data.get("why") == "held" else ""
    return f"This ticket is back from engineering ({event.data['escalation']}). {told}It is {event.ticket.state.label}."


_LEADS: dict[Kind, Callable[[TicketEvent, Recipient], str]] = {
    Kind.CREATED: _created,
    Kind.ASKED: lambda event, to: f"{_name(event.actor)} asks for more information on {_request(to)}.",
    Kind.ANSWERED: lambda event, to: f"{_name(event.actor)} replied to {_request(to)}.",
    Kind.ESCALATED: lambda event, to: f"{_name(event.actor)} handed {_request(to)} to our engineers.",
    Kind.REPLIED: lambda event, to: f"{_name(event.actor)} replied to {_request(to)}.",
    Kind.SOLVED: _solved,
    Kind.CLOSED: lambda event, to: f"{_request(to).capitalize()} is closed now.",
    Kind.REMINDED: lambda event, to: f"We still wait for an answer on {_request(to)}.",
    Kind.GAVE_UP_WAITING: lambda event, to: f"We marked {_request(to)} as solved, because no answer came.",
    Kind.STAFF_NEW: _new,
    Kind.STAFF_ASSIGNED: lambda event, to: f"{_name(event.actor)} assigned this ticket to you.",
    Kind.STAFF_REPLIED: lambda event, to: f"{_name(event.actor)} replied.",
    Kind.STAFF_REOPENED: lambda event, to: f"{_name(event.actor)} reopened this ticket.",
    Kind.STAFF_SOLVED: lambda event, to: f"{_name(event.actor)} marked this ticket as solved.",
    Kind.STAFF_NOTED: lambda event, to: f"{_name(event.actor)} added an internal note.",
    Kind.STAFF_ADDRESS_DEAD: _dead,
    Kind.SURVEY: lambda event, to: f"{_request(to).capitalize()} is closed. How was our support?",
    Kind.STAFF_RATED: lambda event, to: f"{_name(event.actor)} rated our support: {event.data['rating']}.",
    Kind.STAFF_CAME_BACK: _came_back,
}


def what_happened(event: TicketEvent, recipient: Recipient) -> str:
    """The sentence that a mail about `event` begins with: for the line of a digest."""
    return _LEADS[recipient.kind](event, recipient)


def _survey_links(ticket: Ticket) -> list[Link]:
    """Each leads to a page on which that answer is chosen and a button sends it."""
    good, bad = (survey_link.link(ticket.survey, rating=rating) for rating in Survey.Rating)
    return [Link("Good, I am satisfied", good), Link("Bad, I am not satisfied", bad)]


def _survey_facts(ticket: Ticket) -> list[tuple[str, str]]:
    """What is on record by now: it may have been changed since."""
    comment = ticket.survey.comment
    return [("Rating", ticket.survey.get_rating_display()), *([("Comment", comment)] if comment else [])]


def _request(recipient: Recipient) -> str:
    return "your request" if recipient.is_requester else "the request"


def _name(user: User | None) -> str:
    return user.display_name if user else "The system"


# --- What was written ----------------------------------------------------------------------------------------------


def _message_of(event: TicketEvent, recipient: Recipient) -> Message | None:
    """The event's own message; what to act on where it has none. A note only ever for the staff (S050)."""
    for_staff = recipient.kind.is_for_staff
    if event.message is not None:
        return event.message if event.message.is_public or for_staff else None
    public = event.ticket.messages.public().select_related("author").prefetch_related("attachments").order_by("pk")
    if recipient.kind is Kind.REMINDED:
        return public.filter(from_staff=True).last()
    return public.last() if recipient.kind is Kind.STAFF_ASSIGNED else None


def _file(attachment: Attachment, recipient: Recipient) -> Link:
    if recipient.user is None:
        return Link(attachment.name, "")
    return Link(attachment.name, settings.SITE_URL + reverse("attachment_download", args=[attachment.pk]))


def _facts(ticket: Ticket, recipient: Recipient) -> list[tuple[str, str]]:
    """Where it stands, and for who hears of it first all that is known of it."""
    for_staff = recipient.kind.is_for_staff
    state = ticket.state if for_staff else as_seen_by_customer(ticket.state)
    if recipient.kind is Kind.STAFF_RATED:
        return _survey_facts(ticket)
    plan = ticket.organization.plan if ticket.organization else None
    rows = [
        ("Ticket" if for_staff else "Request", f"#{ticket.number}"),
        ("Status", state.label),
        ("Priority", Priority(ticket.priority).label if ticket.priority else "not set yet"),
        ("Plan", str(plan or "") if for_staff else ""),
        *(_particulars(ticket) if recipient.kind in {Kind.CREATED, Kind.STAFF_NEW, Kind.STAFF_ASSIGNED} else []),
    ]
    return [(label, value) for label, value in rows if value]


def _particulars(ticket: Ticket) -> list[tuple[str, str]]:
    return [
        ("Category", str(ticket.category or "")),
        ("Environment", str(ticket.environment or "")),
        (f"{settings.PRODUCT_NAME} version", ticket.product_version),
        ("Mobile version", ticket.mobile_version),
        ("Mobile device", str(ticket.mobile_device or "")),
    ]


# --- What comes next -----------------------------------------------------------------------------------------------


def _next_line(ticket: Ticket, recipient: Recipient) -> str:
    if recipient.kind is Kind.CREATED and ticket.state is Status.NEW:
        return _first_reply(ticket, recipient)
    if recipient.kind in {Kind.SOLVED, Kind.GAVE_UP_WAITING}:
        return _closing(ticket, recipient)
    if recipient.kind is Kind.ASKED:
        return "We go on as soon as we have the answer."
    if recipient.kind is Kind.REMINDED:
        return _solving(ticket, recipient)
    if recipient.kind is Kind.CLOSED and recipient.user is not None:
        return "If it comes back, a reply in the portal opens a follow-up request."
    return ""


def _first_reply(ticket: Ticket, recipient: Recipient) -> str:
    clock = ticket.clocks.open().with_terms().filter(promise=Promise.FIRST_REPLY).first()
    target = target_of(clock) if clock else None
    if clock is None or target is None or clock.due_at is None:
        return ""
    return f"First reply by {_time(clock.due_at, ticket, recipient)} ({target_in_words(target)})."


def _closing(ticket: Ticket, recipient: Recipient) -> str:
    if ticket.state is not Status.SOLVED or ticket.close_due_at is None or ticket.do_not_close:
        return ""
    when = _time(ticket.close_due_at, ticket, recipient)
    if recipient.user is None:
        return f"It will be closed on {when}."
    return f"If that is not so, reply or reopen it before {when}. Then it is closed."


def _solving(ticket: Ticket, recipient: Recipient) -> str:
    is_last = ticket.reminders_sent >= len(WorkflowSettings.current().remind_after_days)
    if ticket.state is not Status.PENDING or ticket.pending_due_at is None or ticket.do_not_close or not is_last:
        return ""
    return f"Without an answer it counts as solved from {_time(ticket.pending_due_at, ticket, recipient)} on."


# --- How pressing it is --------------------------------------------------------------------------------------------


def _priority_asked(ticket: Ticket, recipient: Recipient) -> list[Section]:
    """The question to who opened a request by mail, which carries no priority ("24x7 paging" in the domain)."""
    asks = recipient.kind is Kind.CREATED and recipient.is_requester and ticket.channel == Channel.EMAIL
    if not asks or ticket.priority is not None or recipient.user is None:
        return []
    pages = ticket.organization is not None and ticket.organization.plan.pages
    return [
        Section(
            "How pressing is it?",
            [Item(Link(priority.label, ""), f"{priority.meaning}.") for priority in Priority],
            before="Answer this mail with Urgent, High, Normal or Low as the first word, or",
            link=Link("choose here", priority_ask.link(ticket, recipient.user)),
            after="Without an answer within 15 minutes we treat it as High." if pages else "",
        )
    ]


# --- The reader ----------------------------------------------------------------------------------------------------


def _time(at: datetime, ticket: Ticket, recipient: Recipient) -> str:
    return exact(at.astimezone(zone_of(recipient.user, ticket)))


def zone_of(user: User | None, ticket: Ticket | None = None) -> ZoneInfo:
    """The reader's own, else where they work: their region, or the customer's organisation."""
    own = user.time_zone if user else ""
    region = user.region.time_zone if user and user.region else ""
    customer = ticket.organization if ticket and not (user and user.is_desk) else None
    company = customer.time_zone if customer else ""
    return ZoneInfo(own or region or company or "UTC")


def _links(ticket: Ticket, recipient: Recipient) -> list[Link]:
    """Where the reader finds it; people whom an agent entered are told how they get in. CCs without account can't."""
    user = recipient.user
    if user is None:
        return []
    if user.is_desk:
        return [Link("Open the ticket", f"{settings.SITE_URL}{ticket.desk_url}")]
    if recipient.kind is Kind.SURVEY:
        return [*_survey_links(ticket), Link("Open the request", ticket.public_address)]
    links = [Link("Open the request", ticket.public_address)]
    if not user.has_usable_password():
        links.append(Link("Set a password first", settings.SITE_URL + reverse("account_reset_password")))
    return links


def _answer(ticket: Ticket, recipient: Recipient) -> str:
    """What an answer to the mail does, where it does something."""
    if not may_answer_by_mail(recipient.kind, recipient.user, ticket):
        return ""
    if recipient.kind.is_for_staff:
        return "Reply to this mail to answer the customer."
    if not ticket.is_closed:
        return "Reply to this mail to add to the request."
    return "A reply to this mail opens a follow-up request." if recipient.user else ""


def _why(recipient: Recipient) -> str:
    if recipient.part is Part.COPIED and recipient.copied_by is not None:
        return f"{_name(recipient.copied_by)} copied you in"
    return {
        Part.REQUESTER: "it is your request",
        Part.COPIED: "you are copied in",
        Part.ASSIGNEE: "the ticket is assigned to you",
        Part.TEAM: "your team is on shift",
        Part.NOTED: "you wrote a note on this ticket",
        Part.LEAD: "you lead the team",
    }[recipient.part]
