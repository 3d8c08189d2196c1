"""What workers do for engineering escalations, woken by name or by beat; on the common queue, not the pager's own.

Each finds its work as rows; doing it twice does no harm.
"""

from celery import shared_task

from escalations.engineering import chat, notifications, telling
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
