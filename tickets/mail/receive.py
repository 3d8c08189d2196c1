"""Reading the mail that was stored: each message once, to its one outcome, whoever dies meanwhile.

A worker claims a row until `next_attempt_at` by the database's clock and commits; parses the raw message in a process
of its own, within limits; and then, in one transaction under the row's lock, acts and writes down what it became. Dying
before that commit leaves the row to be read again after its claim; a second reader finds it read and does nothing.
"""

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.db import OperationalError, transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import User
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, NotAllowed
from tickets import access, actions
from tickets.mail import content, reader
from tickets.mail.conversation import Standing, standing
from tickets.mail.parsed import Parsed
from tickets.mail.sort import Outcome, known_sender, note_sender, reply, sort
from tickets.models import IncomingMail, MailReason, MailState, Message, Ticket

logger = logging.getLogger(__name__)

_LEASE = timedelta(seconds=60)  # longer than a message may take to be read
_LAST_START = 120.0  # seconds of one task after which no other message is begun
_RETRY_AFTER = [timedelta(seconds=seconds) for seconds in (5, 30, 120, 600)]
_OUTAGE = timedelta(hours=24)  # so long it is no message's fault that the storage, or the database, is down
_SORTABLE = {MailState.HELD, MailState.QUARANTINED, MailState.REDIRECTED}


def receive_due() -> int:
    """Read what waits, oldest first; the number of messages read. Returns when nothing is left or time is up."""
    begun, read = time.monotonic(), 0
    while time.monotonic() - begun < _LAST_START and (mail := _claim()) is not None:
        read += _read(mail)
    return read


def _claim() -> IncomingMail | None:
    with transaction.atomic():
        rows = IncomingMail.objects.due().select_for_update(skip_locked=True)
        mail = rows.order_by("next_attempt_at", "pk").first()
        if mail is None:
            return None
        IncomingMail.objects.filter(pk=mail.pk).update(next_attempt_at=Now() + _LEASE, attempts=F("attempts") + 1)
        mail.attempts += 1
        return mail


def _read(mail: IncomingMail) -> bool:
    """Read one claimed message; False when it has to be tried again, or was read by somebody else meanwhile."""
    if mail.attempts > len(_RETRY_AFTER) + 1:
        return _give_up(mail, "Whoever tried to read it never came back.")
    try:
        with _parsed(mail) as said:
            return _settle(mail.pk, said)
    except Exception as failure:
        logger.exception("incoming mail %s could not be read (attempt %s)", mail.pk, mail.attempts)
        return _put_off(mail, failure)


@contextmanager
def _parsed(mail: IncomingMail) -> Iterator[Parsed]:
    """What the message says; its files are there until the end of the block. Reader.Unreadable when nothing is."""
    with NamedTemporaryFile(suffix=".eml") as raw:
        with mail.file.open("rb") as stored:
            shutil.copyfileobj(stored, raw)
        raw.flush()
        with reader.read(Path(raw.name)) as said:
            yield content.without_secrets(said)


@transaction.atomic
def _settle(pk: int, said: Parsed) -> bool:
    mail = IncomingMail.objects.select_for_update().get(pk=pk)
    if mail.state != MailState.WAITING:
        return False
    now = clock.now()
    note_sender(mail, said)
    _write_down(mail, sort(mail, said, at=now), at=now)
    return True


def _write_down(mail: IncomingMail, outcome: Outcome, *, at: datetime) -> None:
    mail.state, mail.reason, mail.explanation = outcome.state, outcome.reason, outcome.explanation[:300]
    mail.user, mail.ticket, mail.message = outcome.user, outcome.ticket, outcome.message
    mail.remarks = list(dict.fromkeys(mail.remarks))
    mail.read_at, mail.next_attempt_at, mail.last_error = mail.read_at or at, None, ""
    mail.settled_at = mail.settled_at or (at if outcome.is_settled else None)
    mail.save()


def _put_off(mail: IncomingMail, failure: Exception) -> bool:
    error = f"{type(failure).__name__}: {failure}".replace("\0", "")[:300]
    is_last = mail.attempts > len(_RETRY_AFTER)
    if is_last and not _is_outage(mail, failure):
        return _give_up(mail, error)
    waiting = IncomingMail.objects.filter(pk=mail.pk, state=MailState.WAITING, attempts=mail.attempts)
    rest = _RETRY_AFTER[min(mail.attempts, len(_RETRY_AFTER)) - 1]
    waiting.update(next_attempt_at=Now() + rest, last_error=error, attempts=F("attempts") - (1 if is_last else 0))
    return False


def _is_outage(mail: IncomingMail, failure: Exception) -> bool:
    """Whether what it needs is away for a while: then it waits, since nobody would come back to so many by hand."""
    is_away = isinstance(failure, OSError | OperationalError) and not isinstance(failure, FileNotFoundError)
    return is_away and clock.now() < mail.received_at + _OUTAGE


def _give_up(mail: IncomingMail, error: str) -> bool:
    """One message that can't be read stops nobody else's: it waits for a person, its original kept."""
    waiting = IncomingMail.objects.filter(pk=mail.pk, state=MailState.WAITING)
    return bool(
        waiting.update(
            state=MailState.QUARANTINED,
            reason=MailReason.UNREADABLE,
            explanation=error,
            last_error=error,
            read_at=clock.now(),
            next_attempt_at=None,
        )
    )


# --- By hand -------------------------------------------------------------------------------------------------------


def recover(mail: IncomingMail, *, by: User, at: datetime) -> IncomingMail:
    """Take a mail that was put aside as what it says it is: `by` vouches for its sender.

    One that could not be read is read as if it came now: whom `by` would vouch for nobody has seen yet.
    Raises NotAllowed, Conflict when it was sorted already, or when even so it can't be taken, with the reason.
    """
    with _parsed_by_hand(mail) as said, transaction.atomic():
        mail = _to_sort(mail, by=by)
        if mail.reason == MailReason.UNREADABLE:
            note_sender(mail, said)
            _write_down(mail, sort(mail, said, at=at), at=at)
            return mail
        outcome = sort(mail, said, at=at, admitted_by=by)
        if outcome.message is None:
            why = outcome.explanation or MailReason(outcome.reason).label
            raise Conflict(f"It can't be taken as it is: {why}", code="still_refused")
        mail.settled_by, mail.settled_at = by, at
        _write_down(mail, outcome, at=at)
    return mail


def assign(mail: IncomingMail, ticket: Ticket, *, by: User, at: datetime, add_sender: bool = False) -> Message:
    """Put a mail on a ticket: as its sender's reply where they stand on it, or `add_sender` copies them in from now on;
    else as an internal note, which the customer never sees.

    Raises NotAllowed, Invalid, Conflict when it was sorted already.
    """
    with _parsed_by_hand(mail) as said, transaction.atomic():
        mail = _to_sort(mail, by=by)
        outcome = _put_on(mail, said, ticket, by=by, at=at, add_sender=add_sender)
        mail.settled_by, mail.settled_at = by, at
        _write_down(mail, outcome, at=at)
    assert outcome.message is not None  # noqa: S101 - both ways write one
    return outcome.message


@contextmanager
def _parsed_by_hand(mail: IncomingMail) -> Iterator[Parsed]:
    """What the message says; Conflict, for the person who waits for it, where it can't be read."""
    with ExitStack() as files:
        try:
            said = files.enter_context(_parsed(mail))
        except (reader.Unreadable, OSError) as failure:
            sentence = "It can't be read. Download the original, and dismiss it once you have dealt with it."
            raise Conflict(sentence, code="unreadable") from failure
        yield said


def _put_on(mail: IncomingMail, said: Parsed, ticket: Ticket, *, by: User, at: datetime, add_sender: bool) -> Outcome:
    sender = User.objects.filter(email=mail.sender).first() if mail.sender else None
    if mail.sender and not (sender and sender.is_desk):
        if add_sender and standing(ticket, email=mail.sender, user=sender) is not Standing.ON:
            actions.add_cc(ticket, by=by, addresses=[mail.sender], at=at)
        if standing(ticket, email=mail.sender, user=sender) is Standing.ON:
            author = known_sender(mail, at=at)
            return reply(mail, said, ticket, by=author, reason=MailReason.BY_STAFF, at=at)
    heading = f"Mail from {mail.sender or 'nobody'}: {mail.subject}"
    note = actions.add_note(ticket, by=by, body=f"{heading}\n\n{said.text}", at=at, key=f"mail-{mail.pk}")
    content.attach(note, said, by=by, at=at)
    return Outcome(state=MailState.REPLY, reason=MailReason.BY_STAFF, ticket=note.ticket, message=note)


def _to_sort(mail: IncomingMail, *, by: User) -> IncomingMail:
    if not access.may_sort_mail(by):
        raise NotAllowed("Held mail is for leads and admins.")
    mail = IncomingMail.objects.select_for_update().get(pk=mail.pk)
    if mail.state not in _SORTABLE or mail.settled_by_id is not None:
        raise Conflict("Somebody has sorted this mail already.", code="sorted_already")
    return mail
