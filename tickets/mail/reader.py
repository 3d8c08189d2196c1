"""Reading a raw message in a process of its own: whatever it holds, it costs so much time and memory and no more.

The child is a fork of the worker (a fresh interpreter would take longer than the message). It touches neither the
database nor anything else of its parent's, and leaves by `os._exit`: nothing that it inherited is closed by it.
"""

import gc
import json
import os
import resource
import select
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tickets.mail.parse import parse, parse_headers
from tickets.mail.parsed import Address, Parsed, Part, Report

CPU_SECONDS = 10
WALL_SECONDS = 30.0
MEMORY = 512 * 1024 * 1024
_HEAD_BYTES = 1024 * 1024
_RESULT = "parsed.json"


class Unreadable(Exception):
    """Not even the headers could be had; `why` is a clause for the staff."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@contextmanager
def read(raw_path: Path) -> Iterator[Parsed]:
    """What the message in the file says, its own files beside it until the end of the block.

    One on which a limit is met (10 s of processor time, 30 s, 512 MiB) is read as far as its headers, with the remark
    TOO_COMPLEX. Raises Unreadable when not even that can be done, OSError when the file can't be opened.
    """
    raw_path.stat()
    with tempfile.TemporaryDirectory(prefix="mail-") as name:
        for way in (_parse_all, _parse_head):
            folder = Path(name) / way.__name__.strip("_")
            folder.mkdir()
            if _within_limits(way, raw_path, folder):
                yield _loaded(folder)
                return
        raise Unreadable("reading it took more time or memory than a message may take")


def _parse_all(raw_path: Path, folder: Path) -> Parsed:
    return parse(raw_path.read_bytes(), folder)


def _parse_head(raw_path: Path, folder: Path) -> Parsed:
    with raw_path.open("rb") as file:
        return parse_headers(file.read(_HEAD_BYTES))


# --- The child -----------------------------------------------------------------------------------------------------


def _within_limits(way: Callable[[Path, Path], Parsed], raw_path: Path, folder: Path) -> bool:
    """Whether a child came to its end and left a result in `folder`."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        _be_child(way, raw_path, folder)
    os.close(writable)  # the child's end is the last: the pipe reports when it is gone
    try:
        gone = select.poll()
        gone.register(readable, select.POLLHUP)
        gone.poll(WALL_SECONDS * 1000)
        return _ended_well(child)
    finally:
        os.close(readable)


def _ended_well(child: int) -> bool:
    """Whether the child ended by itself and well; one that runs on is killed."""
    until = time.monotonic() + 1
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < until:
        time.sleep(0.001)
    if ended == (0, 0):
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        ended = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(ended[1]) == 0


def _be_child(way: Callable[[Path, Path], Parsed], raw_path: Path, folder: Path) -> None:
    """Parse, leave the result, and be gone, whatever happens."""
    code = 1
    try:
        gc.disable()  # nothing of the parent's is to be taken away, and the child lives too short to need it
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        _limit()
        parsed = way(raw_path, folder)
        (folder / _RESULT).write_text(json.dumps(asdict(parsed), default=str))
        code = 0
    finally:
        os._exit(code)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + MEMORY,) * 2)


def _address_space() -> int:
    """What the process has of it already, which is the parent's; a guess where the system doesn't tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 1024 * 1024 * 1024


# --- The result ----------------------------------------------------------------------------------------------------


def _loaded(folder: Path) -> Parsed:
    found: dict[str, Any] = json.loads((folder / _RESULT).read_text())
    for name in ("reply_to", "to", "cc"):
        found[name] = tuple(Address(**one) for one in found[name])
    for name in ("references", "remarks"):
        found[name] = tuple(found[name])
    found["parts"] = tuple(Part(**{**one, "path": Path(one["path"])}) for one in found["parts"])
    found["sender"] = Address(**found["sender"]) if found["sender"] else None
    found["report"] = Report(**found["report"]) if found["report"] else None
    return Parsed(**found)
