"""How fast raw messages are read, each in a child of its own, and what a large one takes: `python -m bench.mail_parse`.

Needs no servers: it reads the messages of the tests.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from tickets.mail import reader

_FIXTURES = Path(__file__).parent.parent / "tests" / "tickets" / "mail" / "fixtures"
_SECONDS = 10.0
_LINES = 310_000  # of 80 bytes each: 25 MB


def rate() -> tuple[float, float]:
    """Messages read in a second, one after another, over the fixtures; and in one of processor time, however busy
    the machine is with other things."""
    paths = sorted(_FIXTURES.glob("*.eml"))
    begun, spent, count = time.monotonic(), _processor_seconds(), 0
    while time.monotonic() - begun < _SECONDS:
        for path in paths:
            with reader.read(path):
                count += 1
    return count / (time.monotonic() - begun), count / (_processor_seconds() - spent)


def _processor_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def large(folder: Path) -> tuple[float, int]:
    """Seconds and peak memory (kB, what this process shares with the child included) of a message of 25 MB."""
    line = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3\n"
    head = b"From: rita@northwind.example\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nSee the file.\n--x\n"
    part = b"Content-Disposition: attachment; filename=big.bin\nContent-Transfer-Encoding: base64\n\n"
    path = folder / "large.eml"
    with path.open("wb") as file:
        file.write(head + part)
        for _ in range(_LINES):
            file.write(line)
        file.write(b"--x--\n")
    begun = time.monotonic()
    with reader.read(path) as parsed:
        seconds = time.monotonic() - begun
        assert not parsed.remarks
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        seconds, peak = large(Path(name))
    print(f"a message of 25 MB: {seconds:.2f} s, {peak / 1024:.0f} MiB at most")
    by_clock, by_processor = rate()
    print(f"the fixtures: {by_clock:.0f} messages/s, {by_processor:.0f} a second of one processor")
    return 0


if __name__ == "__main__":
    sys.exit(main())
