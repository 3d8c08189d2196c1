"""Addresses of this app: the customer's here, the staff's in urls_desk."""

from django.urls import path

from tickets import api, urls_desk
from tickets.views import attachments, customer
from tickets.views.help import help_page
from tickets.views.mail_choices import mail_choices
from tickets.views.markdown import markdown_preview
from tickets.views.unsubscribe import unsubscribe

customer_pages = [
    path("requests/", customer.request_list, name="request_list"),
    path("requests/new/", customer.request_new, name="request_new"),
    path("requests/<int:number>/", customer.request_detail, name="request_detail"),
    path("requests/<int:number>/promises/", customer.request_promises, name="request_promises"),
    path("requests/<int:number>/reply/", customer.request_reply, name="request_reply"),
    path("requests/<int:number>/solve/", customer.request_solve, name="request_solve"),
    path("requests/<int:number>/reopen/", customer.request_reopen, name="request_reopen"),
    path("requests/<int:number>/priority/", customer.request_priority, name="request_priority"),
    path("requests/<int:number>/raise-priority/", customer.request_raise, name="request_raise"),
    path("requests/<int:number>/survey/", customer.request_survey, name="request_survey"),
    path("requests/<int:number>/cc/", customer.request_cc_add, name="request_cc_add"),
    path("requests/<int:number>/cc/<int:participant>/confirm/", customer.request_cc_confirm, name="request_cc_confirm"),
    path("requests/<int:number>/cc/<int:participant>/remove/", customer.request_cc_remove, name="request_cc_remove"),
]
# Links from mails: their signature says for whom they are, nobody has to log in.
by_link = [
    path("priority/<str:token>/", customer.priority_by_link, name="priority_by_link"),
    path("survey/<str:token>/", customer.survey_by_link, name="survey_by_link"),
]
shared = [
    path("help/", help_page, name="help"),
    path("account/mail/", mail_choices, name="mail_choices"),
    path("unsubscribe/<str:token>/", unsubscribe, name="unsubscribe"),
    path("attachments/", attachments.attachment_upload, name="attachment_upload"),
    path("attachments/<uuid:pk>/", attachments.attachment_download, name="attachment_download"),
    path("attachments/<uuid:pk>/preview/", attachments.attachment_preview, name="attachment_preview"),
    path("attachments/<uuid:pk>/discard/", attachments.attachment_discard, name="attachment_discard"),
    path("markdown/preview/", markdown_preview, name="markdown_preview"),
]
rest = [
    path("api/v1/tickets/", api.TicketList.as_view(), name="api_tickets"),
    path("api/v1/tickets/<int:number>/", api.TicketDetail.as_view(), name="api_ticket"),
    path("api/v1/tickets/<int:number>/priority/", api.TicketPriority.as_view(), name="api_priority"),
    path("api/v1/tickets/<int:number>/promises/", api.PromiseList.as_view(), name="api_promises"),
    path("api/v1/tickets/<int:number>/replies/", api.ReplyList.as_view(), name="api_replies"),
    path(
        "api/v1/tickets/<int:number>/cc/<int:participant>/confirm/",
        api.ConfirmCopy.as_view(),
        name="api_cc_confirm",
    ),
    path("api/v1/tickets/<int:number>/survey/", api.TicketSurvey.as_view(), name="api_survey"),
    path("api/docs/", api.ApiDocs.as_view(url_name="api_schema"), name="api_docs"),
    path("api/v1/<path:rest>", api.Unknown.as_view(), name="api_unknown"),
]
urlpatterns = [*customer_pages, *by_link, *shared, *rest, *urls_desk.urlpatterns]
