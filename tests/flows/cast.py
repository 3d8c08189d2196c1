"""Put the cast onto a desk: run as `python -m tests.flows.cast` with the desk's environment.

Northwind with rita and mona, Contoso with sam, the staff with phones, bo on call.
"""

import os


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportdesk.settings")
    import django

    django.setup()

    from accounts.models import Membership, Role
    from escalations import defaults as paging_defaults
    from tests import factories

    northwind = factories.organization("Northwind", "premier", "Europe/Berlin")
    factories.member("Rita", northwind)
    factories.member("Mona", northwind, Membership.Role.MANAGER)
    factories.member("Sam", factories.organization("Contoso", "enterprise", "America/New_York"))
    europe = "Europe, Middle East and Africa"
    bo = factories.staff("Bo", Role.AGENT, europe)
    ann = factories.staff("Ann", Role.AGENT, "Americas")
    factories.staff("Ada", Role.ADMIN)
    lea = factories.staff("Lea", Role.LEAD, europe)
    paging_defaults.load(on_call=[bo], staff=[bo, ann, lea])


if __name__ == "__main__":
    main()
