"""Indexes of the queue's orders; built without locking the table."""

import datetime

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Coalesce

UNFINISHED = models.Q(("status__in", ["new", "open", "pending", "on_hold"]))
NEVER = datetime.datetime(9999, 12, 31, 0, 0, tzinfo=datetime.timezone.utc)
TRIAGE = (
    Coalesce(models.F("priority"), models.Value(2)),
    Coalesce(models.F("waiting_since"), models.Value(NEVER)),
    "id",
)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("tickets", "0002_event_notify_after")]

    operations = [
        AddIndexConcurrently(
            model_name="ticket",
            index=models.Index(*TRIAGE, condition=UNFINISHED, name="ticket_unfinished_triage"),
        ),
        AddIndexConcurrently(
            model_name="ticket",
            index=models.Index(
                fields=["created_at", "id"], condition=UNFINISHED, name="ticket_unfinished_by_creation"
            ),
        ),
        AddIndexConcurrently(
            model_name="ticket",
            index=models.Index(
                fields=["updated_at", "id"], condition=UNFINISHED, name="ticket_unfinished_by_update"
            ),
        ),
        AddIndexConcurrently(model_name="ticket", index=models.Index(*TRIAGE, name="ticket_by_triage")),
        AddIndexConcurrently(
            model_name="ticket", index=models.Index(fields=["created_at", "id"], name="ticket_by_creation")
        ),
        RemoveIndexConcurrently(model_name="ticket", name="ticket_triage"),
    ]
