"""Opening a ticket, through whichever door."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.access import may_use_email, may_use_portal
from accounts.models import Membership, Organization, Region, Team, User
from supportdesk.lib import text
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from tickets import access
from tickets.actions.copies import check_count, copy_in
from tickets.actions.writing import write_message
from tickets.events import record
from tickets.models import Category, Channel, Environment, EventKind, MobileDevice, Priority, ServiceTerms, Ticket
from tickets.routing import Window, window_on_shift
from tickets.sla import live

SUBJECT_LENGTH = 200
VERSION_LENGTH = 40
_BEGUN = ("created_at", "updated_at", "public_updated_at", "status_changed_at")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a request says, as its form does (the table "The request form" of the domain)."""

    subject: str
    body: str
    category: Category | None
    environment: Environment | None
    priority: Priority | None = Priority.NORMAL
    product_version: str = ""
    mobile_version: str = ""
    mobile_device: MobileDevice | None = None
    cc: Sequence[str] = ()
    uploads: Sequence[UUID] = ()


def submit(
    requester: User,
    *,
    by: User,
    organization: Organization | None,
    request: Request,
    channel: Channel,
    at: datetime,
    key: str = "",
    public: bool = True,
) -> Ticket:
    """Open a ticket for `requester` and route it; sending the same form (`key`) twice gives the same ticket.

    `by` is the requester, or an agent on their behalf; `public` is then whether the agent's opening text is shown to
    the customer. Raises NotAllowed when the plan doesn't open this door or the agent may not, Invalid for what can't be
    taken, Conflict when the key was used for another request.
    """
    _check_doors(requester, by=by, organization=organization, channel=channel)
    columns = {"requester": requester, "organization": organization, "channel": channel}
    return _open_once(request, columns, by=by, at=at, key=key, public=public)


def open_follow_up(
    closed: Ticket, *, by: User, request: Request, channel: Channel, at: datetime, key: str = ""
) -> Ticket:
    """Open the ticket that continues a Closed one: its requester's, or, if they have left, the writing colleague's."""
    requester = closed.requester
    if closed.organization and not belongs(requester, closed.organization) and belongs(by, closed.organization):
        requester = by
    columns = {
        "requester": requester,
        "organization": closed.organization,
        "channel": channel,
        "follow_up_of": closed,
    }
    ticket = _open_once(request, columns, by=by, at=at, key=key and f"after {closed.number}: {key}"[:64], public=True)
    if not closed.events.filter(kind=EventKind.FOLLOWED_UP, data__number=ticket.number).exists():
        record(closed, EventKind.FOLLOWED_UP, by=by, at=at, number=ticket.number)
    return ticket


def open_beside(
    *, requester: User, organization: Organization | None, request: Request, at: datetime, key: str
) -> Ticket:
    """Open a ticket of `requester`, as if their mail had opened it: the staff decided so, whatever their plan."""
    columns = {"requester": requester, "organization": organization, "channel": Channel.EMAIL}
    return _open_once(request, columns, by=requester, at=at, key=key, public=True)


def _open_once(
    request: Request, columns: Mapping[str, Any], *, by: User, at: datetime, key: str, public: bool
) -> Ticket:
    if former := _submitted_before(by, key, request, columns):
        return former
    try:
        with transaction.atomic():
            return _open(request, columns, by=by, at=at, key=key, public=public)
    except IntegrityError:
        # Two of the same form at once: the other one was quicker, and this one's files are its files.
        if former := _submitted_before(by, key, request, columns):
            return former
        raise


def _open(request: Request, columns: Mapping[str, Any], *, by: User, at: datetime, key: str, public: bool) -> Ticket:
    from_staff = by.is_desk
    ticket = Ticket(
        **columns,
        **_columns(request),
        **_what_waits(from_staff=from_staff, public=public, at=at),
        opened_by=by,
        team=Team.objects.filter(gets_new_tickets=True).first(),
        region=region_on_shift(at),
        submission_key=key,
        **dict.fromkeys(_BEGUN, at),
    )
    terms = _save_with_deadline(ticket)
    message = write_message(
        ticket,
        by=by,
        body=request.body,
        uploads=request.uploads,
        is_public=public,
        from_staff=from_staff,
        channel=Channel(ticket.channel),
        key="",
        at=at,
        field="description",
    )
    copy_in(ticket, request.cc, by=by, at=at)
    record(
        ticket,
        EventKind.CREATED,
        by=by,
        at=at,
        message=message,
        to_status=ticket.status,
        terms=terms,
        priority=ticket.priority,
        answered=ticket.is_answered,
    )
    _remember_organization(ticket.requester, ticket.organization)
    return ticket


def _save_with_deadline(ticket: Ticket) -> ServiceTerms | None:
    """Save a new ticket, under the terms that are returned; writing its deadline later would write its many indexes."""
    terms = live.terms_for(ticket, EventKind.CREATED)
    ticket.next_due_at = live.first_due(ticket, terms)
    ticket.save(force_insert=True)
    return terms


def region_on_shift(at: datetime) -> Region | None:
    """The region whose hours `at` falls into."""
    regions = {region.pk: region for region in Region.objects.all()}
    windows = [Window(region.pk, region.shift_starts, region.shift_ends) for region in regions.values()]
    key = window_on_shift(windows, at)
    return regions[key] if key is not None else None


def _columns(request: Request) -> dict[str, object]:
    subject = text.one_line(request.subject, field="subject", most=SUBJECT_LENGTH)
    if not subject:
        raise Invalid("Please give a subject.", code="required", field="subject")
    check_count(request.cc)
    return {
        "subject": subject,
        "priority": request.priority,
        "category": request.category,
        "environment": request.environment,
        "product_version": text.one_line(request.product_version, field="product_version", most=VERSION_LENGTH),
        "mobile_version": text.one_line(request.mobile_version, field="mobile_version", most=VERSION_LENGTH),
        "mobile_device": request.mobile_device,
    }


def _what_waits(*, from_staff: bool, public: bool, at: datetime) -> dict[str, object]:
    """An agent's public opening text counts as the first reply; everything else leaves a customer waiting."""
    if from_staff and public:
        return {"first_replied_at": at, "last_replied_at": at}
    return {"waiting_since": at}


def _check_doors(requester: User, *, by: User, organization: Organization | None, channel: Channel) -> None:
    if by.pk != requester.pk:
        if not access.may_open_for_customer(by):
            raise NotAllowed("Only agents open requests for others.")
        if requester.is_desk:
            raise Invalid("Choose a customer, not a colleague.", code="not_a_customer", field="requester")
    elif by.is_desk:
        raise NotAllowed("Staff open requests on behalf of a customer.")
    if organization is not None and not belongs(requester, organization):
        raise Invalid("This organisation isn't one of yours.", code="not_a_member", field="organization")
    if by.pk != requester.pk:
        return
    if channel is Channel.EMAIL and not may_use_email(requester, organization):
        raise NotAllowed("This plan opens no requests by e-mail.", code="no_mail_plan")
    if channel is not Channel.EMAIL and not may_use_portal(requester, organization):
        raise NotAllowed("Your plan comes without the portal. See the help page for where to find answers.")


def belongs(user: User, organization: Organization) -> bool:
    """Whether the person is a member of the organisation now."""
    return Membership.objects.active().filter(user=user, organization=organization).exists()


def _submitted_before(by: User, key: str, request: Request, columns: Mapping[str, Any]) -> Ticket | None:
    """The ticket that this form opened already; Conflict when the form said something else then (S089)."""
    if not key:
        return None
    ticket = Ticket.objects.filter(opened_by=by, submission_key=key).first()
    if ticket is None:
        return None
    opening = ticket.messages.order_by("pk").values_list("body", flat=True).first() or ""
    same_words = ticket.subject == request.subject.strip() and opening.split() == request.body.split()
    fields = {name: getattr(request, name) for name in ("priority", "category", "environment")}
    people = {name: columns[name] for name in ("requester", "organization")}
    if not same_words or any(getattr(ticket, name) != value for name, value in (fields | people).items()):
        raise Conflict("This form was already sent with other text. Open a new form.", code="key_reused")
    return ticket


def _remember_organization(requester: User, organization: Organization | None) -> None:
    if organization is not None and requester.last_organization_id != organization.pk:
        requester.last_organization = organization
        requester.save(update_fields=["last_organization"])
