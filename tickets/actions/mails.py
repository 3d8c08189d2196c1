"""What an agent does about a mail that didn't arrive."""

import logging

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from supportdesk.lib import queue
from supportdesk.lib.errors import Conflict
from tickets import access
from tickets.actions.moves import locked, require
from tickets.models import OutgoingMail, Ticket

logger = logging.getLogger(__name__)


@transaction.atomic
def retry_mail(ticket: Ticket, *, by: User, mail: int) -> str:
    """Send a mail of the ticket that was given up once more, from the beginning; its address. By the database's clock.

    Raises NotAllowed; Conflict where it isn't given up, or not any more.
    """
    ticket = locked(ticket, by=by)
    require(access.may_work(by, ticket), "send this mail again")
    row = OutgoingMail.objects.select_for_update().filter(ticket=ticket, pk=mail).first()
    if row is None or row.state != OutgoingMail.State.FAILED:
        raise Conflict("This mail is not given up any more.", code="not_failed")
    row.state, row.attempts, row.next_attempt_at, row.lease_until, row.last_error = row.State.QUEUED, 0, Now(), None, ""
    row.save(update_fields=["state", "attempts", "next_attempt_at", "lease_until", "last_error"])
    logger.info("mail %s is tried again, as %s wants", row.pk, by.pk)
    queue.wake("mail")
    return row.to_email
