"""Mails as their senders' programs and our own mail server make them, stored and read as by a door and a worker."""

from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from accounts.models import AccountMail, User
from supportdesk.lib import clock
from supportdesk.lib.signed_addresses import reply_address
from tickets import notifications
from tickets.mail import receive
from tickets.mail.store import store
from tickets.models import IncomingMail, OutgoingMail, Participant, Ticket

SUPPORT = "support@desk.example"


def letter(
    sender: str,
    text: str = "Since the upgrade everybody is logged out after a minute.",
    *,
    to: str | Sequence[str] = SUPPORT,
    subject: str = "Users are logged out",
    **headers: str,
) -> EmailMessage:
    """A plain mail; headers by keyword, with _ for -."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to if isinstance(to, str) else ", ".join(to)
    mail["Subject"] = subject
    mail["Date"] = format_datetime(clock.now())
    mail["Message-ID"] = headers.pop("Message_ID", None) or make_msgid(domain=_domain(sender))
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


def arrive(
    mail: EmailMessage,
    *,
    to: Sequence[str] = (),
    verdict: str | None = None,
    envelope_from: str | None = None,
) -> IncomingMail:
    """Store and read it; `verdict` is what our mail server says of it: that its sender is who they say, unless told."""
    stored = put(mail.as_bytes(), to=to or _addressees(mail), verdict=verdict, sender=str(mail["From"] or ""))
    if envelope_from is not None:
        IncomingMail.objects.filter(pk=stored.pk).update(envelope_from=envelope_from)
    receive.receive_due()
    stored.refresh_from_db()
    return stored


def put(raw: bytes, *, to: Sequence[str] = (SUPPORT,), verdict: str | None = None, sender: str = "") -> IncomingMail:
    """Store raw bytes, believed unless told otherwise, and leave them to be read."""
    verdict = believed(sender) if verdict is None else verdict
    return store(raw, door="smtp", envelope_from=sender, envelope_to=list(to), verdict=verdict, at=clock.now())


def believed(sender: str) -> str:
    return f"demo-relay; dmarc=pass header.from={_domain(sender)}"


FORGED = "demo-relay; spf=fail; dkim=fail; dmarc=fail header.from=northwind.example"


def answer(ticket: Ticket, by: User | str, text: str, *, as_: str = "", **headers: str) -> EmailMessage:
    """What `by` sends when they press Reply in a mail of ours; `as_` is whose mail that was, if another's."""
    email = by if isinstance(by, str) else by.email
    return letter(
        email,
        text,
        to=reply_address(ticket.number, reader=as_ or email),
        subject=headers.pop("subject", f"Re: [#{ticket.number}] {ticket.subject}"),
        **headers,
    )


def _addressees(mail: EmailMessage) -> list[str]:
    return [address.strip() for address in str(mail["To"]).split(",") if "@desk.example" in address]


def _domain(sender: str) -> str:
    return sender.rpartition("@")[2].strip(" >")


def standing(ticket: Ticket) -> tuple[object, ...]:
    """All that a mail could move: to be the same before and after one that may not."""
    fresh = Ticket.objects.get(pk=ticket.pk)
    rows = [fresh.messages.count(), fresh.events.count(), Participant.objects.filter(ticket=ticket).count()]
    mails = OutgoingMail.objects.count() + AccountMail.objects.count()
    return (fresh.status, fresh.priority, fresh.waiting_since, fresh.updated_at, *rows, mails)


def mailed() -> int:
    """How many mails there are once all that happened has been told."""
    notifications.notify(now=clock.now())
    return OutgoingMail.objects.count() + AccountMail.objects.count()
