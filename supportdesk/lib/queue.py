"""Waking workers. Rows are the queue: a lost wake-up costs a sweep's interval, never work.

A wake-up is sent after commit, carries nothing, and costs at most about 0.3 s when the broker is gone or hung
(kombu's defaults block for half a minute). After a failure the broker is left alone for a few seconds.
"""

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

from celery import Celery
from django.conf import settings
from django.db import transaction

logger = logging.getLogger(__name__)

_SOCKET_SECONDS = 0.12
_REST_SECONDS = 5.0
_rest_until = 0.0
_one_at_a_time = threading.Lock()
_asleep = ContextVar("asleep", default=False)


@contextmanager
def asleep() -> Iterator[None]:
    """Nobody is woken from inside: for loading history, of which each row would send its own wake-up."""
    before = _asleep.set(True)
    try:
        yield
    finally:
        _asleep.reset(before)


def wake(topic: str) -> None:
    """After the current transaction commits, wake the tasks that settings.WAKES lists for `topic`; never raises."""
    tasks = settings.WAKES[topic]
    if _asleep.get():
        return
    transaction.on_commit(lambda: _send(tasks), robust=True)


def _send(tasks: Iterable[str]) -> None:
    global _rest_until
    if time.monotonic() < _rest_until or not _one_at_a_time.acquire(timeout=0.05):
        return
    try:
        for name in tasks:
            _producer().send_task(name, retry=False, ignore_result=True)
    except Exception as failure:
        _rest_until = time.monotonic() + _REST_SECONDS
        logger.warning("broker does not answer, sweeps will find the work: %s", failure)
    finally:
        _one_at_a_time.release()


@lru_cache(maxsize=1)
def _producer() -> Celery:
    producer = Celery("supportdesk-wake", broker=settings.REDIS_URL, set_as_current=False)
    producer.conf.update(
        task_routes=settings.CELERY_TASK_ROUTES,
        task_default_queue=settings.CELERY_TASK_DEFAULT_QUEUE,
        broker_connection_retry=False,
        broker_connection_timeout=_SOCKET_SECONDS,
        broker_transport_options={
            "socket_timeout": _SOCKET_SECONDS,
            "socket_connect_timeout": _SOCKET_SECONDS,
            "retry_on_timeout": False,
            "max_retries": 0,
        },
    )
    return producer
