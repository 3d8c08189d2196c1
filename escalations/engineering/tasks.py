"""What workers do for engineering escalations, woken by name or by beat; on the common queue, not the pager's own.

Each finds its work as rows; doing it twice does no harm.
"""

from celery import shared_task

from escalations.engineering import actions, chat, digest, notifications, replies, telling, watch
from supportdesk.lib import clock


@shared_task(name="engineering.tell_customers", ignore_result=True)
def tell_customers() -> None:
    """Bring what customers are owed into their tickets."""
    telling.tell_customers(now=clock.now())


@shared_task(name="engineering.notify", ignore_result=True)
def notify() -> None:
    """Write the mails and posts about what happened to records."""
    notifications.notify(now=clock.now())


@shared_task(name="engineering.post", ignore_result=True)
def post() -> None:
    """Send the posts to chat channels that are due."""
    chat.deliver_due()


@shared_task(name="engineering.watch", ignore_result=True)
def watch_records() -> None:
    """Put down what customers wrote, and warn of deadlines that are near or over; by beat alone.

    It looks at all active links: that is too much for each event of the desk's tickets.
    """
    try:
        replies.note_all(now=clock.now())
    finally:  # whatever stops the one, the other goes on
        watch.warn_all(now=clock.now())


@shared_task(name="engineering.mail_digest", ignore_result=True)
def mail_digest() -> None:
    """Mail the queues to the leads whose morning has come."""
    digest.mail_all(now=clock.now())


@shared_task(name="engineering.tidy", ignore_result=True)
def tidy() -> None:
    """Deliveries of code hosts that are too old to come again."""
    while actions.forget_old_deliveries(now=clock.now()):
        pass
