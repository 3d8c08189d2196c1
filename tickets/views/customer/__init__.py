from tickets.views.customer.list import request_list
from tickets.views.customer.new import request_new
from tickets.views.customer.page import request_detail
from tickets.views.customer.promises import request_promises
from tickets.views.customer.verbs import (
    request_cc_add,
    request_cc_remove,
    request_raise,
    request_reopen,
    request_reply,
    request_solve,
)

__all__ = [
    "request_cc_add",
    "request_cc_remove",
    "request_detail",
    "request_list",
    "request_new",
    "request_promises",
    "request_raise",
    "request_reopen",
    "request_reply",
    "request_solve",
]
