"""The mail intake in this process: a real aiosmtpd on loopback, in a thread with an event loop of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tickets.mail import smtp_door


@contextmanager
def taking_mail(*, lmtp: bool = False) -> Iterator[int]:
    """The port on which mail is taken."""
    stop, started, ports = threading.Event(), threading.Event(), []

    def ready(port: int) -> None:
        ports.append(port)
        started.set()

    async def stopped() -> None:
        while not stop.is_set():
            await asyncio.sleep(0.02)

    serving = smtp_door.serve_until(stopped, "127.0.0.1", 0, lmtp=lmtp, ready=ready)
    thread = threading.Thread(target=asyncio.run, args=[serving])
    thread.start()
    assert started.wait(10), "it never listened"
    try:
        yield ports[0]
    finally:
        stop.set()
        thread.join(40)
