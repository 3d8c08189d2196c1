"""A desk that pages already gets a policy for broken promises: its leads, for what breaks from now on."""

from django.db import migrations
from django.utils import timezone


def make_policy(apps, schema_editor):
    policies = apps.get_model("escalations", "EscalationPolicy")
    if not policies.objects.exists() or policies.objects.filter(is_for_breaches=True).exists():
        return
    policy = policies.objects.create(name="SLA breach", active_from=timezone.now(), is_for_breaches=True)
    people = apps.get_model("accounts", "User").objects.filter(is_active=True)
    leads, admins = people.filter(role="lead"), people.filter(role="admin")
    policy.catch_all.set(admins)
    step = apps.get_model("escalations", "PolicyStep").objects.create(
        policy=policy, position=1, delay_minutes=0, everybody=not (leads.exists() or admins.exists())
    )
    step.people.set(leads if leads.exists() else admins)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_mail_and_sessions"), ("escalations", "0002_sla_breach_pages")]

    operations = [migrations.RunPython(make_policy, migrations.RunPython.noop)]
