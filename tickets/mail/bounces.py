"""What becomes of a mail that came back, or that its reader took for spam.

A report is believed only where it came to a return path that we signed for one mail (VERP): anybody can write one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from accounts import health
from accounts.models import AccountMail
from supportdesk.lib.signed_addresses import parse_return_path
from tickets.mail.parsed import Report
from tickets.models import OutgoingMail

UNPROVED: Final = "It did not come to a return path of ours, so nothing was changed."
TICKET, ACCOUNT = "ticket", "account"
"""Kinds of return paths: of `OutgoingMail`, of `AccountMail`. Apps above register their own."""

_ROOM = 300


@dataclass(frozen=True)
class Sent:
    """A mail of ours that a report is about: whom it went to, and what it was about, in words."""

    to: str
    about: str = ""


Find = Callable[[int], Sent | None]
_FINDERS: dict[str, Find] = {}


def register(kind: str, find: Find) -> None:
    """Say how mails of the return paths `kind` are found by their keys: for apps above this one, when they start."""
    _FINDERS[kind] = find


def note_report(report: Report, *, return_paths: Sequence[str], at: datetime) -> str:
    """Take down what another server reports of a mail of ours; the same twice is once. A sentence for the staff.

    `return_paths` are the addresses that the report came to. One that came to none of ours changes nothing.
    """
    proved = next(filter(None, map(parse_return_path, return_paths)), None)
    if proved is None:
        return UNPROVED
    sent = _take_down(report, *proved, at=at)
    return f"About the mail to {sent.to}{sent.about}: {_words(report)}"[:_ROOM] if sent else UNPROVED


def came_back(mail: OutgoingMail, *, why: str, at: datetime) -> bool:
    """A ticket's mail will never arrive; False when that is known already."""
    with transaction.atomic():
        rows = OutgoingMail.objects.filter(pk=mail.pk, bounced_at=None)
        taken = rows.update(
            state=OutgoingMail.State.BOUNCED,
            bounced_at=at,
            bounce=why[:_ROOM],
            next_attempt_at=None,
            lease_until=None,
        )
        if taken:
            health.note_bounce(mail.to_email, is_permanent=True, why=why, at=at)
    return bool(taken)


def is_late(mail: OutgoingMail, *, why: str) -> None:
    """A ticket's mail is on its way for long: kept as a note, unless it arrived or came back meanwhile."""
    OutgoingMail.objects.filter(pk=mail.pk, bounced_at=None, delivered_at=None).update(bounce=why[:_ROOM])


def was_spam(mail: OutgoingMail, *, why: str, at: datetime) -> None:
    """The reader of a ticket's mail took it for spam: nothing is sent there any more."""
    with transaction.atomic():
        OutgoingMail.objects.filter(pk=mail.pk, bounced_at=None).update(bounce=why[:_ROOM])
        health.note_complaint(mail.to_email, why=why, at=at)


def _take_down(report: Report, kind: str, pk: int, *, at: datetime) -> Sent | None:
    if kind == TICKET:
        mail = OutgoingMail.objects.filter(pk=pk).first()
        return _of_ticket(report, mail, at=at) if mail else None
    if kind == ACCOUNT:
        account_mail = AccountMail.objects.filter(pk=pk).first()
        return _of_account(report, account_mail, at=at) if account_mail else None
    sent = _FINDERS[kind](pk) if kind in _FINDERS else None
    if sent is not None:
        _tell_health(report, sent.to, at=at)
    return sent


def _of_ticket(report: Report, mail: OutgoingMail, *, at: datetime) -> Sent:
    if report.kind == "complaint":
        was_spam(mail, why=_words(report), at=at)
    elif report.is_permanent:
        came_back(mail, why=_words(report), at=at)
    else:
        is_late(mail, why=_words(report))
    return Sent(mail.to_email, f" on #{mail.ticket_id}" if mail.ticket_id else "")


@transaction.atomic
def _of_account(report: Report, mail: AccountMail, *, at: datetime) -> Sent:
    """Its row has no column for what came back: that a sent one failed after all says so."""
    is_bounce = report.kind == "bounce" and report.is_permanent
    rows = AccountMail.objects.filter(pk=mail.pk, state=AccountMail.State.SENT)
    words = f"It came back: {_words(report)}"[:_ROOM]
    if not is_bounce or rows.update(state=AccountMail.State.FAILED, last_error=words):
        _tell_health(report, mail.to_email, at=at)
    return Sent(mail.to_email, f" ({mail.kind.replace('_', ' ')})")


def _tell_health(report: Report, email: str, *, at: datetime) -> None:
    if report.kind == "complaint":
        health.note_complaint(email, why=_words(report), at=at)
    else:
        health.note_bounce(email, is_permanent=report.is_permanent, why=_words(report), at=at)


def _words(report: Report) -> str:
    """`5.1.1 550 no such user`, one line."""
    said = report.diagnosis or ("taken for spam" if report.kind == "complaint" else "no reason given")
    status = report.status if report.status and report.status not in said else ""
    late = "" if report.kind == "complaint" or report.is_permanent else "late: "
    return " ".join(f"{late}{status} {said}".split())
