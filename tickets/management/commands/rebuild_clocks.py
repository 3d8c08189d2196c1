from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from supportdesk.lib import clock
from tickets.models import Ticket
from tickets.sla import rebuild

_MOST_SHOWN = 50


class Command(BaseCommand):
    help = "Work out all promises' clocks from events alone and write them anew; --check only tells what differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="Change nothing; exit 1 if anything differs.")
        parser.add_argument("tickets", nargs="*", type=int, help="Only these; by default all.")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = Ticket.objects.order_by("pk").values_list("pk", flat=True)
        if options["tickets"]:
            rows = rows.filter(pk__in=options["tickets"])
        numbers = rows.iterator(chunk_size=5000)
        found = _check(numbers) if options["check"] else rebuild.rebuild(numbers, now=clock.now())
        shown = list(islice(found, _MOST_SHOWN))
        for difference in shown:
            self.stdout.write(str(difference))
        more = sum(1 for _ in found)
        if more:
            self.stdout.write(f"… and {more} more")
        count = len(shown) + more
        if options["check"] and count:
            self.stdout.flush()
            raise CommandError(f"{count} differences in {rows.count()} tickets.")
        said = "no difference" if not count else f"{count} differences mended"
        self.stdout.write(f"{rows.count()} tickets: {said}.", ending="\n")


def _check(numbers: Iterable[int]) -> Iterator[rebuild.Difference]:
    """What differs also at a second look, under the ticket's lock: the desk goes on while it is checked."""
    last = None
    for difference in rebuild.compare(numbers, now=clock.now()):
        if difference.ticket != last:
            last = difference.ticket
            yield from rebuild.compare_again(last, now=clock.now())
