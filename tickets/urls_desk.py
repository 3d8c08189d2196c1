"""Addresses of the staff dashboard."""

from django.urls import path

from tickets.views import agent

urlpatterns = [
    path("desk/", agent.show_queue, name="queue"),
    path("desk/assign/", agent.assign_many, name="queue_assign"),
    path("desk/notifications/", agent.my_notices, name="my_notices"),
    path("desk/tickets/new/", agent.open_ticket, name="desk_ticket_new"),
    path("desk/tickets/<int:number>/", agent.show_workspace, name="ticket_workspace"),
    path("desk/tickets/<int:number>/promises/", agent.ticket_promises, name="ticket_promises"),
    path("desk/tickets/<int:number>/reply/", agent.ticket_reply, name="ticket_reply"),
    path("desk/tickets/<int:number>/note/", agent.ticket_note, name="ticket_note"),
    path("desk/tickets/<int:number>/assign/", agent.ticket_assign, name="ticket_assign"),
    path("desk/tickets/<int:number>/take/", agent.ticket_take, name="ticket_take"),
    path("desk/tickets/<int:number>/status/", agent.ticket_status, name="ticket_status"),
    path("desk/tickets/<int:number>/fields/", agent.ticket_fields, name="ticket_fields"),
    path("desk/tickets/<int:number>/do-not-close/", agent.ticket_do_not_close, name="ticket_do_not_close"),
    path("desk/tickets/<int:number>/cc/", agent.ticket_cc_add, name="ticket_cc_add"),
    path("desk/tickets/<int:number>/cc/<int:participant>/remove/", agent.ticket_cc_remove, name="ticket_cc_remove"),
]
