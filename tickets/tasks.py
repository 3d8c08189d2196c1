"""What workers do for tickets, woken by name or by beat. Each finds its work as rows; doing it twice does no harm."""

import logging
from collections.abc import Callable
from datetime import datetime

from celery import shared_task

from supportdesk.lib import clock
from tickets import actions, notifications
from tickets.actions import uploads
from tickets.mail import receive, send
from tickets.models import Survey, Ticket
from tickets.querysets import SurveyQuerySet, TicketQuerySet
from tickets.sla import backtest, retarget
from tickets.sla.sweep import act as sweep_promises

logger = logging.getLogger(__name__)


@shared_task(name="tickets.notify")
def notify() -> None:
    """Write the mails of what has happened; warnings and breaches are gathered first."""
    notifications.notify(now=clock.now())
    notifications.mail_notices(now=clock.now())


@shared_task(name="tickets.deliver_mail")
def deliver_mail() -> None:
    """Send the mails that are due."""
    send.deliver_due()


@shared_task(name="tickets.read_mail")
def read_mail() -> None:
    """Read the mail that came in, and act on it."""
    receive.receive_due()


@shared_task(name="tickets.mail_digests")
def mail_digests() -> None:
    """Write the digests whose readers' morning has come."""
    notifications.mail_digests(now=clock.now())


@shared_task(name="tickets.sweep")
def sweep() -> None:
    """The system's own moves: close what has been Solved long enough, remind of or solve what is Pending."""
    now = clock.now()
    _each(Ticket.objects.close_due(now).order_by("close_due_at"), actions.close_solved, now)
    _each(Ticket.objects.pending_due(now).order_by("pending_due_at"), actions.follow_up_pending, now)


@shared_task(name="tickets.send_surveys")
def send_surveys() -> None:
    """Ask the requesters of Closed tickets how it went, where that is due."""
    now = clock.now()
    _each(Survey.objects.due(now).order_by("due_at"), actions.ask_survey, now)


@shared_task(name="tickets.watch_promises")
def watch_promises() -> None:
    """Warn of promises that are about to break, and note those that broke."""
    sweep_promises(now=clock.now())


@shared_task(name="tickets.retarget")
def retarget_clocks() -> None:
    """Put open clocks on terms that an admin edited, and look back at what an edit would have meant."""
    try:
        retarget.work(now=clock.now())
    finally:  # whatever stops the one, the other goes on
        backtest.work(now=clock.now())


@shared_task(name="tickets.discard_stale_uploads")
def discard_stale_uploads() -> None:
    """Throw away files that were uploaded and never sent."""
    uploads.discard_stale(now=clock.now())


def _each(due: TicketQuerySet | SurveyQuerySet, act: Callable[..., bool], now: datetime) -> None:
    """Act on each in a transaction of its own; a bad row is logged, stepped over and met again by the next sweep."""
    for pk in list(due.values_list("pk", flat=True)):
        try:
            act(pk, now=now)
        except Exception:
            logger.exception("the sweep could not act on %s #%s", due.model._meta.verbose_name, pk)
