"""Tickets whose priority nobody has set page after a while: their index, built without locking the table."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("tickets", "0006_queue_by_deadline")]

    operations = [
        AddIndexConcurrently(
            model_name="ticket",
            index=models.Index(
                fields=["created_at"],
                condition=models.Q(
                    ("priority", None), ("status__in", ["new", "open"]), models.Q(("waiting_since", None), _negated=True)
                ),
                name="ticket_unset_may_page",
            ),
        ),
    ]
