"""The Celery application: what beat wakes, and how often.

Every task here is a sweep that finds its work in PostgreSQL, so running it twice or late does no harm.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportdesk.settings")

app = Celery("supportdesk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    # The paging engine's full pass: pages for tickets that qualify, steps that are due, deliveries to make.
    "paging": {"task": "escalations.paging_pass", "schedule": 5.0, "options": {"expires": 5.0}},
    # A synthetic page through the whole chain, where one is due (PAGING_CANARY_MINUTES); old ones go.
    "canary": {"task": "escalations.paging_canary", "schedule": 30.0, "options": {"expires": 30.0}},
    "paging_tidy": {"task": "escalations.paging_tidy", "schedule": 3600.0, "options": {"expires": 3600.0}},
    # Reminders of shifts; and the shifts themselves, 180 days ahead. Not on the pager's own queue.
    "shift_reminders": {
        "task": "escalations.shift_reminders",
        "schedule": 60.0,
        "options": {"expires": 60.0, "queue": "default"},
    },
    "shifts": {
        "task": "escalations.materialise_shifts",
        "schedule": 3600.0,
        "options": {"expires": 3600.0, "queue": "default"},
    },
    # What engineering has to say, into the tickets of its escalations.
    "tell_customers": {"task": "engineering.tell_customers", "schedule": 10.0, "options": {"expires": 10.0}},
    # Who follows an escalation is told: mails, and posts to chat channels.
    "engineering_notify": {"task": "engineering.notify", "schedule": 10.0, "options": {"expires": 10.0}},
    "engineering_post": {"task": "engineering.post", "schedule": 10.0, "options": {"expires": 10.0}},
    # What customers of escalations wrote, and engineering's own deadlines; and the leads' queues, in their morning.
    "engineering_watch": {"task": "engineering.watch", "schedule": 30.0, "options": {"expires": 30.0}},
    "engineering_digest": {"task": "engineering.mail_digest", "schedule": 60.0, "options": {"expires": 60.0}},
    # Deliveries of code hosts from a month ago.
    "engineering_tidy": {"task": "engineering.tidy", "schedule": 3600.0, "options": {"expires": 3600.0}},
    # Mails for events that a lost wake-up left behind.
    "notify": {"task": "tickets.notify", "schedule": 10.0, "options": {"expires": 10.0}},
    # Mails that are due: new ones a wake-up missed, and retries.
    "mail": {"task": "tickets.deliver_mail", "schedule": 10.0, "options": {"expires": 10.0}},
    # Mail that came in: what a wake-up missed, and what is to be tried again.
    "mail_in": {"task": "tickets.read_mail", "schedule": 10.0, "options": {"expires": 10.0}},
    # Digests whose readers' morning has come.
    "digests": {"task": "tickets.mail_digests", "schedule": 60.0, "options": {"expires": 60.0}},
    # Mails about accounts: links to confirm, reset and accept, and retries.
    "account_mail": {"task": "accounts.deliver_mail", "schedule": 10.0, "options": {"expires": 10.0}},
    # Promises to warn of or whose breach is to be noted; and clocks to put on edited terms.
    "promises": {"task": "tickets.watch_promises", "schedule": 15.0, "options": {"expires": 15.0}},
    "retarget": {"task": "tickets.retarget", "schedule": 15.0, "options": {"expires": 15.0}},
    # Solved tickets to close, Pending ones to remind of or solve.
    "workflow": {"task": "tickets.sweep", "schedule": 30.0, "options": {"expires": 30.0}},
    # Requesters of Closed tickets to be asked how it went.
    "surveys": {"task": "tickets.send_surveys", "schedule": 60.0, "options": {"expires": 60.0}},
    # Uploads that no message took within a day.
    "uploads": {"task": "tickets.discard_stale_uploads", "schedule": 3600.0, "options": {"expires": 3600.0}},
    # Sessions that ran out, and account mails of which nothing is left but that they were sent.
    "accounts": {"task": "accounts.tidy", "schedule": 3600.0, "options": {"expires": 3600.0}},
}
