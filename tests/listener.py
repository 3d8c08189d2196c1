"""A real HTTP server on this machine that writes down what it is sent and answers as it is told."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Reply = tuple[int, Any] | str
"""A status with a body (bytes, or what becomes JSON), or `hang`, `hang up`, `drip`, `flood`."""


@dataclass
class Listener:
    """`replies` by the beginning of the path, the longest first; a function is asked with the request."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    replies: dict[str, Reply | Callable[[Request], Reply]] = field(default_factory=lambda: {"/": (200, {})})
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reply(self, request: Request) -> Reply:
        fitting = [path for path in self.replies if request.path.startswith(path)]
        found = self.replies[max(fitting, key=len)] if fitting else (404, {})
        return found(request) if callable(found) else found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    listener: Listener

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        self.listener.requests.append(request)
        reply = self.listener.reply(request)
        self.close_connection = True
        if isinstance(reply, str):
            self._misbehave(reply)
        else:
            self._answer(*reply)

    do_GET = do_POST = do_PUT = _serve

    def _answer(self, status: int, content: Any) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        if status in {301, 302, 307, 308}:
            self.send_header("Location", content)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _misbehave(self, how: str) -> None:
        if how == "hang":
            self.listener.over.wait(20)
        elif how == "hang up":
            self.connection.shutdown(socket.SHUT_RDWR)
        elif how == "drip":
            self._stream(lambda: b"x", pause=0.05)
        elif how == "flood":
            self._stream(lambda: b"x" * 65536, pause=0)

    def _stream(self, chunk: Callable[[], bytes], *, pause: float) -> None:
        try:
            self.send_response(200)
            self.end_headers()
            until = time.monotonic() + 20
            while time.monotonic() < until and not self.listener.over.wait(pause):
                self.wfile.write(chunk())
                self.wfile.flush()
        except OSError:
            pass  # who asked has gone

    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def listening(tls: ssl.SSLContext | None = None) -> Iterator[Listener]:
    listener = Listener()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"listener": listener}))
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    listener.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
