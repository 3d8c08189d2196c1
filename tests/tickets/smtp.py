"""A mail server on loopback that does as it is told: real SMTP, no dependency."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import Message

Verdict = str
"""What the server answers to a recipient or a text, such as `250 fine` or `550 no such mailbox`; `hang up` ends it."""


@dataclass
class MailServer:
    """What it took in, and what it says to recipients and to texts."""

    port: int = 0
    mails: list[Message] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    connections: int = 0
    recipient: Callable[[str], Verdict] = lambda address: "250 fine"
    sender: Callable[[str], Verdict] = lambda address: "250 fine"
    text: Callable[[bytes], Verdict] = lambda text: "250 taken"
    lock: threading.Lock = field(default_factory=threading.Lock)

    def taken(self) -> list[str]:
        return sorted(str(mail["To"]) for mail in self.mails)


class _Conversation(socketserver.StreamRequestHandler):
    desk: MailServer

    def handle(self) -> None:
        with self.desk.lock:
            self.desk.connections += 1
        self._say("220 here")
        while line := self.rfile.readline().decode(errors="replace").strip():
            word, _, rest = line.partition(" ")
            if not self._answer(word.upper(), rest):
                return

    def _answer(self, word: str, rest: str) -> bool:
        if word == "DATA":
            self._say("354 go on")
            return self._verdict(self._take())
        if word == "QUIT":
            return self._say("221 bye") and False
        if word == "RCPT":
            return self._verdict(self.desk.recipient(_address(rest)))
        if word == "MAIL":
            with self.desk.lock:
                self.desk.senders.append(_address(rest))
            return self._verdict(self.desk.sender(_address(rest)))
        return self._say("250 fine")

    def _take(self) -> Verdict:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b"."))
        text = b"".join(lines)
        verdict = self.desk.text(text)
        if verdict.startswith("2"):
            with self.desk.lock:
                self.desk.mails.append(message_from_bytes(text, policy=policy.default))
        return verdict

    def _verdict(self, verdict: Verdict) -> bool:
        return verdict != "hang up" and self._say(verdict)

    def _say(self, line: str) -> bool:
        self.wfile.write(f"{line}\r\n".encode())
        return True


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]


@contextmanager
def mail_server() -> Iterator[MailServer]:
    desk = MailServer()
    handler = type("Handler", (_Conversation,), {"desk": desk})
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    desk.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield desk
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
