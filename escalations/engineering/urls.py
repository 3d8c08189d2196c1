"""Addresses of the engineering escalation: the board, one record and what is done to it."""

from django.urls import path

from escalations.engineering.views import record

_ONE = "desk/escalations/<str:ref>/"

urlpatterns = [
    path(_ONE, record.escalation_detail, name="escalation_detail"),
]
