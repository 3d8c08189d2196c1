"""Calendars, policies with versions, terms and clocks of the promises; and what is at work on them."""

import datetime
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_mail_and_sessions'),
        ('tickets', '0003_queue_orders'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='BusinessCalendar',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=64, unique=True)),
                ('time_zone', models.CharField(blank=True, help_text="Empty: the customer's own.", max_length=64)),
                ('holidays', models.CharField(choices=[('customer', "the customer's country"), ('fixed', 'the country below'), ('none', 'none')], default='customer', help_text='Are closed.', max_length=10, verbose_name='public holidays of')),
                ('country', models.CharField(blank=True, help_text='ISO 3166-1 code, with holidays of a fixed country.', max_length=2)),
                ('subdivision', models.CharField(blank=True, help_text='ISO 3166-2 code without the country.', max_length=6)),
            ],
            options={
                'ordering': ('name',),
            },
        ),
        migrations.CreateModel(
            name='CalendarDate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('date', models.DateField()),
                ('starts', models.TimeField(blank=True, help_text='Empty: closed all day.', null=True)),
                ('ends', models.TimeField(blank=True, null=True)),
                ('note', models.CharField(blank=True, help_text='For whoever reads this calendar here.', max_length=80)),
            ],
            options={
                'ordering': ('date', 'starts'),
            },
        ),
        migrations.CreateModel(
            name='CalendarSpan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('weekday', models.PositiveSmallIntegerField(choices=[(0, 'Monday'), (1, 'Tuesday'), (2, 'Wednesday'), (3, 'Thursday'), (4, 'Friday'), (5, 'Saturday'), (6, 'Sunday')])),
                ('starts', models.TimeField(help_text='Local time.')),
                ('ends', models.TimeField(help_text="Local time; at or before the start it is the next day's: 00:00 is midnight.")),
            ],
            options={
                'ordering': ('weekday', 'starts'),
            },
        ),
        migrations.CreateModel(
            name='CalendarVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('content', models.JSONField(help_text='As `sla.terms.Calendar` reads it.')),
                ('made_at', models.DateTimeField()),
            ],
            options={
                'ordering': ('calendar', '-number'),
            },
        ),
        migrations.CreateModel(
            name='PolicyDraft',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('made_at', models.DateTimeField()),
                ('content', models.JSONField()),
                ('backtest', models.JSONField(default=dict, help_text='Kept and broken, before and after, by policy.')),
                ('backtest_total', models.PositiveIntegerField(null=True)),
                ('backtest_done', models.PositiveIntegerField(default=0)),
                ('backtest_position', models.BigIntegerField(default=0, help_text='The last ticket looked at.')),
                ('backtested_at', models.DateTimeField(null=True)),
                ('applied_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='PolicyVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('warn_percent', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), blank=True, default=list, size=None)),
                ('warn_before', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveIntegerField(), blank=True, default=list, size=None)),
                ('made_at', models.DateTimeField()),
                ('note', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'ordering': ('policy', '-number'),
            },
        ),
        migrations.CreateModel(
            name='Retargeting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('scope', models.CharField(choices=[('policy', 'policy'), ('calendar', 'calendar'), ('organization', 'organisation'), ('person', 'person'), ('plan', 'plan')], max_length=12)),
                ('subject', models.BigIntegerField()),
                ('tickets', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, help_text='Only these; None: all.', null=True, size=None)),
                ('made_at', models.DateTimeField()),
                ('total', models.PositiveIntegerField(default=0, help_text='Tickets to look at.')),
                ('done', models.PositiveIntegerField(default=0)),
                ('moved', models.PositiveIntegerField(default=0, help_text='Clocks whose terms changed.')),
                ('broken', models.PositiveIntegerField(default=0, help_text='Clocks that broke by it.')),
                ('position', models.BigIntegerField(default=0, help_text='The last ticket looked at.')),
                ('finished_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='ServiceTerms',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('time_zone', models.CharField(max_length=64)),
                ('country', models.CharField(blank=True, max_length=2)),
                ('subdivision', models.CharField(blank=True, max_length=6)),
                ('covers_weekends', models.BooleanField()),
            ],
            options={
                'verbose_name_plural': 'service terms',
            },
        ),
        migrations.CreateModel(
            name='SlaClock',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('promise', models.CharField(choices=[('first_reply', 'First reply'), ('next_reply', 'Next reply'), ('regular_update', 'Regular update'), ('resolution', 'Resolution')], max_length=16)),
                ('priority', models.PositiveSmallIntegerField(choices=[(1, 'Urgent'), (2, 'High'), (3, 'Normal'), (4, 'Low')])),
                ('started_at', models.DateTimeField()),
                ('running_since', models.DateTimeField(null=True)),
                ('used', models.DurationField(default=datetime.timedelta)),
                ('due_at', models.DateTimeField(null=True)),
                ('next_action_at', models.DateTimeField(null=True)),
                ('warned_at', models.DateTimeField(null=True)),
                ('warned', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None)),
                ('breached_at', models.DateTimeField(null=True)),
                ('met_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(help_text='When it was met, or ended without that.', null=True)),
                ('spans', models.JSONField(default=list, help_text='Each stretch: from, to, whether it ran, why, the time used.')),
            ],
            options={
                'verbose_name': 'SLA clock',
                'ordering': ('ticket', 'id'),
            },
        ),
        migrations.CreateModel(
            name='SlaNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField()),
                ('settled_at', models.DateTimeField(help_text='When it was mailed, or dropped because nothing was left to tell.', null=True)),
            ],
        ),
        migrations.CreateModel(
            name='SlaNoticeChoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('own', models.CharField(choices=[('all', 'Warnings and breaches'), ('breaches', 'Breaches only'), ('none', 'Nothing')], default='all', max_length=10, verbose_name='tickets assigned to me')),
                ('team', models.CharField(choices=[('all', 'Warnings and breaches'), ('breaches', 'Breaches only'), ('none', 'Nothing')], default='all', max_length=10, verbose_name="unassigned tickets on my shift")),
                ('led', models.CharField(choices=[('all', 'Warnings and breaches'), ('breaches', 'Breaches only'), ('none', 'Nothing')], default='all', max_length=10, verbose_name='tickets of the teams I lead')),
            ],
        ),
        migrations.CreateModel(
            name='SlaPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ],
            options={
                'verbose_name': 'SLA policy',
                'verbose_name_plural': 'SLA policies',
            },
        ),
        migrations.AddField(
            model_name='ticket',
            name='next_due_at',
            field=models.DateTimeField(blank=True, help_text='The earliest deadline of its running clocks, which write it.', null=True),
        ),
        migrations.AlterField(
            model_name='promisetarget',
            name='minutes',
            field=models.PositiveIntegerField(help_text='A business day is 480.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(527040)]),
        ),
        migrations.AlterField(
            model_name='promisetarget',
            name='promise',
            field=models.CharField(choices=[('first_reply', 'First reply'), ('next_reply', 'Next reply'), ('regular_update', 'Regular update'), ('resolution', 'Resolution')], max_length=16),
        ),
        migrations.AlterField(
            model_name='ticketevent',
            name='kind',
            field=models.CharField(choices=[('created', 'opened the request'), ('assigned', 'assigned'), ('unassigned', 'unassigned'), ('answered', 'replied'), ('noted', 'added a note'), ('customer_replied', 'replied'), ('status_changed', 'changed the status'), ('solved', 'solved'), ('customer_solved', 'marked as solved'), ('reopened', 'reopened'), ('held', 'put on hold'), ('unheld', 'took off hold'), ('priority_changed', 'changed the priority'), ('field_changed', 'changed'), ('do_not_close_changed', 'changed do not close'), ('cc_added', 'added a CC'), ('cc_removed', 'removed a CC'), ('followed_up', 'opened a follow-up'), ('reminded', 'reminded the customer'), ('gave_up_waiting', 'solved for want of an answer'), ('closed', 'closed'), ('retargeted', 'moved its promises to other terms'), ('sla_warned', 'warned of a promise'), ('sla_breached', 'broke a promise')], max_length=24),
        ),
        migrations.AddField(
            model_name='calendardate',
            name='calendar',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='dates', to='tickets.businesscalendar'),
        ),
        migrations.AddField(
            model_name='calendarspan',
            name='calendar',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='spans', to='tickets.businesscalendar'),
        ),
        migrations.AddField(
            model_name='calendarversion',
            name='calendar',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='tickets.businesscalendar'),
        ),
        migrations.AddField(
            model_name='calendarversion',
            name='made_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='businesscalendar',
            name='current',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='tickets.calendarversion'),
        ),
        migrations.AddField(
            model_name='policydraft',
            name='made_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='policyversion',
            name='calendar',
            field=models.ForeignKey(help_text='Its business hours.', on_delete=django.db.models.deletion.PROTECT, related_name='policy_versions', to='tickets.businesscalendar'),
        ),
        migrations.AddField(
            model_name='policyversion',
            name='made_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='promisetarget',
            name='version',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='targets', to='tickets.policyversion'),
        ),
        migrations.AddField(
            model_name='retargeting',
            name='draft',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='retargetings', to='tickets.policydraft'),
        ),
        migrations.AddField(
            model_name='retargeting',
            name='made_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='serviceterms',
            name='calendar_version',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='terms', to='tickets.calendarversion'),
        ),
        migrations.AddField(
            model_name='serviceterms',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.supportplan'),
        ),
        migrations.AddField(
            model_name='serviceterms',
            name='policy_version',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='terms', to='tickets.policyversion'),
        ),
        migrations.AddField(
            model_name='slaclock',
            name='terms',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='clocks', to='tickets.serviceterms'),
        ),
        migrations.AddField(
            model_name='slaclock',
            name='ticket',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='clocks', to='tickets.ticket'),
        ),
        migrations.AddField(
            model_name='slanotice',
            name='event',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sla_notices', to='tickets.ticketevent'),
        ),
        migrations.AddField(
            model_name='slanotice',
            name='mail',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sla_notices', to='tickets.outgoingmail'),
        ),
        migrations.AddField(
            model_name='slanotice',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sla_notices', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='slanoticechoice',
            name='user',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='sla_notice_choice', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='slapolicy',
            name='current',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='tickets.policyversion'),
        ),
        migrations.AddField(
            model_name='slapolicy',
            name='organization',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sla_policy', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='slapolicy',
            name='plan',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sla_policy', to='accounts.supportplan'),
        ),
        migrations.AddField(
            model_name='policyversion',
            name='policy',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='tickets.slapolicy'),
        ),
        migrations.AddConstraint(
            model_name='calendardate',
            constraint=models.UniqueConstraint(fields=('calendar', 'date', 'starts'), name='date_once_per_calendar', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='calendardate',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ends', None), ('starts', None)), models.Q(('ends__isnull', False), ('starts__isnull', False)), _connector='OR'), name='date_has_both_times_or_none'),
        ),
        migrations.AddConstraint(
            model_name='calendarspan',
            constraint=models.UniqueConstraint(fields=('calendar', 'weekday', 'starts'), name='span_once_per_calendar'),
        ),
        migrations.AddConstraint(
            model_name='calendarspan',
            constraint=models.CheckConstraint(condition=models.Q(('weekday__lte', 6)), name='span_on_a_weekday'),
        ),
        migrations.AddConstraint(
            model_name='calendarversion',
            constraint=models.UniqueConstraint(fields=('calendar', 'number'), name='calendar_version_once'),
        ),
        migrations.AddIndex(
            model_name='policydraft',
            index=models.Index(condition=models.Q(('backtested_at', None)), fields=['id'], name='draft_to_backtest'),
        ),
        migrations.AddIndex(
            model_name='retargeting',
            index=models.Index(condition=models.Q(('finished_at', None)), fields=['id'], name='retargeting_to_do'),
        ),
        migrations.AddConstraint(
            model_name='serviceterms',
            constraint=models.UniqueConstraint(fields=('plan', 'policy_version', 'calendar_version', 'time_zone', 'country', 'subdivision', 'covers_weekends'), name='terms_once'),
        ),
        migrations.AddIndex(
            model_name='slaclock',
            index=models.Index(condition=models.Q(('next_action_at', None), _negated=True), fields=['next_action_at'], name='clock_to_act_on'),
        ),
        migrations.AddIndex(
            model_name='slaclock',
            index=models.Index(condition=models.Q(('ended_at', None)), fields=['terms', 'id'], name='clock_open_by_terms'),
        ),
        migrations.AddIndex(
            model_name='slaclock',
            index=models.Index(condition=models.Q(('ended_at', None), models.Q(('breached_at', None), _negated=True)), fields=['priority', 'id'], name='clock_open_and_broken'),
        ),
        migrations.AddIndex(
            model_name='slaclock',
            index=models.Index(fields=['promise', 'ended_at'], name='clock_by_promise_and_end'),
        ),
        migrations.AddConstraint(
            model_name='slaclock',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('ticket', 'promise'), name='clock_one_open'),
        ),
        migrations.AddConstraint(
            model_name='slaclock',
            constraint=models.UniqueConstraint(condition=models.Q(('promise__in', ['first_reply', 'resolution'])), fields=('ticket', 'promise'), name='clock_one_for_the_whole_ticket'),
        ),
        migrations.AddConstraint(
            model_name='slaclock',
            constraint=models.CheckConstraint(condition=models.Q(('met_at', None), ('ended_at__isnull', False), _connector='OR'), name='clock_met_is_ended'),
        ),
        migrations.AddConstraint(
            model_name='slaclock',
            constraint=models.CheckConstraint(condition=models.Q(('ended_at', None), models.Q(('due_at', None), ('next_action_at', None), ('running_since', None)), _connector='OR'), name='clock_stands_when_ended'),
        ),
        migrations.AddIndex(
            model_name='slanotice',
            index=models.Index(condition=models.Q(('settled_at', None)), fields=['user', 'id'], name='sla_notice_to_settle'),
        ),
        migrations.AddConstraint(
            model_name='slanotice',
            constraint=models.UniqueConstraint(fields=('event', 'user'), name='sla_notice_once'),
        ),
        migrations.AddConstraint(
            model_name='slapolicy',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('organization__isnull', False), ('plan', None)), models.Q(('organization', None), ('plan__isnull', False)), _connector='OR'), name='policy_of_plan_or_organization'),
        ),
        migrations.AddConstraint(
            model_name='policyversion',
            constraint=models.UniqueConstraint(fields=('policy', 'number'), name='policy_version_once'),
        ),
    ]
