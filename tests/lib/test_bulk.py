"""Many rows written at once hold what they were given, and nothing else changes."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from supportdesk.lib import bulk
from tests import factories
from tickets.models import SlaClock

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
NAMES = ("priority", "due_at", "used", "warned", "spans")


def told(clocks: Iterable[SlaClock]) -> dict[int, list[object]]:
    return {clock.pk: [getattr(clock, name) for name in NAMES] for clock in clocks}


def test_values_of_every_kind_come_back_and_others_stay(rita: User) -> None:
    clocks = [clock for _ in range(2) for clock in factories.open_ticket(rita, at=AT).clocks.all()]
    bystander = list(factories.open_ticket(rita, at=AT).clocks.values())
    for number, clock in enumerate(clocks):
        clock.priority, clock.used = 1 + number, timedelta(seconds=number, microseconds=7)
        clock.due_at = AT + timedelta(days=number) if number else None
        clock.warned, clock.spans = [75, -30] * number, [{"why": "it's 100 %", "used": None}] * number
        clock.promise = "next_reply"
    bulk.update(clocks, NAMES)
    rows = SlaClock.objects.filter(pk__in=[clock.pk for clock in clocks])
    assert told(rows) == told(clocks)
    assert {clock.promise for clock in rows} == {"first_reply"}
    assert list(SlaClock.objects.filter(pk=bystander[0]["id"]).values()) == bystander


def test_nothing_is_written_of_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        bulk.update([], NAMES)
