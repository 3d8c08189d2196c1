import time

from django.core.management.base import BaseCommand, CommandError, CommandParser

from escalations import actions
from escalations.models import Page, PageEvent
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict


class Command(BaseCommand):
    help = "Send a synthetic page through the whole chain of paging, and with --wait wait until it is back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--wait", type=int, default=0, metavar="SECONDS", help="Fail unless it is back by then.")

    def handle(self, *args: object, **options: int) -> None:
        try:
            page = actions.begin_canary(at=clock.now())
        except Conflict as refusal:
            raise CommandError(refusal.sentence) from None
        until = time.monotonic() + options["wait"]
        while time.monotonic() < until:
            back = PageEvent.objects.filter(page=page, kind=PageEvent.Kind.DELIVERED).first()
            if back is not None:
                self.stdout.write(f"The canary came back after {back.data['seconds']:.1f} s.")
                return
            if Page.objects.filter(pk=page.pk, state=Page.State.ENDED).exists():
                break
            time.sleep(0.2)
        if options["wait"]:
            raise CommandError(f"The canary did not come back within {options['wait']} s.")
        self.stdout.write("A canary left.")
