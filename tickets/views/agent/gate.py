"""Who comes into the desk: for customers and stakeholders its addresses don't exist."""

from collections.abc import Callable
from functools import wraps

from django.db.models import Exists, OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponseBase

from accounts.models import AddressHealth, Membership, User
from supportdesk.lib.errors import NotAllowed
from tickets import access
from tickets.models import EventKind, Participant, Ticket, TicketEvent
from tickets.views.gate import denied, signed_in

View = Callable[..., HttpResponseBase]


def desk_only(view: View) -> View:
    """Log-in for strangers; who doesn't work in the desk gets the 404 of an address that isn't there."""

    @wraps(view)
    def gated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not access.sees_desk(request.user):
            denied(request.user, "path", request.path)
            raise Http404
        return view(request, *args, **kwargs)

    return signed_in(gated)


def lookers_in_too(view: View) -> View:
    """The same, and stakeholders: to them every ticket that they aren't brought into is the 404 of one not there."""

    @wraps(view)
    def gated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not access.may_look_in(request.user):
            denied(request.user, "path", request.path)
            raise Http404
        return view(request, *args, **kwargs)

    return signed_in(gated)


def agents_only(view: View) -> View:
    """The same, and 403 for those of the desk who only look on (SET)."""

    @wraps(view)
    def gated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not request.user.is_agent:
            raise NotAllowed("This is for support agents.", code="agents_only")
        return view(request, *args, **kwargs)

    return desk_only(gated)


def mail_sorters_only(view: View) -> View:
    """The same, and for the others of the desk the 404 of an address that isn't there, too."""

    @wraps(view)
    def gated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not access.may_sort_mail(request.user):
            raise Http404
        return view(request, *args, **kwargs)

    return desk_only(gated)


def find(user: User, number: int) -> Ticket:
    """The ticket with its people, or a 404 (S048).

    `member_role`, `has_copies`, `was_escalated` (before now) and `mail_state` come along in the same query.
    """
    member = Membership.objects.active().filter(user=OuterRef("requester"), organization=OuterRef("organization"))
    copies = Participant.objects.filter(ticket=OuterRef("pk"), removed_at=None)
    rows = Ticket.objects.visible_to(user).select_related("organization__plan", "requester", "assignee", "survey")
    rows = rows.annotate(
        member_role=Subquery(member.values("role")[:1]),
        has_copies=Exists(copies),
        was_escalated=Exists(TicketEvent.objects.filter(ticket=OuterRef("pk"), kind=EventKind.CAME_BACK)),
        mail_state=AddressHealth.objects.state_of(OuterRef("requester__email")),
    )
    ticket = rows.filter(pk=number).first()
    if ticket is None:
        if user.is_stakeholder:
            denied(user, "ticket", number)
        raise Http404
    return ticket
