from tickets.views.agent.answers import ticket_note, ticket_reply
from tickets.views.agent.new import open_ticket
from tickets.views.agent.notices import my_notices
from tickets.views.agent.promises import ticket_promises
from tickets.views.agent.queue import assign_many, show_queue
from tickets.views.agent.verbs import (
    ticket_assign,
    ticket_cc_add,
    ticket_cc_remove,
    ticket_do_not_close,
    ticket_fields,
    ticket_status,
    ticket_take,
)
from tickets.views.agent.workspace import show_workspace

__all__ = [
    "assign_many",
    "my_notices",
    "open_ticket",
    "show_queue",
    "show_workspace",
    "ticket_assign",
    "ticket_cc_add",
    "ticket_cc_remove",
    "ticket_do_not_close",
    "ticket_fields",
    "ticket_note",
    "ticket_promises",
    "ticket_reply",
    "ticket_status",
    "ticket_take",
]
