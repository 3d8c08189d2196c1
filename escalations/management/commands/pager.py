import logging
import signal
import threading
from types import FrameType

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from escalations.paging.engine import is_alive, prepare, run_pass

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "The standby pager: runs the paging engine every few seconds, without a broker. Any number may run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Run one full pass and leave.")
        parser.add_argument(
            "--check", action="store_true", help="Fail unless the standby of this host has passed within 15 s."
        )

    def handle(self, *args: object, **options: bool) -> None:
        if options["check"]:
            if not is_alive("standby"):
                raise CommandError("The standby pager of this host has not finished a pass within 15 s.")
            return
        if options["once"]:
            run_pass("standby")
            return
        self._stand_by()

    def _stand_by(self) -> None:
        stop = threading.Event()

        def finish(signum: int, frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, finish)
        signal.signal(signal.SIGINT, finish)
        prepare()
        logger.info("the standby pager runs every %s s", settings.PAGING_STANDBY_SECONDS)
        while not stop.is_set():
            self._pass()
            stop.wait(settings.PAGING_STANDBY_SECONDS)
        logger.info("the standby pager has finished")

    def _pass(self) -> None:
        """One pass that outlives everything: a database that restarts is asked again at the next."""
        try:
            close_old_connections()
            run_pass("standby")
        except (DatabaseError, InterfaceError) as failure:
            logger.error("the standby pager can't reach the database: %s", failure)
            connection.close()
        except Exception:
            logger.exception("a pass of the standby pager failed")
