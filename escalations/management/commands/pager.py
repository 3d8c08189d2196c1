import logging
import signal
import threading
from types import FrameType

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from escalations.paging.engine import run_pass

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "The standby pager: runs the paging engine every few seconds, without a broker. Any number may run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Run one full pass and leave.")

    def handle(self, *args: object, **options: bool) -> None:
        if options["once"]:
            run_pass("standby")
            return
        stop = threading.Event()

        def finish(signum: int, frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, finish)
        signal.signal(signal.SIGINT, finish)
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
