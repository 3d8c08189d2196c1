"""The link by which a requester rates a Closed request without a log-in.

Bound to the survey and its requester by a signature, and good for sixty days after the question was asked.
"""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from tickets import access
from tickets.models import Survey, Ticket

GOOD_FOR = timedelta(days=60)
_signer = Signer(salt="tickets.survey_link")


def link(survey: Survey, *, rating: str = "") -> str:
    """The absolute address at which the requester answers `survey`; `rating` is chosen there beforehand."""
    token = _signer.sign_object([survey.pk, survey.ticket.requester_id])
    address = settings.SITE_URL + reverse("survey_by_link", args=[token])
    return f"{address}?{urlencode({'rating': rating})}" if rating else address


def asked(token: str, *, now: datetime) -> Survey | None:
    """The survey of a link's token; None where it is forged or too old, or its requester has lost the right since."""
    try:
        pk, person = _signer.unsign_object(token)
    except BadSignature:
        return None
    fresh = Survey.objects.filter(pk=pk, ticket__requester=person, asked_at__gt=now - GOOD_FOR)
    survey = fresh.select_related("ticket__requester", "ticket__organization").first()
    if survey is None:
        return None
    ticket, requester = survey.ticket, survey.ticket.requester
    sees = Ticket.objects.visible_to(requester).filter(pk=ticket.pk).exists()
    return survey if sees and access.may_rate(requester, ticket) else None
