import logging
import signal
import threading
from types import FrameType

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from tickets.mail import imap_door
from tickets.models import ImapMailbox

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 30.0  # for mailboxes that were added
_FINISH_WITHIN = 30.0


class Command(BaseCommand):
    help = "Fetches mail from the IMAP mailboxes of Django admin and stores it; workers read it. Two do no harm."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Fetch what is there now and leave.")

    def handle(self, *args: object, once: bool, **options: object) -> None:
        if once:
            self._once()
        else:
            self._attend()

    def _once(self) -> None:
        failed = []
        for mailbox in ImapMailbox.objects.filter(is_active=True):
            try:
                self.stdout.write(f"{mailbox}: {imap_door.fetch(mailbox)} new")
            except Exception as failure:  # the other mailboxes are not at fault
                imap_door.note(mailbox.pk, failure)
                failed.append(f"{mailbox}: {failure}")
        if failed:
            raise CommandError("\n".join(failed))

    def _attend(self) -> None:
        stop = threading.Event()

        def finish(signum: int, frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, finish)
        signal.signal(signal.SIGINT, finish)
        threads: dict[int, threading.Thread] = {}
        logger.info("mail is fetched from every active mailbox")
        while not stop.is_set():
            for pk in self._active():
                if pk not in threads or not threads[pk].is_alive():
                    threads[pk] = threading.Thread(target=imap_door.attend, args=(pk, stop), daemon=True)
                    threads[pk].start()
            stop.wait(_LOOK_SECONDS)
        for thread in threads.values():
            thread.join(_FINISH_WITHIN)
        logger.info("fetching mail has finished")

    def _active(self) -> list[int]:
        try:
            close_old_connections()
            return list(ImapMailbox.objects.filter(is_active=True).values_list("pk", flat=True))
        except (DatabaseError, InterfaceError) as failure:
            logger.error("the mailboxes can't be read: %s", failure)
            connection.close()
            return []
