"""Addresses of this app: who is on call, the pages, and the engine's health."""

from django.urls import path

from escalations import views

urlpatterns = [
    path("healthz/paging", views.healthz_paging, name="healthz_paging"),
    path("desk/on-call/", views.on_call, name="on_call"),
    path("desk/pages/<int:pk>/", views.page_detail, name="page_detail"),
    path("desk/pages/<int:pk>/acknowledge/", views.page_acknowledge, name="page_acknowledge"),
    path("desk/pages/<int:pk>/hand-over/", views.page_hand_over, name="page_hand_over"),
]
