"""What happened, to look at. A ticket is worked in the desk, where the verbs are; here it only links there."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.base import ReadOnlyAdmin, ReadOnlyInline
from tickets.models import Message, OutgoingMail, Participant, Ticket, TicketEvent


class ParticipantInline(ReadOnlyInline):
    model = Participant
    fields = readonly_fields = ("email", "user", "added_by", "added_at", "removed_at")
    verbose_name_plural = "CC"


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    list_display = ("id", "subject", "organization", "requester", "priority", "status", "assignee", "updated_at")
    list_filter = ("status", "priority", "channel", "organization__plan", "category")
    list_select_related = ("organization", "requester", "assignee")
    search_fields = ("=id", "subject", "requester__email", "organization__name")
    search_help_text = "Number, subject, requester's address or organisation"
    ordering = ("-id",)
    show_full_result_count = False
    inlines = (ParticipantInline,)

    def get_fields(self, request: HttpRequest, obj: Ticket | None = None) -> list[str]:
        return ["in_the_desk", *(field.name for field in Ticket._meta.fields if field.name != "submission_key")]

    @admin.display(description="work on it")
    def in_the_desk(self, ticket: Ticket) -> SafeString:
        return format_html('<a href="{}">Open #{} in the desk</a>', ticket.desk_url, ticket.number)


class OfTicketAdmin(ReadOnlyAdmin):
    """Rows below a ticket, newest first."""

    ordering = ("-id",)
    show_full_result_count = False
    search_fields = ("=ticket__id",)
    search_help_text = "Number of the request"


@admin.register(Message)
class MessageAdmin(OfTicketAdmin):
    list_display = ("id", "ticket_id", "author", "is_public", "from_staff", "channel", "created_at")
    list_filter = ("is_public", "from_staff", "channel")
    list_select_related = ("author",)
    exclude = ("body_html", "rendered_with", "submission_key")


@admin.register(TicketEvent)
class TicketEventAdmin(OfTicketAdmin):
    list_display = ("id", "ticket_id", "kind", "actor", "from_status", "to_status", "at", "notified_at")
    list_filter = ("kind",)
    list_select_related = ("actor",)


@admin.register(OutgoingMail)
class OutgoingMailAdmin(OfTicketAdmin):
    list_display = (
        "id",
        "kind",
        "to_email",
        "ticket_id",
        "state",
        "attempts",
        "next_attempt_at",
        "sent_at",
        "last_error",
    )
    list_filter = ("state", "kind")
    search_fields = ("=ticket__id", "to_email", "message_id")
    search_help_text = "Number of the request, address or Message-ID"

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutgoingMail]:
        """The bodies stay in the table until one mail is opened."""
        rows = super().get_queryset(request)
        is_list = request.resolver_match is not None and request.resolver_match.url_name.endswith("_changelist")
        return rows.defer("text", "html") if is_list else rows
