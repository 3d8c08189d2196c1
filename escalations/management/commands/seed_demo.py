import time

from django.core.management.base import BaseCommand, CommandError

from escalations.demo import seed
from supportdesk.lib import clock
from tickets.models import Ticket


class Command(BaseCommand):
    help = (
        "Load the demo's people and their requests, once. Refused where the desk serves others: passwords are public."
    )

    def handle(self, *args: object, **options: object) -> None:
        if not clock.is_movable():
            raise CommandError("The demo's data are for the demo and for tests only (DESK_ENV).")
        if seed.is_there():
            self.stdout.write("The demo's data are there already.")
            return
        begun = time.monotonic()
        seed.load(clock.now())
        self.stdout.write(f"{Ticket.objects.count()} requests loaded in {time.monotonic() - begun:.1f} s.")
