"""Put three continents on call onto a desk whose clock shows a given instant: run with the desk's environment.

`python -m tests.flows.paging_cast 2026-10-24T20:00 http://127.0.0.1:9000`: the second is the provider of messages.
Chi has Asia-Pacific's hours, Bo Europe's, Ann the Americas'; Wes has the weekends. Chi has push, texts and calls.
"""

import os
import sys
from datetime import UTC, datetime


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportdesk.settings")
    import django

    django.setup()

    from accounts.models import Role
    from bench.storm.push import subscription
    from escalations import defaults
    from escalations.models import ContactMethod, NotificationRule
    from supportdesk.lib import clock
    from tests import factories
    from tickets.models import Priority

    begins = datetime.fromisoformat(sys.argv[1]).replace(tzinfo=UTC)
    clock.move(begins - clock.now())
    northwind = factories.organization("Northwind", "premier", "Europe/Berlin")
    factories.member("Rita", northwind)
    regions = {"Chi": "Asia-Pacific", "Bo": "Europe, Middle East and Africa", "Ann": "Americas"}
    people = {name: factories.staff(name, Role.AGENT, region) for name, region in regions.items()}
    wes = factories.staff("Wes", Role.AGENT, "Americas")
    lea = factories.staff("Lea", Role.LEAD, "Europe, Middle East and Africa")
    factories.staff("Ada", Role.ADMIN)
    defaults.load(on_call=list(people.values()), weekends=[wes], staff=[lea], at=clock.now())

    chi, now = people["Chi"], clock.now()
    details, _ = subscription(f"{sys.argv[2]}/push/chi")
    number = ContactMethod.objects.get(user=chi, kind="sms").value
    for kind, value, more, delays in (
        (ContactMethod.Kind.PUSH, "Chi's phone", details, (0,)),
        (ContactMethod.Kind.VOICE, number, {}, (120, 240)),
    ):
        contact = ContactMethod.objects.create(user=chi, kind=kind, value=value, details=more, verified_at=now)
        for delay in delays:
            NotificationRule.objects.create(user=chi, priority=Priority.URGENT, contact=contact, delay=delay)


if __name__ == "__main__":
    main()
