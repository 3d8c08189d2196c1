"""What people may choose for the mails they get: each at once, once a day, or none.

The list is closed, and short: a topic is what a reader tells apart, not a kind of mail. What it doesn't name is mailed
whatever anybody chose: reminders, what a ticket's own assignee must know, warnings (which have a page of their own).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from tickets import access
from tickets.models import MailChoice, TicketEvent
from tickets.notifications.audience import Kind, Part, Recipient

How = MailChoice.How


@dataclass(frozen=True)
class Topic:
    """One thing to choose; `choices` in the order shown."""

    key: str
    label: str
    help: str
    choices: tuple[How, ...]
    default: How = How.EACH


_ANY = (How.EACH, How.DIGEST, How.NEVER)

ANSWERS = Topic(
    "answers",
    "Answers and questions on my requests",
    "They always reach you by mail: we may be waiting for your answer.",
    (How.EACH, How.DIGEST),
)
OUTCOMES = Topic(
    "outcomes",
    "My requests are solved or closed",
    "Where nobody wrote you anything with it; what was written is an answer.",
    _ANY,
)
RECEIPTS = Topic(
    "receipts",
    "Confirmation of a request that I submit",
    "While a request has no priority yet we ask you for it in any case.",
    (How.EACH, How.NEVER),
)
SURVEYS = Topic(
    "surveys", "How a request of mine went", "One question, a day after it is closed.", (How.EACH, How.NEVER)
)
COPIED = Topic("copied", "Requests that I am copied in on", "All that is public and happens there.", _ANY)

TEAM_NEW = Topic("team_new", "New requests for my team", "While your region is on shift.", _ANY)
REPLIES = Topic("replies", "Customers' replies", "On your tickets, and on your team's that nobody has.", _ANY)
NOTES = Topic("notes", "Internal notes", "On your tickets and those that you wrote a note on.", _ANY)
TURNS = Topic("turns", "Customers solve or reopen a ticket", "One of yours, or of your team's that nobody has.", _ANY)
BACK = Topic("came_back", "Tickets that come back from engineering", "Yours, and your team's that nobody has.", _ANY)

# Of engineering escalations, which an app above writes mails about.
ESCALATIONS = Topic(
    "escalations",
    "Escalations that I follow",
    "What changes on them, and on those that my team was brought into.",
    (How.EACH, How.NEVER),
)
DISCUSSIONS = Topic(
    "discussions",
    "Discussions of these escalations",
    "Where somebody names you or brings you in, you are told in any case.",
    (How.EACH, How.NEVER),
)
STAKEHOLDER_TOPICS = (ESCALATIONS, DISCUSSIONS)

CUSTOMER_TOPICS = (ANSWERS, OUTCOMES, RECEIPTS, SURVEYS, COPIED)
STAFF_TOPICS = (TEAM_NEW, REPLIES, NOTES, TURNS, BACK, COPIED, *STAKEHOLDER_TOPICS)

_OF_STAFF_KIND = {
    Kind.STAFF_NEW: TEAM_NEW,
    Kind.STAFF_REPLIED: REPLIES,
    Kind.STAFF_NOTED: NOTES,
    Kind.STAFF_REOPENED: TURNS,
    Kind.STAFF_SOLVED: TURNS,
    Kind.STAFF_CAME_BACK: BACK,
}
_WORDS = {Kind.ASKED, Kind.ANSWERED, Kind.ESCALATED, Kind.REPLIED}
_OUTCOMES = {Kind.SOLVED, Kind.CLOSED, Kind.GAVE_UP_WAITING}


def topics_of(user: User) -> tuple[Topic, ...]:
    """What `user` may choose; stakeholders get no mails about tickets."""
    if user.is_desk:
        return STAFF_TOPICS if access.sees_desk(user) else STAKEHOLDER_TOPICS
    return CUSTOMER_TOPICS


def topic_of(recipient: Recipient, event: TicketEvent) -> Topic | None:
    """The topic of one mail; None for what nobody may switch off."""
    if recipient.kind.is_for_staff:
        return _OF_STAFF_KIND.get(recipient.kind)
    if recipient.part is Part.COPIED:
        return COPIED
    if recipient.kind is Kind.SURVEY:
        return SURVEYS
    if recipient.kind is Kind.CREATED:
        is_own_act = event.actor_id == event.ticket.requester_id
        return RECEIPTS if is_own_act and event.ticket.priority is not None else None
    if recipient.kind in _WORDS or (recipient.kind in _OUTCOMES and event.message_id):
        return ANSWERS
    return OUTCOMES if recipient.kind in _OUTCOMES else None


def chosen_by(users: Iterable[User]) -> dict[tuple[int, str], How]:
    """What all of `users` chose, by person and topic: one query."""
    rows = MailChoice.objects.filter(user__in=[user.pk for user in users])
    return {(row.user_id, row.topic): How(row.how) for row in rows}


def how(recipient: Recipient, event: TicketEvent, chosen: Mapping[tuple[int, str], How]) -> How:
    """How the recipient wants to be told; who has no account is told of each."""
    topic = topic_of(recipient, event)
    if topic is None or recipient.user is None:
        return How.EACH
    wanted = chosen.get((recipient.user.pk, topic.key), topic.default)
    return wanted if wanted in topic.choices else topic.default


@transaction.atomic
def choose(user: User, wanted: Mapping[str, str]) -> None:
    """Keep what `user` chose, by topic's key; a row only where it isn't the default."""
    for topic in topics_of(user):
        choice = wanted.get(topic.key, topic.default)
        if choice == topic.default or choice not in topic.choices:
            MailChoice.objects.filter(user=user, topic=topic.key).delete()
        else:
            MailChoice.objects.update_or_create(user=user, topic=topic.key, defaults={"how": choice})
