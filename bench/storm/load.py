"""The customers of the storm: tickets at an even pace, and now and then somebody acknowledges. A process of its own.

`python -m bench.storm.load --tickets 1000 --seconds 60 --acknowledge 0.1 --out FILE` writes what was committed when.
"""

import argparse
import json
import os
import random
import time
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tickets", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--acknowledge", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportdesk.settings")
    import django

    django.setup()
    with options.out.open("w") as out:
        _storm(options, out)


def _storm(options: argparse.Namespace, out: Any) -> None:
    from accounts.models import Team, User

    requesters = list(User.objects.filter(email__startswith="rita").order_by("pk"))
    teams = list(Team.objects.filter(slug__startswith="team-").order_by("pk"))
    rng, begun = random.Random(7), time.monotonic()
    acknowledged: set[int] = set()
    for number in range(options.tickets):
        _sleep_until(begun + number * options.seconds / options.tickets)
        ticket = _submit(requesters[number % len(requesters)], teams[number % len(teams)])
        out.write(json.dumps({"ticket": ticket, "committed": time.time()}) + "\n")
        if rng.random() < options.acknowledge and (page := _acknowledge(acknowledged, rng)):
            out.write(json.dumps({"page": page, "acknowledged": time.time()}) + "\n")
        out.flush()


def _sleep_until(instant: float) -> None:
    time.sleep(max(0.0, instant - time.monotonic()))


def _submit(requester: Any, team: Any) -> int:
    """One transaction: the ticket is committed together with its team, by which its policy is chosen."""
    from django.db import transaction

    from tests import factories
    from tickets.models import Priority, Ticket

    with transaction.atomic():
        ticket = factories.open_ticket(requester, priority=Priority.URGENT)
        Ticket.objects.filter(pk=ticket.pk).update(team=team)
    return ticket.pk


def _acknowledge(known: set[int], rng: random.Random) -> int | None:
    """Somebody acknowledges a page that rings, whatever is on its way for it; its id once that is committed."""
    from escalations import actions
    from escalations.models import Page, PageDelivery
    from supportdesk.lib import clock
    from supportdesk.lib.errors import DomainError

    ringing = list(Page.objects.ringing().exclude(pk__in=known).order_by("-pk")[:40])
    if not ringing:
        return None
    page = rng.choice(ringing)
    delivery = PageDelivery.objects.filter(page=page, person__isnull=False).select_related("person").first()
    if delivery is None or delivery.person is None:
        return None
    try:
        actions.acknowledge(page, by=delivery.person, at=clock.now())
    except DomainError:
        return None
    known.add(page.pk)
    return page.pk


if __name__ == "__main__":
    main()
