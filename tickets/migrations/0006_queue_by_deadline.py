"""Indexes of the queue's order by deadline; built without locking the table."""

import datetime

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Coalesce

UNFINISHED = models.Q(("status__in", ["new", "open", "pending", "on_hold"]))
NEVER = datetime.datetime(9999, 12, 31, 0, 0, tzinfo=datetime.timezone.utc)
DUE = (Coalesce(models.F("next_due_at"), models.Value(NEVER)), "id")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("tickets", "0005_promises_become_policies")]

    operations = [
        AddIndexConcurrently(
            model_name="ticket",
            index=models.Index(*DUE, condition=UNFINISHED, name="ticket_unfinished_by_due"),
        ),
        AddIndexConcurrently(model_name="ticket", index=models.Index(*DUE, name="ticket_by_due")),
    ]
