"""A provider of messages for tests and for the storm: a real HTTP server that answers well, badly, or not at all.

It speaks the part of Twilio's API that the desk calls (Messages.json, Calls.json); any other path stands for web push,
webhooks and chat. In a test each message has to be expected, and what was not fails the test (`check`). As a process
of its own (`python tests/provider.py --port 9000 --log FILE`; as a module it would start the suite's servers) it takes
everything. What it received is kept in
`received` and appended to the log, a JSON line each, before it answers: losses and repeats are counted from that.
"""

import argparse
import json
import random
import re
import signal
import socket
import struct
import threading
import time
import urllib.request
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from twilio.request_validator import RequestValidator

_TWILIO = re.compile(r"/2010-04-01/Accounts/(?P<account>\w+)/(?P<what>Messages|Calls)\.json")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_HANGS_AT_MOST = 30.0  # seconds, longer than anybody waits

Post = Callable[[str, dict[str, str], dict[str, str]], object]


@dataclass(frozen=True)
class Behaviour:
    """How it answers one message. `refuse` is `status` with Twilio's `code`; `reset` takes the message, then hangs up.

    `calls_back` are the statuses that it tells afterwards, when the test says so (`call_back`): none is never.
    """

    what: str = "accept"
    status: int = 201
    code: int = 0
    text: str = ""
    calls_back: tuple[str, ...] = ()

    def then(self, *statuses: str) -> "Behaviour":
        return replace(self, calls_back=statuses)


ACCEPT = Behaviour()
HANG = Behaviour("hang")
RESET = Behaviour("reset")
NO_SUCH_NUMBER = Behaviour("refuse", 400, 21211, "Invalid 'To' Phone Number")
UNSUBSCRIBED = Behaviour("refuse", 400, 21610, "Attempt to send to unsubscribed recipient")
TOO_MANY = Behaviour("refuse", 429, 20429, "Too Many Requests")
BROKEN = Behaviour("refuse", 500, 20500, "Internal Server Error")
GARBLED = Behaviour("garble", 201)


@dataclass(frozen=True)
class Received:
    """One request: when (seconds since 1970), to whom, in which words, of which message of ours, and our answer."""

    at: float
    path: str
    to: str
    body: str
    message: str
    answered: str
    sid: str = ""
    form: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def taken(self) -> bool:
        """Whether it reached its person, whatever the desk was told."""
        return self.answered in {"accept", "reset"}


class Provider:
    """`expect` says what may come and how it is answered; `accept_everything` is for storms."""

    def __init__(self, *, port: int = 0, log: Path | None = None, token: str = "", seed: int | None = None) -> None:
        self.received: list[Received] = []
        self.token = token
        self._log = log
        self._random = random.Random(seed)
        self._expected: dict[str, deque[Behaviour]] = defaultdict(deque)
        self._unexpected: list[Received] = []
        self._callbacks: list[tuple[Received, str]] = []
        self._everything: Callable[[], Behaviour] | None = None
        self._lock = threading.Condition()
        self._over = threading.Event()
        self._server = _Server(("127.0.0.1", port), self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> "Provider":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    # --- What is to come ------------------------------------------------------------------------------------------
    def expect(self, to: str, *behaviours: Behaviour) -> None:
        """`to` is a number, or a path that isn't Twilio's; one behaviour a message, by default one that is accepted."""
        self._expected[to].extend(behaviours or (ACCEPT,))

    def accept_everything(self, *, refuse: float = 0, lose: float = 0, calls_back: tuple[str, ...] = ()) -> None:
        """Nothing is unexpected; so large a share is refused for now, or taken without an answer."""

        def choose() -> Behaviour:
            drawn = self._random.random()
            return BROKEN if drawn < refuse else (RESET if drawn < refuse + lose else ACCEPT).then(*calls_back)

        self._everything = choose

    def check(self) -> None:
        """Fail for each message that nobody expected, and for each that was expected and never came."""
        strange = [f"{one.to or one.path}: {one.body}" for one in self._unexpected]
        missing = {to: len(left) for to, left in self._expected.items() if left}
        assert not strange, f"unexpected messages: {strange}"
        assert not missing, f"messages that never came: {missing}"

    # --- What came ------------------------------------------------------------------------------------------------
    def to(self, number: str) -> list[Received]:
        return [one for one in self.received if one.to == number]

    def wait_for(self, number: int, seconds: float = 10) -> None:
        """Until so many messages came."""
        with self._lock:
            assert self._lock.wait_for(lambda: len(self.received) >= number, seconds), "it never came"

    def take(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[Received, Behaviour]:
        form = {key: values[-1] for key, values in parse_qs(body.decode(errors="replace")).items()}
        is_twilio = _TWILIO.fullmatch(path)
        to = form.get("To", "") if is_twilio else ""
        words = form.get("Body") or form.get("Twiml") or form.get("Url", "") if is_twilio else body.decode("latin-1")
        known = _UUID.search(form.get("StatusCallback", "") if is_twilio else words)
        sid = f"{'SM' if is_twilio and is_twilio['what'] == 'Messages' else 'CA'}{self._random.getrandbits(128):032x}"
        one = Received(
            time.time(), path, to, words, known[0] if known else "", "", sid, form if is_twilio else {}, headers
        )
        with self._lock:
            behaviour, was_expected = self._behaviour(to or path)
            one = replace(one, answered=behaviour.what)
            self.received.append(one)
            if not was_expected:
                self._unexpected.append(one)
            if "StatusCallback" in form:
                self._callbacks += [(one, status) for status in behaviour.calls_back]
            self._write(one)
            self._lock.notify_all()
        return one, behaviour

    def _behaviour(self, to: str) -> tuple[Behaviour, bool]:
        if self._expected.get(to):
            return self._expected[to].popleft(), True
        if self._everything is not None:
            return self._everything(), True
        return ACCEPT, False

    def _write(self, one: Received) -> None:
        if self._log is None:
            return
        line = {key: value for key, value in asdict(one).items() if key not in {"form", "headers"}}
        with self._log.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def wait_for_hanging(self) -> None:
        self._over.wait(_HANGS_AT_MOST)

    # --- What it tells afterwards -----------------------------------------------------------------------------------
    def call_back(self, post: Post | None = None, *, times: int = 1, reverse: bool = False) -> list[Any]:
        """Tell what is still to be told: late, `times` over, or in the wrong order; each is signed as Twilio does."""
        with self._lock:
            due, self._callbacks = self._callbacks, []
        answers = []
        for one, status in reversed(due) if reverse else due:
            for _ in range(times):
                answers.append(self.tell(one, status, post))
        return answers

    def tell(self, one: Received, status: str, post: Post | None = None, **more: str) -> Any:
        """Tell one status of one message to the address that came with it."""
        kind = "Call" if one.path.endswith("Calls.json") else "Message"
        form = {f"{kind}Sid": one.sid, f"{kind}Status": status, "To": one.to, **more}
        return self.post(one.form["StatusCallback"], form, post)

    def post(self, url: str, form: dict[str, str], post: Post | None = None) -> Any:
        """A signed request to the desk: through `post` (a test's client), else over the network."""
        signature = RequestValidator(self.token).compute_signature(url, form)
        return (post or _post)(url, form, {"X-Twilio-Signature": signature})


def _post(url: str, form: dict[str, str], headers: dict[str, str]) -> int:
    request = urllib.request.Request(url, urlencode(form).encode(), headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return int(answer.status)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], provider: Provider) -> None:
        self.provider = provider
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who called went away: that is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        one, behaviour = self.server.provider.take(path, body, dict(self.headers))
        if behaviour.what == "hang":
            self.server.provider.wait_for_hanging()
            self._hang_up()
        elif behaviour.what == "reset":
            self._hang_up()
        elif behaviour.what == "garble":
            self._answer(201, b"<html>Welcome to the hotel's network</html>")
        else:
            self._answer(behaviour.status, json.dumps(_words(one, behaviour)).encode())

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Its log is a file of its own."""


def _words(one: Received, behaviour: Behaviour) -> dict[str, Any]:
    if behaviour.what == "refuse":
        return {"code": behaviour.code, "message": behaviour.text, "status": behaviour.status}
    return {"sid": one.sid, "status": "queued", "to": one.to, "id": one.sid}


@contextmanager
def running(**options: Any) -> Iterator[Provider]:
    """A provider for the length of a test; its end checks that all was as expected."""
    provider = Provider(**options).start()
    try:
        yield provider
        provider.check()
    finally:
        provider.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--refuse", type=float, default=0, help="The share answered with 500.")
    parser.add_argument("--lose", type=float, default=0, help="The share taken without an answer.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--call-back", nargs="*", default=[], help="Statuses told after each message, if it can be.")
    parser.add_argument("--token", default="", help="Signs what it calls back.")
    options = parser.parse_args()
    provider = Provider(port=options.port, log=options.log, token=options.token, seed=options.seed)
    provider.accept_everything(refuse=options.refuse, lose=options.lose, calls_back=tuple(options.call_back))
    provider.start()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(0.2):
        with suppress(OSError):
            provider.call_back()
    provider.stop()


if __name__ == "__main__":
    main()
