"""The engines of the storm: operating-system processes, of which one is killed every second and another begins."""

import ctypes
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from supportdesk import embedded

ROOT = Path(__file__).resolve().parent.parent.parent
_WORKER = [sys.executable, "-m", "celery", "-A", "supportdesk.celery", "worker", "--pool=prefork", "--concurrency=1"]
_WORKER += ["--queues=paging,default", "--without-mingle", "--without-gossip", "--loglevel=CRITICAL", "--beat"]
_PR_SET_PDEATHSIG = 1


class Engines:
    """Four of them: three standbys, and the process in which a Celery worker runs its tasks.

    A standby is forked from this process, which has Django loaded, so that starting one again costs no core for
    seconds; Celery does the same with its own. To be started and killed by the main thread.
    """

    def __init__(self, folder: Path, *, with_worker: bool = True) -> None:
        self.folder, self.kills = folder, 0
        self._with_worker = with_worker
        self._standbys: list[int] = []
        self._worker: subprocess.Popen[bytes] | None = None
        self._rng = random.Random(11)

    def start(self) -> None:
        from escalations.paging.engine import prepare

        prepare()
        self._standbys = [self._fork() for _ in range(3 if self._with_worker else 4)]
        if self._with_worker:
            with (self.folder / "worker.log").open("ab") as log:
                command = [*embedded.tied_to_our_life(), *_WORKER, f"--schedule={self.folder / 'beat'}"]
                self._worker = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)

    def kill_one(self) -> None:
        """One at random is killed as by kill -9, and another takes its place."""
        number = self._rng.randrange(4)
        if number < len(self._standbys):
            _kill(self._standbys[number])
            self._standbys[number] = self._fork()
            self.kills += 1
        elif child := self._child_of_the_worker():
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)  # Celery forks another
                self.kills += 1

    def stop(self) -> None:
        for pid in self._standbys:
            _kill(pid)
        if self._worker is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._worker.pid, signal.SIGKILL)
            self._worker.wait()

    def _child_of_the_worker(self) -> int | None:
        """The process of its pool; the other child is beat."""
        if self._worker is None:
            return None
        children = Path(f"/proc/{self._worker.pid}/task/{self._worker.pid}/children").read_text().split()
        return int(children[-1]) if children else None

    def _fork(self) -> int:
        from django.db import connections

        connections.close_all()
        pid = os.fork()
        if pid:
            return pid
        try:
            self._stand_by()
        finally:
            os._exit(1)

    def _stand_by(self) -> None:
        from escalations.management.commands.pager import Command

        os.setsid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        log = os.open(self.folder / f"standby{os.getpid()}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        Command().handle(once=False, check=False)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
