"""Addresses of this app: who is on call, the pages, and the engine's health."""

from django.urls import path

from escalations.views import by_hand, devices, health, on_call, page_forms, page_list, pages

urlpatterns = [
    path("healthz/paging", health.healthz_paging, name="healthz_paging"),
    # Who is on call.
    path("desk/on-call/", on_call.on_call, name="on_call"),
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
