from tickets.views.agent.addresses import ticket_address_lift
from tickets.views.agent.answers import ticket_note, ticket_reply
from tickets.views.agent.mail import mail_detail, mail_list, mail_original
from tickets.views.agent.mail_verbs import (
    blocked_senders,
    mail_assign,
    mail_block,
    mail_dismiss,
    mail_recover,
    mail_undo_dismiss,
    sender_unblock,
)
from tickets.views.agent.new import open_ticket
from tickets.views.agent.notices import my_notices
from tickets.views.agent.promises import ticket_promises
from tickets.views.agent.queue import assign_many, show_queue
from tickets.views.agent.verbs import (
    ticket_assign,
    ticket_cc_add,
    ticket_cc_confirm,
    ticket_cc_remove,
    ticket_do_not_close,
    ticket_fields,
    ticket_mail_retry,
    ticket_split,
    ticket_status,
    ticket_take,
)
from tickets.views.agent.workspace import show_workspace

__all__ = [
    "assign_many",
    "blocked_senders",
    "mail_assign",
    "mail_block",
    "mail_detail",
    "mail_dismiss",
    "mail_list",
    "mail_original",
    "mail_recover",
    "mail_undo_dismiss",
    "my_notices",
    "open_ticket",
    "sender_unblock",
    "show_queue",
    "show_workspace",
    "ticket_address_lift",
    "ticket_assign",
    "ticket_cc_add",
    "ticket_cc_confirm",
    "ticket_cc_remove",
    "ticket_do_not_close",
    "ticket_fields",
    "ticket_mail_retry",
    "ticket_note",
    "ticket_promises",
    "ticket_reply",
    "ticket_split",
    "ticket_status",
    "ticket_take",
]
