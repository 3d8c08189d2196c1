"""Addresses of this app: who is on call, the pages, and the engine's health."""

from django.urls import include, path

from escalations.views import (
    by_hand,
    calendar,
    canary,
    contacts,
    devices,
    feeds,
    health,
    hooks,
    installable,
    mattermost,
    mine,
    on_call,
    outside,
    page_forms,
    page_list,
    pages,
    schedules,
    shifts,
)

urlpatterns = [
    path("", include("escalations.engineering.urls")),
    path("healthz/paging", health.healthz_paging, name="healthz_paging"),
    # Who is on call.
    path("desk/on-call/", on_call.on_call, name="on_call"),
    # Schedules, for leads and admins.
    path("desk/on-call/schedules/", schedules.schedule_list, name="schedule_list"),
    path("desk/on-call/schedules/new/", schedules.schedule_new, name="schedule_new"),
    path("desk/on-call/schedules/<int:pk>/", schedules.schedule_edit, name="schedule_edit"),
    path("desk/on-call/schedules/<int:pk>/delete/", schedules.schedule_delete, name="schedule_delete"),
    # Whether paging works, and how well; where the canary comes back to.
    path("desk/on-call/health/", health.paging_health, name="paging_health"),
    path("desk/on-call/numbers/", health.paging_numbers, name="paging_numbers"),
    path("hooks/paging/canary/", canary.paging_canary_hook, name="paging_canary_hook"),
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
    # Who is on call when: the calendar, one's own hours, overrides, swaps, leave, calendar feeds.
    path("desk/on-call/calendar/", calendar.on_call_calendar, name="on_call_calendar"),
    path("desk/on-call/mine/", mine.my_shifts, name="my_shifts"),
    path("desk/on-call/overrides/new/", shifts.override_new, name="override_new"),
    path("desk/on-call/overrides/<int:pk>/cancel/", shifts.override_cancel, name="override_cancel"),
    path("desk/on-call/shifts/<int:pk>/take/", shifts.shift_take, name="shift_take"),
    path("desk/on-call/swaps/new/", mine.swap_new, name="swap_new"),
    path("desk/on-call/swaps/<int:pk>/answer/", mine.swap_answer, name="swap_answer"),
    path("desk/on-call/leave/", mine.leave_new, name="leave_new"),
    path("desk/on-call/leave/<int:pk>/end/", mine.leave_end, name="leave_end"),
    path("desk/on-call/feeds/", mine.feed_new, name="feed_new"),
    path("desk/on-call/feeds/<int:pk>/revoke/", mine.feed_revoke, name="feed_revoke"),
    path("feeds/on-call/<str:token>.ics", feeds.calendar_feed, name="calendar_feed"),
    # Pages: all of them, one of them, what is done to it.
    path("desk/pages/", page_list.page_list, name="page_list"),
    path("desk/pages/acknowledge/", page_list.page_acknowledge_all, name="page_acknowledge_all"),
    path("desk/pages/<int:pk>/", pages.page_detail, name="page_detail"),
    path("desk/pages/<int:pk>/acknowledge/", pages.page_acknowledge, name="page_acknowledge"),
    path("desk/pages/<int:pk>/escalate/", pages.page_escalate, name="page_escalate"),
    path("desk/pages/<int:pk>/hand-over/", page_forms.page_hand_over, name="page_hand_over"),
    path("desk/pages/<int:pk>/snooze/", page_forms.page_snooze, name="page_snooze"),
    path("desk/pages/<int:pk>/finish/", pages.page_finish, name="page_finish"),
    path("desk/tickets/<int:number>/page/", by_hand.ticket_page, name="ticket_page"),
    # Phones that answer without a log-in.
    path("desk/on-call/devices/", devices.my_devices, name="my_devices"),
    path("desk/on-call/devices/<int:pk>/revoke/", devices.device_revoke, name="device_revoke"),
]
