"""What becomes of a mail that was read: one outcome each, with the reason, in the caller's transaction.

The order is the safety: who it claims to be from, whether that is believed, whether its sender may write this much,
which request it continues, and only then what their plan lets them do. What isn't believed is answered to nobody
(S001).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from accounts import health
from accounts.access import active_memberships, is_of_the_staff, may_use_portal, plan_for
from accounts.actions.members import join_by_domain
from accounts.actions.people import person_for_address
from accounts.models import Membership, Organization, OrganizationDomain, User
from accounts.public_mail import PUBLIC_MAIL_DOMAINS
from supportdesk.lib.errors import DomainError, Invalid
from supportdesk.lib.signed_addresses import is_ours
from supportdesk.lib.text import person_name
from tickets import access, actions, notifications
from tickets.actions.copies import propose_cc, recognise
from tickets.actions.submit import SUBJECT_LENGTH
from tickets.mail import bounces, content, conversation, remarks
from tickets.mail.conversation import Standing, Thread
from tickets.mail.identity import believe
from tickets.mail.parsed import Parsed
from tickets.mail.priority_word import priority_word
from tickets.mail.reply_line import REPLY_LINE
from tickets.models import BlockedSender, Channel, IncomingMail, MailReason, MailState, Message, Priority, Ticket
from tickets.states import Status

_REDIRECTED_AGAIN = timedelta(hours=24)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a mail became. `is_settled` where nobody of the staff need look at it."""

    state: MailState
    reason: MailReason
    explanation: str = ""
    user: User | None = None
    ticket: Ticket | None = None
    message: Message | None = None
    is_settled: bool = False


def note_sender(mail: IncomingMail, said: Parsed) -> None:
    """Write on the row who the mail says it is from, and whether that is believed."""
    sender = said.sender
    mail.sender, mail.sender_name = (sender.email, sender.name[:200]) if sender else ("", "")
    mail.subject, mail.excerpt = said.subject[:255], " ".join(said.text.split())[:300]
    mail.internet_id = said.message_id[:255]
    mail.is_automatic = bool(said.automatic) or mail.envelope_from == "<>"
    belief = believe(mail.verdict, mail.sender, shared_domains=PUBLIC_MAIL_DOMAINS)
    mail.is_verified, mail.explanation = belief.is_verified, belief.why
    mail.remarks = list(said.remarks)
    if said.reply_to and mail.sender not in {address.email for address in said.reply_to}:
        mail.remarks.append(remarks.REPLY_TO_DIFFERS)
    if mail.is_automatic:
        mail.remarks.append(remarks.AUTOMATIC)


def sort(mail: IncomingMail, said: Parsed, *, at: datetime, admitted_by: User | None = None) -> Outcome:
    """Act on a mail and tell what it became; `admitted_by` is the member of the staff who vouches for its sender.

    Whatever the desk refuses ends as held, with its sentence; nothing of it is done then.
    """
    outcome = _report(mail, said, at) or _sender(mail)
    if outcome is None and admitted_by is None:
        outcome = _belief(mail, at) or _limits(mail)
    if outcome is not None:
        return outcome
    try:
        with transaction.atomic():
            return _act(mail, said, at=at, is_admitted=admitted_by is not None)
    except DomainError as refusal:
        return Outcome(state=MailState.HELD, reason=MailReason.REFUSED, explanation=refusal.sentence)


# --- Before anybody is believed ------------------------------------------------------------------------------------


def _report(mail: IncomingMail, said: Parsed, at: datetime) -> Outcome | None:
    if said.report is None:
        return None
    told = bounces.note_report(said.report, return_paths=mail.envelope_to, at=at)
    if told == bounces.UNPROVED and not mail.is_automatic:
        return None  # a person shows us what came back to them
    reason = MailReason.COMPLAINT if said.report.kind == "complaint" else MailReason.NOT_DELIVERED
    return Outcome(state=MailState.BOUNCE, reason=reason, explanation=told)


def _sender(mail: IncomingMail) -> Outcome | None:
    if not mail.sender:
        return Outcome(state=MailState.QUARANTINED, reason=MailReason.NO_SENDER)
    if is_ours(mail.sender):
        return Outcome(state=MailState.QUARANTINED, reason=MailReason.OWN_MAIL, is_settled=True)
    return None


def _belief(mail: IncomingMail, at: datetime) -> Outcome | None:
    if BlockedSender.objects.blocks(mail.sender):
        return Outcome(state=MailState.QUARANTINED, reason=MailReason.BLOCKED, is_settled=True)
    if mail.is_verified:
        return None
    if is_of_the_staff(mail.sender):
        notifications.alert_forged(mail, at=at)
        return Outcome(state=MailState.QUARANTINED, reason=MailReason.FORGED_STAFF, explanation=mail.explanation)
    return Outcome(state=MailState.QUARANTINED, reason=MailReason.UNVERIFIED, explanation=mail.explanation)


def _limits(mail: IncomingMail) -> Outcome | None:
    """A loop that no header gives away ends here: what one sender sends beyond a limit is kept and answered no more.

    What others send in their name doesn't count, or anybody could shut a customer out.
    """
    theirs = IncomingMail.objects.filter(sender=mail.sender, is_verified=True)
    lately = theirs.filter(received_at__gt=mail.received_at - _HOUR, pk__lt=mail.pk)
    if lately.count() < settings.MAIL_PER_SENDER_AN_HOUR:
        return None
    return Outcome(state=MailState.HELD, reason=MailReason.TOO_MANY)


# --- Who it is from, and where it belongs --------------------------------------------------------------------------


def _act(mail: IncomingMail, said: Parsed, *, at: datetime, is_admitted: bool) -> Outcome:
    sender = User.objects.filter(email=mail.sender).first()
    if sender is not None and not sender.is_active:
        return _held(MailReason.REFUSED, "Their account is shut.", user=sender)
    if sender is not None and sender.is_desk:
        return _from_staff(mail, said, sender, at=at)
    if mail.is_verified:  # who vouches for a sender knows nothing of their mailbox
        health.note_heard_from(mail.sender)
    thread = conversation.find(mail, said, sender=sender)
    if conversation.names_another(said.subject, thread.ticket if thread else None):
        mail.remarks.append(remarks.SUBJECT_TAG)
    if thread is not None:
        return _on_thread(mail, said, thread, at=at)
    if mail.is_automatic and not is_admitted:
        return _held(MailReason.AUTOMATIC, user=sender)
    return _new_request(mail, said, sender, at=at)


def _held(
    reason: MailReason, explanation: str = "", *, user: User | None = None, ticket: Ticket | None = None
) -> Outcome:
    return Outcome(state=MailState.HELD, reason=reason, explanation=explanation, user=user, ticket=ticket)


# --- Replies -------------------------------------------------------------------------------------------------------


def _on_thread(mail: IncomingMail, said: Parsed, thread: Thread, *, at: datetime) -> Outcome:
    ticket = thread.ticket
    if thread.standing is not Standing.ON:
        return _held(MailReason.NOT_PARTICIPANT, ticket=ticket)
    if _too_many_on(ticket, mail):
        return _held(MailReason.TOO_MANY, f"On request #{ticket.number} alone.", ticket=ticket)
    by = known_sender(mail, at=at)
    if not (mail.is_automatic or may_use_portal(by, ticket.organization)):
        return _held(MailReason.NO_MAIL_PLAN, "The plan comes without the portal.", user=by, ticket=ticket)
    return reply(mail, said, ticket, by=by, reason=thread.reason, at=at)


def reply(mail: IncomingMail, said: Parsed, ticket: Ticket, *, by: User, reason: MailReason, at: datetime) -> Outcome:
    """Put a mail on a ticket as the reply of `by`, who stands on it. Raises DomainError, having done nothing."""
    if mail.is_automatic:
        message = actions.note_machine(ticket, by=by, body=said.text, at=at, key=_key(mail))
        content.dress(message, said, by=by, at=at)
        return _became(message, reason, by)
    message = actions.reply(ticket, by=by, body=said.text, at=at, channel=Channel.EMAIL, key=_key(mail))
    content.dress(message, said, by=by, at=at)
    if message.ticket_id != ticket.pk:
        return replace(_became(message, MailReason.FOLLOW_UP, by), state=MailState.TICKET)
    if conversation.changes_subject(said.subject, ticket):
        mail.remarks.append(remarks.SUBJECT_CHANGED)
    _copy_in(mail, said, ticket, by=by, at=at)
    _say_priority(said, ticket, by=by, at=at)
    return _became(message, reason, by)


def _became(message: Message, reason: MailReason, by: User) -> Outcome:
    return Outcome(state=MailState.REPLY, reason=reason, user=by, ticket=message.ticket, message=message)


def _too_many_on(ticket: Ticket, mail: IncomingMail) -> bool:
    lately = ticket.incoming.filter(sender=mail.sender, received_at__gt=mail.received_at - _HOUR, pk__lt=mail.pk)
    return lately.count() >= settings.MAIL_PER_TICKET_AN_HOUR


def _say_priority(said: Parsed, ticket: Ticket, *, by: User, at: datetime) -> None:
    """The first word of an answer sets a priority that wasn't given yet; who may not set it has merely answered."""
    word = priority_word(said.text)
    ticket.refresh_from_db(fields=["priority"])
    if ticket.priority is not None or word is None or not access.may_raise_priority(by, ticket):
        return
    actions.set_priority(ticket, by=by, to=Priority(word), at=at)


def _copy_in(mail: IncomingMail, said: Parsed, ticket: Ticket, *, by: User, at: datetime) -> None:
    """Copy in whom the sender did: colleagues at once, others once they are confirmed (S004), too many never (S013).

    The staff needs no copy, and we are no reader of our own.
    """
    others = {address.email for address in (*said.to, *said.cc)} - {mail.sender, ticket.requester.email}
    staff = User.objects.filter(email__in=others).exclude(role="").values_list("email", flat=True)
    wanted = sorted(email for email in others - set(staff) if not is_ours(email))
    if not wanted:
        return
    if len(wanted) > settings.CC_MAX_COUNT:
        mail.remarks.append(remarks.CC_IGNORED)
        return
    try:
        with transaction.atomic():
            copied, pending = propose_cc(ticket, wanted, by=by, at=at)
    except Invalid:
        mail.remarks.append(remarks.CC_IGNORED)
        return
    if pending:
        mail.remarks.append(remarks.CC_PENDING)
    elif not copied and ticket.participants.filter(email__in=wanted, removed_at=None).count() < len(wanted):
        mail.remarks.append(remarks.CC_IGNORED)


# --- New requests --------------------------------------------------------------------------------------------------


def _new_request(mail: IncomingMail, said: Parsed, sender: User | None, *, at: datetime) -> Outcome:
    organization = _organization(sender, mail.sender)
    plan = plan_for(sender, organization)
    if plan is None or not plan.uses_email:
        return _redirected(mail, has_portal=plan is not None and plan.uses_portal)
    by = known_sender(mail, at=at)
    join_by_domain(by, at=at, by_mail=True)
    request = actions.Request(
        subject=said.subject[:SUBJECT_LENGTH].strip() or "(no subject)",
        body=said.text,
        category=None,
        environment=None,
        priority=None,
    )
    ticket = actions.submit(
        by,
        by=by,
        organization=organization,
        request=request,
        channel=Channel.EMAIL,
        at=min(mail.received_at, at),
        key=_key(mail),
    )
    message = ticket.messages.get()
    content.dress(message, said, by=by, at=at)
    _copy_in(mail, said, ticket, by=by, at=at)
    return Outcome(state=MailState.TICKET, reason=MailReason.NEW_REQUEST, user=by, ticket=ticket, message=message)


def _organization(sender: User | None, email: str) -> Organization | None:
    """For whom a mail asks: the organisation that may ask by mail, then the one they asked for last; for who is in
    none, the one whose verified domain the address is at."""
    places = [place.organization for place in active_memberships(sender)] if sender else []
    if places:
        last = sender.last_organization_id if sender else None
        return min(places, key=lambda one: (not one.plan.uses_email, one.pk != last))
    domain = OrganizationDomain.objects.open().of_address(email).select_related("organization__plan").first()
    if domain is None or (sender and _was_member(sender, domain.organization)):
        return None
    return domain.organization


def _was_member(user: User, organization: Organization) -> bool:
    """Who left, or was removed, isn't taken back by their address."""
    return Membership.objects.filter(user=user, organization=organization).exists()


def _redirected(mail: IncomingMail, *, has_portal: bool) -> Outcome:
    """Point to the portal, or to where answers are; an address hears it once a day at most, a machine never."""
    lately = IncomingMail.objects.filter(
        sender=mail.sender, state=MailState.REDIRECTED, received_at__gt=mail.received_at - _REDIRECTED_AGAIN
    )
    explanation = "It was told so less than a day ago." if lately.exists() else ""
    if not (explanation or mail.is_automatic):
        notifications.answer_redirected(mail.sender, has_portal=has_portal)
    return Outcome(state=MailState.REDIRECTED, reason=MailReason.NO_MAIL_PLAN, explanation=explanation)


# --- The staff's own answers ---------------------------------------------------------------------------------------


def _from_staff(mail: IncomingMail, said: Parsed, by: User, *, at: datetime) -> Outcome:
    """A verified member of the staff answers the customer by their own signed address, where that is switched on
    for them; a colleague who vouches for them doesn't take the place of any of the three (S005)."""
    if mail.is_automatic:
        return replace(_held(MailReason.AUTOMATIC, user=by), is_settled=True)
    if not mail.is_verified:
        return _held(MailReason.REFUSED, "It claims to come from the staff and could not be verified.", user=by)
    signed = (conversation.signed_ticket(claim, reader=by.email) for claim in conversation.claims(mail, said))
    ticket = next((found for found in signed if found is not None), None)
    if ticket is None:
        return _held(MailReason.REFUSED, "The staff writes in the desk, or to a reply address of their own.", user=by)
    if not by.answers_by_mail:
        return _held(MailReason.REFUSED, "Answering by mail isn't switched on for them.", user=by, ticket=ticket)
    if REPLY_LINE in said.text:  # the mail that it answers, which is for the staff, could not be told apart
        return _held(
            MailReason.REFUSED, "It holds the mail that it answers among its own words.", user=by, ticket=ticket
        )
    submit_as = Status.SOLVED if ticket.state is Status.SOLVED else Status.OPEN
    answered = actions.answer(
        ticket, by=by, body=said.text, submit_as=submit_as, at=at, key=_key(mail), channel=Channel.EMAIL
    )
    content.dress(answered.message, replace(said, quoted_html=""), by=by, at=at)  # it quotes what the staff was told
    return _became(answered.message, MailReason.REPLY_ADDRESS, by)


# --- People --------------------------------------------------------------------------------------------------------


def known_sender(mail: IncomingMail, *, at: datetime) -> User:
    """The person of a verified address, entered without a password if new, who sees what they are copied in on."""
    try:
        name = person_name(mail.sender_name)
    except Invalid:  # a name that nobody may give themselves here; the address stands for them
        name = ""
    user = person_for_address(mail.sender, name=name, at=at)
    recognise(user, email=mail.sender)
    return user


def _key(mail: IncomingMail) -> str:
    """However often it is read, a mail writes one message."""
    return f"mail-{mail.pk}"
