"""What a ticket is owed: the card beside it, and the page that says how each deadline came about."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from supportdesk.lib import clock
from supportdesk.lib.http import page
from tickets.models import SlaClock, Ticket
from tickets.sla.clocks import target_of
from tickets.sla.countdown import Countdown, countdown
from tickets.sla.explain import of_ticket
from tickets.sla.promises import Promise
from tickets.views.agent.gate import desk_only, find
from tickets.views.agent.places import last_view, places

_MOST_TOLD = 5


@dataclass(frozen=True)
class Promises:
    """What a ticket is owed now, soonest first, and the last promises that were met or broken."""

    running: list[Countdown]
    over: list[SlaClock]
    has_any: bool

    @property
    def mark(self) -> str:
        """Changes with anything but the time that passes."""
        return repr([told.mark for told in self.running] + [(one.pk, one.met_at, one.breached_at) for one in self.over])


def promises(ticket: Ticket, *, now: datetime) -> Promises:
    """In one query."""
    rows = SlaClock.objects.of([ticket]).with_terms()
    latest = rows.order_by(F("ended_at").desc(nulls_first=True), "-started_at", "-id")
    found = list(latest[: _MOST_TOLD + len(Promise)])
    running = [told for told in (countdown(one, now) for one in found) if told is not None]
    running.sort(key=lambda told: (told.clock.due_at is None, told.clock.due_at or told.clock.started_at))
    over = [one for one in found if not one.is_open and _is_told(one)]
    return Promises(running, over[:_MOST_TOLD], bool(found))


def _is_told(clock: SlaClock) -> bool:
    """Of what is over: what broke, and what was met and had been promised."""
    return clock.breached_at is not None or (clock.met_at is not None and target_of(clock) is not None)


@desk_only
@require_safe
def ticket_promises(request: HttpRequest, number: int) -> HttpResponseBase:
    ticket = find(request.user, number)
    context = {
        "ticket": ticket,
        "explanations": of_ticket(ticket, now=clock.now()),
        "view": last_view(request),
        "views": places(request.user),
    }
    return page(request, "tickets/desk/promises.html", context)
