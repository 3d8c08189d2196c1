"""A small IMAP4 server on loopback: what the desk's fetching says to one, and nothing else (RFC 3501, 2177)."""

import base64
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

USER, PASSWORD, TOKEN = "support@desk.example", 'pass "word"', "access-token"


@dataclass
class ImapServer:
    """One folder, by UID. `broken` commands are answered with NO."""

    port: int = 0
    validity: int = 1
    messages: dict[int, bytes] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    fetched: list[str] = field(default_factory=list)
    logins: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def deliver(self, message: bytes) -> int:
        with self.changed:
            uid = max(self.messages, default=0) + 1
            self.messages[uid] = message
            self.changed.notify_all()
        return uid

    def wait_until_seen(self, *uids: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: set(uids) <= self.seen, 20), "it was never fetched"


class _Conversation(socketserver.StreamRequestHandler):
    server_state: ImapServer

    def handle(self) -> None:
        self._say("* OK [CAPABILITY IMAP4rev1 IDLE AUTH=XOAUTH2] here")
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            tag, _, rest = line.partition(" ")
            word = " ".join(rest.split()[: 2 if rest.upper().startswith("UID ") else 1]).upper()
            if word in self.server_state.broken:
                self._say(f"{tag} NO [UNAVAILABLE] not now")
                continue
            command = getattr(self, "_" + word.replace(" ", "_").lower(), None)
            answer = command(rest) if command else "BAD what?"
            self._say(f"{tag} {answer} done")
            if word == "LOGOUT":
                return

    def _say(self, text: str | bytes) -> None:
        self.wfile.write((text.encode() if isinstance(text, str) else text) + b"\r\n")

    def _capability(self, rest: str) -> str:
        self._say("* CAPABILITY IMAP4rev1 IDLE AUTH=XOAUTH2")
        return "OK"

    def _login(self, rest: str) -> str:
        _, user, password = rest.split(" ", 2)
        self.server_state.logins += 1
        return (
            "OK" if (user, password[1:-1].replace('\\"', '"')) == (USER, PASSWORD) else "NO [AUTHENTICATIONFAILED] who?"
        )

    def _authenticate(self, rest: str) -> str:
        self._say("+ ")
        said = base64.b64decode(self.rfile.readline()).decode()
        return "OK" if said == f"user={USER}\1auth=Bearer {TOKEN}\1\1" else "NO [AUTHENTICATIONFAILED] who?"

    def _select(self, rest: str) -> str:
        state = self.server_state
        self._say(f"* {len(state.messages)} EXISTS")
        self._say("* FLAGS (\\Seen)")
        self._say(f"* OK [UIDVALIDITY {state.validity}] counted since")
        return "OK [READ-WRITE] here"

    _examine = _select

    def _uid_search(self, rest: str) -> str:
        first = int(rest.rsplit(maxsplit=1)[-1].partition(":")[0])
        uids = sorted(self.server_state.messages)
        found = [uid for uid in uids if uid >= first] or uids[-1:]
        self._say(f"* SEARCH {' '.join(map(str, found))}".rstrip())
        return "OK"

    def _uid_fetch(self, rest: str) -> str:
        _, _, number, what = rest.split(" ", 3)
        uid, message = int(number), self.server_state.messages.get(int(number))
        self.server_state.fetched.append(what)
        if message is None:
            return "OK"
        if "RFC822.SIZE" in what:
            self._say(f"* 1 FETCH (UID {uid} RFC822.SIZE {len(message)})")
            return "OK"
        part = re.search(r"<0\.(\d+)>", what)
        text, name = (message[: int(part[1])], "BODY[]<0>") if part else (message, "BODY[]")
        self._say(f"* 1 FETCH (UID {uid} {name} {{{len(text)}}}\r\n".encode() + text + b")")
        return "OK"

    def _uid_store(self, rest: str) -> str:
        with self.server_state.changed:
            self.server_state.seen.add(int(rest.split()[2]))
            self.server_state.changed.notify_all()
        return "OK"

    def _idle(self, rest: str) -> str:
        state = self.server_state
        known = len(state.messages)
        self._say("+ idling")
        with state.changed:
            state.changed.wait_for(lambda: len(state.messages) != known, 5)
        self._say(f"* {len(state.messages)} EXISTS")
        self.rfile.readline()  # DONE
        return "OK"

    def _noop(self, rest: str) -> str:
        return "OK"

    def _logout(self, rest: str) -> str:
        self._say("* BYE")
        return "OK"


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Who asked has gone away."""


@contextmanager
def imap_server() -> Iterator[ImapServer]:
    state = ImapServer()
    server = _Server(("127.0.0.1", 0), type("Conversation", (_Conversation,), {"server_state": state}))
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
