"""Finding a mail by what its provider calls it and by its address; built without locking the table."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("tickets", "0008_mail_in")]

    operations = [
        AddIndexConcurrently(
            model_name="outgoingmail",
            index=models.Index(fields=["provider_id"], condition=~models.Q(provider_id=""), name="mail_by_provider_id"),
        ),
        AddIndexConcurrently(
            model_name="outgoingmail", index=models.Index(fields=["to_email", "-id"], name="mail_to_address")
        ),
    ]
