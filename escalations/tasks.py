"""Celery's door to the paging engine; its timers are columns, so a lost or doubled task costs nothing."""

from celery import shared_task

from escalations.paging.engine import run_pass
from escalations.paging.reminders import remind
from escalations.paging.shifts import materialise
from supportdesk.lib import clock


@shared_task(name="escalations.paging_pass", ignore_result=True)
def paging_pass() -> None:
    """One full pass: woken after a ticket or a page changed, and by beat every few seconds."""
    run_pass("worker")


@shared_task(name="escalations.shift_reminders", ignore_result=True)
def shift_reminders() -> None:
    """Reminders of shifts that are due."""
    remind(clock.now())


@shared_task(name="escalations.materialise_shifts", ignore_result=True)
def materialise_shifts() -> None:
    """The final schedules, 180 days ahead of now; and whom pages reach has changed, perhaps."""
    materialise(now=clock.now())
