"""The link by which a customer says how pressing a request is that came without a priority.

It proves whose it is by its signature, so that it works on any phone without a log-in, and for seven days after the
request came. Opening it changes nothing (mail scanners open links); the page's button does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from accounts.models import User
from tickets import access
from tickets.models import Priority, Ticket

GOOD_FOR = timedelta(days=7)
_signer = Signer(salt="tickets.priority_ask")


@dataclass(frozen=True)
class Asked:
    """Whom a link asks, and about which request."""

    ticket: Ticket
    user: User


def link(ticket: Ticket, user: User, *, to: Priority | None = None) -> str:
    """The absolute address at which `user` says how pressing `ticket` is; `to` is chosen there beforehand.

    It is the same each time. Only for who may raise the priority: nobody else's is believed.
    """
    address = settings.SITE_URL + reverse("priority_by_link", args=[_signer.sign_object([ticket.pk, user.pk])])
    return f"{address}?{urlencode({'to': to.name.lower()})}" if to else address


def asked(token: str, *, now: datetime) -> Asked | None:
    """What a link's token stands for; None where it is forged or too old, or its owner has lost the right since."""
    try:
        number, person = _signer.unsign_object(token)
    except BadSignature:
        return None
    user = User.objects.filter(pk=person).first()
    if user is None:
        return None
    fresh = Ticket.objects.visible_to(user).filter(pk=number, created_at__gt=now - GOOD_FOR)
    ticket = fresh.select_related("organization__plan", "requester").first()
    return Asked(ticket, user) if ticket is not None and access.may_raise_priority(user, ticket) else None


def preselected(name: str) -> Priority | None:
    """The priority that `?to=urgent` names."""
    return next((one for one in Priority if one.name.lower() == name.lower()), None)
