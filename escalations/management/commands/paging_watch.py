import logging
import signal
import threading
from types import FrameType

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from escalations.paging import watcher
from supportdesk.lib import clock

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "The watcher of paging: checks what must hold, raises alarms, pings the dead-man's address. Any number may run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Look once, say what is broken, and leave.")
        parser.add_argument(
            "--check", action="store_true", help="Fail unless the watcher of this host has looked within a minute."
        )

    def handle(self, *args: object, **options: bool) -> None:
        if options["check"]:
            if not watcher.is_alive(watcher.named()):
                raise CommandError("The watcher of this host has not looked within a minute.")
        elif options["once"]:
            self._once()
        else:
            self._watch()

    def _once(self) -> None:
        findings = watcher.look(now=clock.now())
        watcher.ping(findings)
        for finding in findings:
            if not finding.holds:
                named = "; ".join(offence.text for offence in finding.offences)
                self.stdout.write(f"{finding.in_words}: {finding.invariant.sentence} {named}".rstrip())
        if not watcher.holds(findings):
            raise CommandError("Paging is not as it must be.")

    def _watch(self) -> None:
        stop = threading.Event()

        def finish(signum: int, frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, finish)
        signal.signal(signal.SIGINT, finish)
        logger.info("the watcher looks every %s s", settings.PAGING_WATCH_SECONDS)
        # Whatever was started together with it has a moment to begin.
        while not stop.wait(settings.PAGING_WATCH_SECONDS):
            self._look()
        logger.info("the watcher has finished")

    def _look(self) -> None:
        """One look that outlives everything: while the database is away nothing is pinged, which is the alarm."""
        try:
            close_old_connections()
            watcher.ping(watcher.look(now=clock.now()))
        except (DatabaseError, InterfaceError) as failure:
            logger.error("the watcher can't reach the database: %s", failure)
            connection.close()
        except Exception:
            logger.exception("a look of the watcher failed")
