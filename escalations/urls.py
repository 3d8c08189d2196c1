"""Addresses of this app: who is on call, the pages, and the engine's health."""

from django.urls import path

from escalations.views import health, on_call, pages, schedules

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
]
