"""Addresses of this app: who is on call, the pages, and the engine's health."""

from django.urls import path

from escalations.views import calendar, feeds, health, mine, on_call, pages, shifts

urlpatterns = [
    path("healthz/paging", health.healthz_paging, name="healthz_paging"),
    # Who is on call.
    path("desk/on-call/", on_call.on_call, name="on_call"),
    # One page.
    path("desk/pages/<int:pk>/", pages.page_detail, name="page_detail"),
    path("desk/pages/<int:pk>/acknowledge/", pages.page_acknowledge, name="page_acknowledge"),
    path("desk/pages/<int:pk>/escalate/", pages.page_escalate, name="page_escalate"),
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
]
