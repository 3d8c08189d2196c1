"""Which request a mail belongs to, and what its sender is to that request.

Two things lead to a request: a reply address that we signed for one reader of it, and a Message-ID that we stored
ourselves. Neither says who writes: that is the verified sender, who must stand on the request. Numbers in the subject
or in an unsigned address lead nowhere (S002).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from accounts.models import Membership, User
from supportdesk.lib.signed_addresses import ReplyAddress, ours_among, parse_reply
from tickets import access
from tickets.mail.parsed import Parsed
from tickets.models import IncomingMail, MailReason, OutgoingMail, Participant, Ticket

_MOST_CLAIMS = 10
_MOST_READERS = 500
_TAG = re.compile(r"\[#(\d{1,18})\]")
_PREFIXES = re.compile(
    r"^(?:(?:re|aw|wg|fw|fwd|sv|vs|antw|tr|rv|res|ref|ynt|odp|回复|答复|转发)\s*(?:\[\d+\])?\s*[::]\s*)+", re.I
)


class Standing(Enum):
    """What a verified sender is to a request."""

    ON = "on it"
    NEAR = "near it"
    """A colleague of the requester, somebody copied in who isn't confirmed, or who was handed another's reply address:
    what they write is held."""
    NONE = "a stranger"


@dataclass(frozen=True)
class Thread:
    """The request that a mail continues; `claim` is the reply address it came to, where that led here."""

    ticket: Ticket
    reason: MailReason
    standing: Standing
    claim: ReplyAddress | None = None


def find(mail: IncomingMail, said: Parsed, *, sender: User | None) -> Thread | None:
    """The request that this mail of `mail.sender` continues; None when it begins a new one.

    A stranger who names a request by its Message-ID begins a new one and isn't told whether the other exists (S002);
    who writes to an address signed for somebody else is held on that request (S003).
    """
    near: Thread | None = None
    for thread in _candidates(mail, said, sender):
        if thread.standing is Standing.ON:
            return thread
        if thread.standing is Standing.NEAR and near is None:
            near = thread
    return near


def standing(ticket: Ticket, *, email: str, user: User | None) -> Standing:
    """What the owner of `email` is to `ticket` now."""
    if user is not None and _is_reader(ticket, user) and access.may_reply_as_customer(user, ticket):
        return Standing.ON
    if Participant.objects.current().filter(ticket=ticket, email=email).exists():
        return Standing.ON
    if Participant.objects.pending().filter(ticket=ticket, email=email).exists() or _is_colleague(ticket, user):
        return Standing.NEAR
    return Standing.NONE


def claims(mail: IncomingMail, said: Parsed) -> Iterator[ReplyAddress]:
    """The reply addresses that it came to: by its envelope, or in To and Cc where a forwarder changed the envelope."""
    headers = [address.email for address in (*said.to, *said.cc)]
    found = (parse_reply(address) for address in dict.fromkeys(ours_among([*mail.envelope_to, *headers])))
    yield from [claim for claim in found if claim is not None][:_MOST_CLAIMS]


def signed_ticket(claim: ReplyAddress, *, reader: str) -> Ticket | None:
    """The ticket of a reply address that was made for `reader`."""
    return Ticket.objects.filter(pk=claim.number).first() if claim.belongs_to(reader) else None


def names_another(subject: str, ticket: Ticket | None) -> bool:
    """Whether the subject's tag is another request's number: a hint for the staff and nothing else."""
    return any(int(number) != (ticket.number if ticket else 0) for number in _TAG.findall(subject))


def changes_subject(subject: str, ticket: Ticket) -> bool:
    """Whether a reply comes under another subject than its request's."""
    return bool(subject) and _bare(subject) not in {_bare(ticket.subject), ""}


def _bare(subject: str) -> str:
    """The subject without the marks of replying and forwarding and without our tag."""
    before, bare = None, subject
    while bare != before:
        before, bare = bare, _PREFIXES.sub("", _TAG.sub("", bare)).strip()
    return " ".join(bare.casefold().split())


def _candidates(mail: IncomingMail, said: Parsed, sender: User | None) -> Iterator[Thread]:
    for claim in claims(mail, said):
        if (thread := _by_claim(claim, mail.sender, sender)) is not None:
            yield thread
    for ticket in _by_reference(said.references):
        yield Thread(ticket, MailReason.THREAD, standing(ticket, email=mail.sender, user=sender))


def _by_claim(claim: ReplyAddress, email: str, sender: User | None) -> Thread | None:
    if ticket := signed_ticket(claim, reader=email):
        found = standing(ticket, email=email, user=sender)
        return Thread(ticket, MailReason.REPLY_ADDRESS, _at_least_near(found), claim)
    other = Ticket.objects.filter(pk=claim.number).first()
    if other is None or not any(claim.belongs_to(reader) for reader in _readers(other)):
        return None
    found = standing(other, email=email, user=sender)
    return Thread(other, MailReason.REPLY_ADDRESS, _at_least_near(found), claim)


def _at_least_near(found: Standing) -> Standing:
    """A signature of ours was handed on by a reader: what comes to it belongs to the request, if held."""
    return Standing.NEAR if found is Standing.NONE else found


def _readers(ticket: Ticket) -> Iterable[str]:
    """Everybody for whom a reply address of this ticket was ever made."""
    mailed = OutgoingMail.objects.filter(ticket=ticket).order_by().values_list("to_email", flat=True).distinct()
    return [ticket.requester.email, *mailed[:_MOST_READERS]]


def _by_reference(references: Iterable[str]) -> list[Ticket]:
    """The tickets whose mails it answers, the nearest first."""
    wanted = list(references)
    if not wanted:
        return []
    ours = OutgoingMail.objects.filter(message_id__in=wanted, ticket__isnull=False)
    theirs = IncomingMail.objects.filter(internet_id__in=wanted, message__isnull=False)
    found = [*ours.values_list("message_id", "ticket"), *theirs.values_list("internet_id", "message__ticket")]
    found.sort(key=lambda pair: wanted.index(pair[0]))
    numbers = list(dict.fromkeys(number for _, number in found if number is not None))[:_MOST_CLAIMS]
    tickets = Ticket.objects.in_bulk(numbers)
    return [tickets[number] for number in numbers if number in tickets]


def _is_reader(ticket: Ticket, user: User) -> bool:
    return Ticket.objects.visible_to(user).filter(pk=ticket.pk).exists()


def _is_colleague(ticket: Ticket, user: User | None) -> bool:
    if user is None or ticket.organization_id is None:
        return False
    return Membership.objects.active().filter(user=user, organization=ticket.organization_id).exists()
