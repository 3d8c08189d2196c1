"""What plans promised becomes the first version of a policy of each plan, on ordinary business hours."""

from datetime import time

import django.db.models.deletion
from django.db import migrations, models
from django.utils import timezone

WORKDAY = [[9 * 3600, 17 * 3600]]
CONTENT = {
    "zone": "",
    "week": [WORKDAY] * 5 + [[], []],
    "holidays": "customer",
    "country": "",
    "subdivision": "",
    "dates": {},
}


def make_policies(apps, schema_editor):
    targets = apps.get_model("tickets", "PromiseTarget").objects.filter(version=None)
    if not targets.exists():
        return
    now = timezone.now()
    calendar = _calendar(apps, now)
    for plan in apps.get_model("accounts", "SupportPlan").objects.all():
        policy, _ = apps.get_model("tickets", "SlaPolicy").objects.get_or_create(plan=plan)
        version = apps.get_model("tickets", "PolicyVersion").objects.create(
            policy=policy, number=1, calendar=calendar, warn_percent=[75], made_at=now
        )
        targets.filter(plan=plan).update(version=version)
        policy.current = version
        policy.save(update_fields=["current"])
    # The table is altered in this transaction, which PostgreSQL refuses while checks of its keys are outstanding.
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _calendar(apps, now):
    calendar, is_new = apps.get_model("tickets", "BusinessCalendar").objects.get_or_create(name="Business hours")
    if is_new:
        span = apps.get_model("tickets", "CalendarSpan")
        span.objects.bulk_create(
            span(calendar=calendar, weekday=day, starts=time(9), ends=time(17)) for day in range(5)
        )
        calendar.current = apps.get_model("tickets", "CalendarVersion").objects.create(
            calendar=calendar, number=1, content=CONTENT, made_at=now
        )
        calendar.save(update_fields=["current"])
    return calendar


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_mail_and_sessions"), ("tickets", "0004_sla_clocks")]

    operations = [
        migrations.RunPython(make_policies, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="promisetarget", name="promise_once_per_plan_and_priority"),
        migrations.AlterModelOptions(name="promisetarget", options={"ordering": ("version", "promise", "priority")}),
        migrations.RemoveField(model_name="promisetarget", name="plan"),
        migrations.AlterField(
            model_name="promisetarget",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="targets", to="tickets.policyversion"
            ),
        ),
        migrations.AddConstraint(
            model_name="promisetarget",
            constraint=models.UniqueConstraint(
                fields=("version", "priority", "promise"), name="promise_once_per_version"
            ),
        ),
    ]
