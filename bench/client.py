"""A small HTTP client that keeps its connection, and what it measured."""

import http.client
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode


class UnexpectedAnswer(RuntimeError):
    """A page that was to be measured answered something else: no figure is better than a wrong one."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    seconds: float
    location: str = ""
    cookies: tuple[str, ...] = ()


class Browser:
    """One person's connection to one server; not for several threads at once."""

    def __init__(self, port: int, session: str, *, csrf: str = "") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.csrf = csrf
        self.cookies = f"sessionid={session}" + (f"; csrftoken={csrf}" if csrf else "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def get(self, path: str, *, compressed: bool = True) -> Answer:
        """The page at `path`; UnexpectedAnswer unless it is a 200. Compressed as for browsers, never unpacked."""
        answer = self.ask("GET", path, {"Accept-Encoding": "gzip, deflate, br"} if compressed else {})
        if answer.status != 200:
            raise UnexpectedAnswer(f"GET {path}: {answer.status} {answer.location}")
        return answer

    def post(self, path: str, fields: Mapping[str, object]) -> Answer:
        """Send a form; UnexpectedAnswer unless it is taken (a redirect)."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode({"csrfmiddlewaretoken": self.csrf, **fields}, doseq=True)
        answer = self.ask("POST", path, headers, body)
        if answer.status not in {302, 303}:
            raise UnexpectedAnswer(f"POST {path}: {answer.status} {answer.body[:300]!r}")
        return answer

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: str | None = None) -> Answer:
        headers = {"Cookie": self.cookies, **headers}
        began = time.perf_counter()
        try:
            return self._ask(method, path, headers, body, began)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # The server may close a connection that rested; the connection opens itself anew.
            self.connection.close()
            return self._ask(method, path, headers, body, time.perf_counter())

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: str | None, began: float) -> Answer:
        self.connection.request(method, path, body=body, headers=dict(headers))
        response = self.connection.getresponse()
        content = response.read()
        return Answer(response.status, content, time.perf_counter() - began, response.getheader("Location") or "")


def percentile(seconds: list[float], percent: int) -> float:
    """The smallest value that `percent` of all values don't exceed."""
    ordered = sorted(seconds)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def median(values: list[float]) -> float:
    return statistics.median(values)


def at_once(count: int, work: Callable[[int], int], *, seconds: float) -> float:
    """How many a second `count` threads get done, each calling `work(thread)`, which returns how many it did."""
    done = [0] * count
    failures: list[Exception] = []
    until = time.perf_counter() + seconds

    def go_on(number: int) -> None:
        try:
            while time.perf_counter() < until and not failures:
                done[number] += work(number)
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=go_on, args=(number,)) for number in range(count)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(done) / (time.perf_counter() - began)
