"""Addresses of this app: who is on call, the pages, and the engine's health."""

from django.urls import path

from escalations.views import contacts, health, hooks, installable, mattermost, on_call, outside, pages, schedules

urlpatterns = [
    path("healthz/paging", health.healthz_paging, name="healthz_paging"),
    # Who is on call.
    path("desk/on-call/", on_call.on_call, name="on_call"),
    # Schedules, for leads and admins.
    path("desk/on-call/schedules/", schedules.schedule_list, name="schedule_list"),
    path("desk/on-call/schedules/new/", schedules.schedule_new, name="schedule_new"),
    path("desk/on-call/schedules/<int:pk>/", schedules.schedule_edit, name="schedule_edit"),
    path("desk/on-call/schedules/<int:pk>/delete/", schedules.schedule_delete, name="schedule_delete"),
    # One page.
    path("desk/pages/<int:pk>/", pages.page_detail, name="page_detail"),
    path("desk/pages/<int:pk>/acknowledge/", pages.page_acknowledge, name="page_acknowledge"),
    path("desk/pages/<int:pk>/escalate/", pages.page_escalate, name="page_escalate"),
    # Signed webhooks of services outside.
    path("hooks/pagerduty/<int:pk>/", outside.pagerduty_hook, name="pagerduty_hook"),
    path("hooks/outside/<int:pk>/", outside.outside_hook, name="outside_hook"),
    # Buttons in Mattermost.
    path("hooks/mattermost/", mattermost.mattermost_hook, name="mattermost_hook"),
    # What Twilio calls.
    path("hooks/twilio/sms/", hooks.twilio_sms, name="twilio_sms"),
    path("hooks/twilio/voice/<uuid:message>/", hooks.twilio_voice, name="twilio_voice"),
    path("hooks/twilio/status/<uuid:message>/", hooks.twilio_status, name="twilio_status"),
    # My contacts and rules; what shows pages on a phone.
    path("desk/on-call/contacts/", contacts.own_contacts, name="my_contacts"),
    path("desk/on-call/contacts/rules/", contacts.contact_rules, name="contact_rules"),
    path("desk/on-call/contacts/rules/defaults/", contacts.contact_defaults, name="contact_defaults"),
    path("desk/on-call/contacts/push/", contacts.contact_push, name="contact_push"),
    path("desk/on-call/contacts/<int:person>/", contacts.contacts_of, name="contacts_of"),
    path("desk/on-call/contacts/<int:contact>/code/", contacts.contact_code, name="contact_code"),
    path("desk/on-call/contacts/<int:contact>/verify/", contacts.contact_verify, name="contact_verify"),
    path("desk/on-call/contacts/<int:contact>/remove/", contacts.contact_remove, name="contact_remove"),
    path("desk/on-call/contacts/<int:contact>/test/", contacts.contact_test, name="contact_test"),
    path("manifest.webmanifest", installable.manifest, name="manifest"),
    path("sw.js", installable.worker, name="service_worker"),
]
