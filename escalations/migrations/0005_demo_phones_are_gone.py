"""The demo's phones were a kind of their own; text messages and calls land where they did."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("escalations", "0004_paging_complete")]

    operations = [
        migrations.RunSQL(
            "UPDATE escalations_contactmethod SET kind = 'sms', verified_at = NULL, disabled_at = now(),"
            " disabled_why = 'demo phones are gone: add a number' WHERE kind = 'demo_phone'",
            migrations.RunSQL.noop,
        )
    ]
