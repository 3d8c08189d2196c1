"""Celery's door to the paging engine; its timers are columns, so a lost or doubled task costs nothing."""

from celery import shared_task

from escalations.paging.engine import run_pass


@shared_task(name="escalations.paging_pass", ignore_result=True)
def paging_pass() -> None:
    """One full pass: woken after a ticket or a page changed, and by beat every few seconds."""
    run_pass("worker")
