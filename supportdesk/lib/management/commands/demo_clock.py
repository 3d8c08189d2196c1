import re
from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError, CommandParser

from supportdesk.lib import clock

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Command(BaseCommand):
    help = "Move the demo's clock on, for example +48h, +30m or +7d. Refused unless the desk runs as demo or test."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("by", help="+48h, +30m, +7d or +45s")

    def handle(self, *args: object, **options: str) -> None:
        match = re.fullmatch(r"\+(\d{1,5})([smhd])", options["by"])
        if not match:
            raise CommandError("Say how far, such as +48h, +30m or +7d. The clock only moves on.")
        try:
            now = clock.move(timedelta(**{_UNITS[match[2]]: int(match[1])}))
        except RuntimeError as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"The desk's clock now shows {now:%Y-%m-%d %H:%M:%S} UTC.")
