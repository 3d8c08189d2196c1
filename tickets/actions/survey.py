"""How was it? The question that follows a request's being Closed, and its answer.

The question is owed from the transaction that closes the ticket, `WorkflowSettings.survey_after_hours` later (0:
never), and asked once: what is due is a column, and asking it is one transaction. Nobody is mailed twice within a week;
the second request of such a week may still be rated on its page.
"""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from supportdesk.lib import text
from supportdesk.lib.errors import Conflict, Invalid
from tickets import access
from tickets.actions.moves import locked, require, write
from tickets.events import record
from tickets.models import Channel, EventKind, Survey, Ticket, TicketEvent, WorkflowSettings

COMMENT_LENGTH = 2000
_BETWEEN_MAILS = timedelta(days=7)


def owe_survey(ticket: Ticket, *, at: datetime) -> None:
    """Note, in the transaction that closes `ticket`, when its requester is to be asked; imported ones aren't."""
    hours = WorkflowSettings.current().survey_after_hours
    if hours and ticket.channel != Channel.IMPORT and ticket.requester.is_active and not ticket.requester.is_desk:
        Survey.objects.create(ticket=ticket, due_at=at + timedelta(hours=hours))


@transaction.atomic
def ask_survey(pk: int, *, now: datetime) -> bool:
    """Ask one survey that is due; False when, under the locks, it no longer is or another worker has it.

    Whose requester is gone, or had such a mail within the last week, isn't mailed.
    """
    rows = Ticket.objects.select_for_update(of=("self",), skip_locked=True)
    ticket = rows.filter(pk__in=Survey.objects.due(now).filter(pk=pk).values("ticket_id")).first()
    survey = Survey.objects.select_for_update().due(now).filter(pk=pk).first() if ticket else None
    if ticket is None or survey is None:
        return False
    survey.asked_at, survey.due_at = now, None
    survey.save(update_fields=["asked_at", "due_at"])
    # The person's row is locked, so that two of their requests aren't asked about in the same moment.
    requester = User.objects.select_for_update(no_key=True).get(pk=ticket.requester_id)
    sees = Ticket.objects.visible_to(requester).filter(pk=ticket.pk).exists()
    if not sees or _was_mailed_lately(requester, now):
        return False
    write(ticket, at=now)
    record(ticket, EventKind.SURVEYED, by=None, at=now)
    return True


def _was_mailed_lately(requester: User, now: datetime) -> bool:
    asked = TicketEvent.objects.filter(ticket__requester=requester, kind=EventKind.SURVEYED)
    return asked.filter(at__gt=now - _BETWEEN_MAILS).exists()


@transaction.atomic
def rate(ticket: Ticket, *, by: User, rating: str, comment: str, at: datetime) -> Survey:
    """The requester's answer, or another within seven days of the first. The same again changes nothing.

    Who answers before the question was mailed is not asked any more. Raises NotAllowed, Invalid, Conflict.
    """
    ticket = locked(ticket, by=by)
    require(access.may_rate(by, ticket), "rate this request")
    survey = Survey.objects.select_for_update().filter(ticket=ticket).first()
    if survey is None or not survey.is_open(at):
        raise Conflict("This can no longer be answered or changed.", code="survey_over")
    comment = _checked(rating, comment)
    former = survey.rating
    if (former, survey.comment) == (rating, comment):
        return survey
    survey.rating, survey.comment = rating, comment
    survey.rated_at, survey.changed_at = survey.rated_at or at, at if former else None
    survey.asked_at, survey.due_at = survey.asked_at or at, None
    survey.save(update_fields=["rating", "comment", "rated_at", "changed_at", "asked_at", "due_at"])
    write(ticket, at=at)
    record(ticket, EventKind.RATED, by=by, at=at, rating=rating, former=former, commented=bool(comment))
    return survey


def _checked(rating: str, comment: str) -> str:
    if rating not in Survey.Rating.values:
        raise Invalid("Please choose good or bad.", code="required", field="rating")
    comment = text.body(comment, field="comment", most_bytes=4 * COMMENT_LENGTH).strip()
    if len(comment) > COMMENT_LENGTH:
        raise Invalid(f"Please say it in {COMMENT_LENGTH} characters.", code="too_long", field="comment")
    return comment
