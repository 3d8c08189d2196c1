"""Addresses of the engineering escalation: the board, one record and what is done to it."""

from django.urls import path

from escalations.engineering.views import board, feed, people, record, talk

_ONE = "desk/escalations/<str:ref>/"

urlpatterns = [
    path("desk/escalations/", board.escalation_board, name="escalation_board"),
    path("desk/escalations/feed/", feed.escalation_feed, name="escalation_feed"),
    path(f"{_ONE}discussion/", talk.escalation_discussion, name="escalation_discussion"),
    path(f"{_ONE}follow/", people.escalation_follow, name="escalation_follow"),
    path(f"{_ONE}invite/", people.escalation_invite, name="escalation_invite"),
    path(f"{_ONE}dismiss/", people.escalation_dismiss, name="escalation_dismiss"),
    path(_ONE, record.escalation_detail, name="escalation_detail"),
]
