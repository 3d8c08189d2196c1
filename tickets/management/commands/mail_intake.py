import asyncio
import logging

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tickets.mail import smtp_door

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Takes mail from your relay by SMTP or LMTP and stores it; workers read it. Any number may run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=settings.SMTP_PORT)
        parser.add_argument("--lmtp", action="store_true", help="Speak LMTP: an answer for each recipient.")

    def handle(self, *args: object, host: str, port: int, lmtp: bool, **options: object) -> None:
        def say(port: int) -> None:
            logger.info("mail is taken by %s on %s port %s", "LMTP" if lmtp else "SMTP", host, port)

        try:
            asyncio.run(smtp_door.serve(host, port, lmtp=lmtp, ready=say))
        except OSError as failure:
            raise CommandError(f"{host} port {port} can't be used: {failure.strerror or failure}") from None
        logger.info("the mail intake has finished")
