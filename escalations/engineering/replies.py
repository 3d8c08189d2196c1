"""What customers do in their tickets while engineering has them, put down on the record: each once.

So is for some time what they write once the record is over: that the fix doesn't help is said by then, and whoever
made it must hear of it. The ticket's own events are the source, whichever door they came by. A reply is known by its
event, not by its time alone: of two that came at once the later one may be stored first.

Each sweep asks every ticket that is listened to, by an index: 0.1 s for 4,000 of them, however many events the desk
has. A mark up to which all events are dealt with would cost less and could be wrong: an event that is stored late and a
link that fails would have to hold it back, and one that is held back costs what this does. What the record doesn't
tell of yet is found whatever went wrong before.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, Greatest

from escalations.engineering.events import Kind, record
from escalations.engineering.steps import ENDED
from escalations.models import Escalation, EscalationEvent, EscalationLink
from tickets.models import EventKind, TicketEvent

logger = logging.getLogger(__name__)

_KINDS = {
    EventKind.CUSTOMER_REPLIED: Kind.CUSTOMER_REPLIED,
    EventKind.REOPENED: Kind.CUSTOMER_REPLIED,
    EventKind.FOLLOWED_UP: Kind.CUSTOMER_REPLIED,
    EventKind.CUSTOMER_SOLVED: Kind.CUSTOMER_SOLVED,
}
_THEIRS = Q(kind__in=_KINDS.keys() - {EventKind.REOPENED}) | Q(kind=EventKind.REOPENED, data__waits=True)
"""Reopened by the staff is no word of the customer's."""
_LATE = timedelta(minutes=1)
"""So long after a later one a reply may be stored, having waited for its ticket."""
HEARD_FOR = timedelta(days=14)
"""How long a record that is over hears of its customers."""


def note_all(*, now: datetime) -> int:
    """Put down what wasn't yet; the number of events. A link that fails is logged and stepped over."""
    noted = 0
    # One after the other: each has an index to go by, both at once have none.
    found = [pk for links in (_ACTIVE, _over(now)) for pk in _with_news(links).values_list("escalation_id", "pk")]
    for _, pk in sorted(found):
        try:
            noted += _note(pk, now)
        except Exception:
            logger.exception("what the customer of link %s wrote could not be put down", pk)
    return noted


_ACTIVE = Q(is_active=True)


def _over(now: datetime) -> Q:
    """Tickets that were in a record until it was over lately, and have come into no other since."""
    elsewhere = EscalationLink.objects.filter(Q(is_active=True) | Q(pk__gt=OuterRef("pk")), ticket=OuterRef("ticket"))
    ended = Q(escalation__step__in=ENDED, escalation__step_since__gt=now - HEARD_FOR, escalation__merged_into=None)
    return Q(is_active=False, unlinked_at=None) & ended & ~Q(Exists(elsewhere))


def _with_news(links: Q) -> QuerySet[EscalationLink]:
    """Those of `links` whose customer did something that the record doesn't tell of yet."""
    since = Coalesce(OuterRef("replied_at"), OuterRef("linked_at")) - _LATE
    acts = TicketEvent.objects.filter(_THEIRS, ticket=OuterRef("ticket"), at__gt=OuterRef("linked_at"))
    known = _known(OuterRef(OuterRef("escalation")))
    first = acts.filter(~Exists(known), at__gte=since).order_by("at", "pk").values("pk")[:1]
    # As a value, which is looked up by `event_of_ticket` link by link: what only has to exist the database may look for
    # in all events of the desk at once.
    return EscalationLink.objects.filter(links).alias(news=Subquery(first)).filter(news__isnull=False)


def _known(escalation: Any) -> QuerySet[EscalationEvent]:
    """What a record tells of an outer event of a ticket: it stands at the same time, by which an index finds it."""
    told = EscalationEvent.objects.filter(kind__in=set(_KINDS.values()), escalation=escalation, at=OuterRef("at"))
    number = Cast(KT("data__event"), BigIntegerField())
    return told.alias(number=number).filter(number=OuterRef("pk"))


def carry_over(former: Escalation, to: Escalation, tickets: Iterable[int], *, at: datetime) -> None:
    """Let the locked record `to` tell of these tickets what `former` told of them; nobody hears of it a second time."""
    known = former.events.filter(kind__in=set(_KINDS.values()), data__ticket__in=list(tickets))
    has = set(to.events.filter(kind__in=set(_KINDS.values())).values_list("data__event", flat=True))
    EscalationEvent.objects.bulk_create(
        EscalationEvent(escalation=to, kind=event.kind, data=event.data, at=event.at, notified_at=at)
        for event in known
        if event.data["event"] not in has
    )


@transaction.atomic
def _note(pk: int, now: datetime) -> int:
    """Put down one link's news under its record's lock, looked for anew: another worker may have been quicker."""
    record_of_it = Escalation.objects.filter(links=pk)
    if not record_of_it.select_for_update(of=("self",), skip_locked=True).exists():
        return 0
    link = _with_news(_ACTIVE | _over(now)).select_related("escalation").filter(pk=pk).first()
    if link is None:
        return 0
    acts = TicketEvent.objects.filter(_THEIRS, ticket=link.ticket_id, at__gt=link.linked_at)
    news = list(acts.filter(~Exists(_known(link.escalation_id))).select_related("actor").order_by("at", "pk"))
    for act in news:
        _record(link.escalation, act)
    EscalationLink.objects.filter(pk=pk).update(replied_at=Greatest(F("replied_at"), Value(news[-1].at)))
    return len(news)


def _record(escalation: Escalation, act: TicketEvent) -> None:
    """By nobody: the record wasn't changed, and who changed it last is a colleague.

    What they wrote on a Closed ticket stands in another, which is named.
    """
    said: dict[str, Any] = {"name": act.actor.display_name if act.actor else ""}
    if act.kind == EventKind.FOLLOWED_UP:
        said["follow_up"] = act.data["number"]
    record(escalation, _KINDS[EventKind(act.kind)], by=None, at=act.at, ticket=act.ticket_id, event=act.pk, **said)
