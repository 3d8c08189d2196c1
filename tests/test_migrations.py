"""Upgrading a desk that is in use: what plans promised before there were policies, and who is paged for breaches."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tickets.models import sla

BEFORE = [("accounts", "0002_mail_and_sessions"), ("tickets", "0003_queue_orders"), ("escalations", "0001_initial")]


@pytest.fixture
def older(transactional_db: None) -> Iterator[Any]:
    """The models of a desk without clocks; afterwards everything is as it was."""
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes()
    executor.migrate(BEFORE)
    yield MigrationExecutor(connection).loader.project_state(BEFORE).apps
    executor = MigrationExecutor(connection)
    executor.migrate(latest)
    _forget_rows()


def _forget_rows() -> None:
    """Rows that never change are kept by their keys, but the tables were made anew and give the same keys again."""
    for kept in (sla._terms, sla.targets_of, sla._calendar):
        kept.cache_clear()


def test_a_filled_desk_keeps_its_promises_and_gets_a_policy_for_breaches(older: Any) -> None:
    plan = older.get_model("accounts", "SupportPlan").objects.create(name="Gold", slug="gold")
    target = older.get_model("tickets", "PromiseTarget")
    target.objects.create(plan=plan, priority=1, promise="first_reply", minutes=45, hours="clock")
    target.objects.create(plan=plan, priority=3, promise="first_reply", minutes=480, hours="business")
    lead = older.get_model("accounts", "User").objects.create(email="lead@desk.example", role="lead", is_active=True)
    policies = older.get_model("escalations", "EscalationPolicy")
    policies.objects.create(name="Ours", active_from=datetime(2026, 1, 1, tzinfo=UTC), is_default=True)

    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())

    from escalations.models import EscalationPolicy
    from tickets.models import SlaPolicy
    from tickets.models.sla import targets_of
    from tickets.sla.promises import HoursKind, Promise

    _forget_rows()
    policy = SlaPolicy.objects.get(plan__slug="gold")
    assert policy.current is not None
    assert policy.current.calendar.current is not None
    assert targets_of(policy.current.pk) == {
        (Promise.FIRST_REPLY, 1): (45, HoursKind.AROUND_THE_CLOCK),
        (Promise.FIRST_REPLY, 3): (480, HoursKind.BUSINESS),
    }
    breaches = EscalationPolicy.objects.get(is_for_breaches=True)
    assert list(breaches.steps.get().people.values_list("pk", flat=True)) == [lead.pk]
    assert breaches.active_from.year >= datetime.now(tz=UTC).year
