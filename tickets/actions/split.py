"""One matter, one ticket: taking a message out of a conversation that is about something else."""

from datetime import datetime

from django.db import transaction

from accounts.models import Organization, User
from supportdesk.lib.errors import Conflict, Invalid
from tickets import access
from tickets.actions.moves import locked, require
from tickets.actions.submit import SUBJECT_LENGTH, Request, belongs, open_beside
from tickets.events import record
from tickets.models import Attachment, EventKind, IncomingMail, Message, Ticket


@transaction.atomic
def split(message: Message, *, by: User, at: datetime) -> Ticket:
    """Open a ticket of its own for a customer's mail, with its subject, text and files; doing it twice gives the same.

    The message stays where it was written. The new ticket belongs to its author, and to the organisation of the old one
    where they are its member; its clocks begin now, and it has no priority yet, as any by mail. Raises NotAllowed,
    Invalid for what was no customer's mail, Conflict when the author's account is shut.
    """
    ticket = locked(message.ticket, by=by)
    require(access.may_work(by, ticket), "split this request")
    message = Message.objects.select_related("author").get(pk=message.pk)
    mail = IncomingMail.objects.filter(message=message).first()
    author = message.author
    if mail is None or author is None or message.from_staff or message.is_note:
        raise Invalid("Only what a customer wrote by mail can be split off.", code="not_a_mail")
    if former := ticket.events.filter(kind=EventKind.SPLIT, message=message, data__is_origin=True).first():
        return Ticket.objects.get(pk=former.data["number"])
    if not author.is_active:
        raise Conflict("The sender's account is shut, so they can have no request.", code="inactive")
    opened = open_beside(
        requester=author,
        organization=_organization(author, ticket),
        request=_request(message, mail, ticket),
        at=at,
        key=f"split-{message.pk}",
    )
    copy = opened.messages.order_by("pk")[0]
    # What it quotes is the conversation of the old organisation: the new ticket's may not have been part of it.
    _dress(copy, message, with_quoted=opened.organization_id == ticket.organization_id)
    record(ticket, EventKind.SPLIT, by=by, at=at, message=message, number=opened.number, is_origin=True)
    record(opened, EventKind.SPLIT, by=by, at=at, message=copy, number=ticket.number, is_origin=False)
    return opened


def _organization(author: User, ticket: Ticket) -> Organization | None:
    """Whoever was merely copied in gets a ticket of their own place, not of the customer's whom they wrote to."""
    if ticket.organization is not None and belongs(author, ticket.organization):
        return ticket.organization
    mine = list(Organization.objects.of_member(author))
    return next((one for one in mine if one.pk == author.last_organization_id), mine[0] if mine else None)


def _request(message: Message, mail: IncomingMail, ticket: Ticket) -> Request:
    return Request(
        subject=" ".join(mail.subject[:SUBJECT_LENGTH].split()) or ticket.subject,
        body=message.body,
        category=None,
        environment=None,
        priority=None,
    )


def _dress(copy: Message, original: Message, *, with_quoted: bool) -> None:
    """Let the copy look as the original does. Its files are rows of their own for the same stored files, which are
    never deleted once they were sent; images within the text are the copy's."""
    html, quoted = str(original.html), original.quoted_html if with_quoted else ""
    for file in original.attachments.all():
        if not with_quoted and str(file.pk) in original.quoted_html:
            continue
        row = Attachment.objects.create(
            message=copy,
            uploaded_by=file.uploaded_by,
            file=file.file.name,
            name=file.name,
            size=file.size,
            content_type=file.content_type,
            is_inline=file.is_inline,
            is_image=file.is_image,
            created_at=file.created_at,
        )
        html, quoted = (part.replace(str(file.pk), str(row.pk)) for part in (html, quoted))
    copy.format, copy.body_html, copy.quoted_html = original.format, html, quoted
    copy.save(update_fields=["format", "body_html", "quoted_html"])
