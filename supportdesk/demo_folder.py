"""What lies in DEMO_DIR beside the desk's own data: the key, the lock, and how to reach the demo that runs."""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = "environment.json"


class Refused(RuntimeError):
    """The demo can't run here; the text says what to do."""


def secret_key(file: Path) -> str:
    """A random key made once, so that sessions live through a restart."""
    if not file.exists():
        write_private(file, secrets.token_urlsafe(50))
    return file.read_text()


def write_private(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text)


def borrow_environment() -> None:
    """Let a command without a database of its own (`manage.py demo_clock +48h`) talk to the demo that runs."""
    file = demo_folder() / ENVIRONMENT
    if not os.environ.get("DATABASE_URL") and file.exists():
        os.environ.update(json.loads(file.read_text()))


def demo_folder() -> Path:
    return Path(os.environ.get("DEMO_DIR") or ROOT / "var").expanduser().resolve()


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """A lock on DEMO_DIR that ends with this process; Refused while another demo holds it."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"Another demo runs on {folder}. Stop it, or choose another folder with DEMO_DIR.") from None
        yield


def reset(folder: Path) -> int:
    """Delete the demo's folder; Refused while a demo runs on it, or when it holds something else."""
    if not folder.exists():
        return 0
    if not (folder / "lock").exists():
        raise Refused(f"{folder} was not made by the demo, so it is left alone.")
    with only_one(folder):
        shutil.rmtree(folder)
    return 0
