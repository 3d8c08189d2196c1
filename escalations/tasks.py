"""Celery's door to the paging engine; its timers are columns, so a lost or doubled task costs nothing."""

from typing import Any

from celery import shared_task, signals

from escalations.paging.engine import prepare, run_pass


@signals.celeryd_init.connect
def prepare_worker(**kwargs: Any) -> None:
    """Before its processes are forked, so that each has it."""
    prepare()


@shared_task(name="escalations.paging_pass", ignore_result=True)
def paging_pass() -> None:
    """One full pass: woken after a ticket or a page changed, and by beat every few seconds."""
    run_pass("worker")
