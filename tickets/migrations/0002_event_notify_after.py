from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tickets", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="ticketevent",
            name="notify_after",
            field=models.DateTimeField(null=True, help_text="Not before, because writing its mails failed."),
        ),
    ]
