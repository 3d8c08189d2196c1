from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("escalations", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="escalationpolicy",
            name="is_for_breaches",
            field=models.BooleanField(
                default=False,
                help_text="The policy that broken promises page by: the leads' one.",
                verbose_name="used for SLA breaches",
            ),
        ),
        migrations.AddConstraint(
            model_name="escalationpolicy",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_for_breaches", True)),
                fields=("is_for_breaches",),
                name="policy_one_for_breaches",
            ),
        ),
        migrations.AlterField(
            model_name="page",
            name="kind",
            field=models.CharField(
                choices=[("ticket", "ticket"), ("sla_breach", "SLA breach")], default="ticket", max_length=10
            ),
        ),
        migrations.RemoveConstraint(model_name="page", name="page_has_its_subject"),
        migrations.AddConstraint(
            model_name="page",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind__in", ["ticket", "sla_breach"]), _negated=True),
                    ("ticket__isnull", False),
                    _connector="OR",
                ),
                name="page_has_its_subject",
            ),
        ),
    ]
