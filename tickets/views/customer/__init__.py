from tickets.views.customer.by_link import priority_by_link, survey_by_link
from tickets.views.customer.list import request_list
from tickets.views.customer.new import request_new
from tickets.views.customer.page import request_detail
from tickets.views.customer.promises import request_promises
from tickets.views.customer.verbs import (
    request_cc_add,
    request_cc_confirm,
    request_cc_remove,
    request_priority,
    request_raise,
    request_reopen,
    request_reply,
    request_solve,
    request_survey,
)

__all__ = [
    "priority_by_link",
    "request_cc_add",
    "request_cc_confirm",
    "request_cc_remove",
    "request_detail",
    "request_list",
    "request_new",
    "request_priority",
    "request_promises",
    "request_raise",
    "request_reopen",
    "request_reply",
    "request_solve",
    "request_survey",
    "survey_by_link",
]
