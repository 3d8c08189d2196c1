"""Addresses of the staff dashboard."""

from django.urls import path

from tickets.views import agent

urlpatterns = [
    path("desk/", agent.show_queue, name="queue"),
    path("desk/assign/", agent.assign_many, name="queue_assign"),
    path("desk/mail/", agent.mail_list, name="mail_list"),
    path("desk/mail/blocked/", agent.blocked_senders, name="blocked_senders"),
    path("desk/mail/blocked/<int:pk>/lift/", agent.sender_unblock, name="sender_unblock"),
    path("desk/mail/<int:pk>/", agent.mail_detail, name="mail_detail"),
    path("desk/mail/<int:pk>/original/", agent.mail_original, name="mail_original"),
    path("desk/mail/<int:pk>/recover/", agent.mail_recover, name="mail_recover"),
    path("desk/mail/<int:pk>/assign/", agent.mail_assign, name="mail_assign"),
    path("desk/mail/<int:pk>/dismiss/", agent.mail_dismiss, name="mail_dismiss"),
    path("desk/mail/<int:pk>/dismiss/undo/", agent.mail_undo_dismiss, name="mail_undo_dismiss"),
    path("desk/mail/<int:pk>/block/", agent.mail_block, name="mail_block"),
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
    path("desk/tickets/<int:number>/addresses/lift/", agent.ticket_address_lift, name="ticket_address_lift"),
    path("desk/tickets/<int:number>/mails/<int:mail>/retry/", agent.ticket_mail_retry, name="ticket_mail_retry"),
    path("desk/tickets/<int:number>/cc/", agent.ticket_cc_add, name="ticket_cc_add"),
    path("desk/tickets/<int:number>/messages/<int:message>/split/", agent.ticket_split, name="ticket_split"),
    path("desk/tickets/<int:number>/cc/<int:participant>/confirm/", agent.ticket_cc_confirm, name="ticket_cc_confirm"),
    path("desk/tickets/<int:number>/cc/<int:participant>/remove/", agent.ticket_cc_remove, name="ticket_cc_remove"),
]
