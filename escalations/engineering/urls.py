"""Addresses of the engineering escalation: the board, one record and what is done to it, tickets, known issues."""

from django.urls import path

from escalations.engineering.views import (
    around,
    board,
    edit,
    escalate,
    feed,
    hooks,
    known_issue,
    known_issues,
    move,
    numbers,
    people,
    queues,
    record,
    talk,
    tickets,
    update,
)

_ONE = "desk/escalations/<str:ref>/"
_TICKET = "desk/tickets/<int:number>/"
_KNOWN = "requests/known-issues/"

urlpatterns = [
    path("desk/escalations/", board.escalation_board, name="escalation_board"),
    # Before a record's own address, which would take their names for references.
    path("desk/escalations/all/", board.escalation_list, name="escalation_list"),
    path("desk/escalations/feed/", feed.escalation_feed, name="escalation_feed"),
    path("desk/escalations/queues/", queues.escalation_queues, name="escalation_queues"),
    path("desk/escalations/queues/<slug:slug>/", queues.escalation_queue, name="escalation_queue"),
    path("desk/escalations/numbers/", numbers.escalation_numbers, name="escalation_numbers"),
    # One record.
    path(_ONE, record.escalation_detail, name="escalation_detail"),
    path(f"{_ONE}edit/", edit.escalation_edit, name="escalation_edit"),
    path(f"{_ONE}move/<str:move>/", move.escalation_move, name="escalation_move"),
    path(f"{_ONE}update/", update.escalation_update, name="escalation_update"),
    path(f"{_ONE}notices/<int:notice>/", update.escalation_notice, name="escalation_notice"),
    path(f"{_ONE}tickets/<int:ticket>/", tickets.escalation_ticket, name="escalation_ticket"),
    path(f"{_ONE}discussion/", talk.escalation_discussion, name="escalation_discussion"),
    path(f"{_ONE}follow/", people.escalation_follow, name="escalation_follow"),
    path(f"{_ONE}invite/", people.escalation_invite, name="escalation_invite"),
    path(f"{_ONE}dismiss/", people.escalation_dismiss, name="escalation_dismiss"),
    path(f"{_ONE}known-issue/", known_issue.escalation_known_issue, name="escalation_known_issue"),
    path(
        f"{_ONE}known-issue/withdraw/",
        known_issue.escalation_known_issue_withdraw,
        name="escalation_known_issue_withdraw",
    ),
    # A ticket that is escalated, or was.
    path(f"{_TICKET}escalate/", escalate.ticket_escalate, name="ticket_escalate"),
    path(f"{_TICKET}escalation/finish/", escalate.ticket_escalation_finish, name="ticket_escalation_finish"),
    path(f"{_TICKET}escalation/leave/", escalate.ticket_escalation_leave, name="ticket_escalation_leave"),
    # What customers read of it.
    path(_KNOWN, known_issues.known_issue_list, name="known_issue_list"),
    path(f"{_KNOWN}offered/", known_issues.known_issue_offers, name="known_issue_offers"),
    path(f"{_KNOWN}<int:pk>/", known_issues.known_issue, name="known_issue"),
    path(f"{_KNOWN}<int:pk>/affects-me/", known_issues.known_issue_report, name="known_issue_report"),
    # Pull requests, issues elsewhere, duplicates; and what code hosts call.
    path(f"{_ONE}pull-requests/", around.escalation_pull_request_link, name="escalation_pull_request_link"),
    path(
        f"{_ONE}pull-requests/<int:pull>/unlink/",
        around.escalation_pull_request_unlink,
        name="escalation_pull_request_unlink",
    ),
    path(f"{_ONE}issues/", around.escalation_issue_link, name="escalation_issue_link"),
    path(f"{_ONE}issues/<int:issue>/unlink/", around.escalation_issue_unlink, name="escalation_issue_unlink"),
    path(f"{_ONE}merge/", around.escalation_merge, name="escalation_merge"),
    path(f"{_ONE}merges/<int:merge>/undo/", around.escalation_unmerge, name="escalation_unmerge"),
    path("hooks/code/<int:pk>/", hooks.code_host_hook, name="code_host_hook"),
]
