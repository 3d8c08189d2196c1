"""Addresses of this app: who is on call, the pages, and the engine's health."""

from django.urls import path

from escalations.views import canary, health, on_call, pages

urlpatterns = [
    path("healthz/paging", health.healthz_paging, name="healthz_paging"),
    # Who is on call.
    path("desk/on-call/", on_call.on_call, name="on_call"),
    # Whether paging works, and how well; where the canary comes back to.
    path("desk/on-call/health/", health.paging_health, name="paging_health"),
    path("desk/on-call/numbers/", health.paging_numbers, name="paging_numbers"),
    path("hooks/paging/canary/", canary.paging_canary_hook, name="paging_canary_hook"),
    # One page.
    path("desk/pages/<int:pk>/", pages.page_detail, name="page_detail"),
    path("desk/pages/<int:pk>/acknowledge/", pages.page_acknowledge, name="page_acknowledge"),
    path("desk/pages/<int:pk>/escalate/", pages.page_escalate, name="page_escalate"),
]
