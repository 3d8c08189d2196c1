"""Celery's door to the paging engine; its timers are columns, so a lost or doubled task costs nothing."""

from datetime import timedelta
from typing import Any

from celery import shared_task, signals
from django.conf import settings

from escalations import actions
from escalations.engineering import tasks as engineering_tasks  # noqa: F401 - they register themselves
from escalations.paging import watcher
from escalations.paging.engine import prepare, run_pass
from escalations.paging.reminders import remind
from escalations.paging.shifts import materialise
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict


@signals.celeryd_init.connect
def prepare_worker(**kwargs: Any) -> None:
    """Before its processes are forked, so that each has it."""
    prepare()


@shared_task(name="escalations.paging_pass", ignore_result=True)
def paging_pass() -> None:
    """One full pass: woken after a ticket or a page changed, and by beat every few seconds."""
    run_pass("worker")


@shared_task(name="escalations.paging_canary", ignore_result=True)
def paging_canary() -> None:
    """Let a canary leave, where the last one did PAGING_CANARY_MINUTES ago; whoever else asks finds none due."""
    if not settings.PAGING_CANARY_MINUTES:
        return
    try:
        actions.begin_canary(at=clock.now(), unless_within=timedelta(minutes=settings.PAGING_CANARY_MINUTES))
    except Conflict:
        return  # one is under way, or left a moment ago


@shared_task(name="escalations.paging_tidy", ignore_result=True)
def paging_tidy() -> None:
    """Canaries of last week, and heartbeats of hosts that are gone."""
    while actions.tidy_canaries(now=clock.now()):
        pass
    watcher.tidy()


@shared_task(name="escalations.shift_reminders", ignore_result=True)
def shift_reminders() -> None:
    """Reminders of shifts that are due."""
    remind(clock.now())


@shared_task(name="escalations.materialise_shifts", ignore_result=True)
def materialise_shifts() -> None:
    """The final schedules, 180 days ahead of now; and whom pages reach has changed, perhaps."""
    materialise(now=clock.now())
