"""The one way out to addresses that people typed: never inside our own network, never for long, never elsewhere.

The name is looked up once, every address behind it must be public, and the connection goes to one that was looked at,
so that a name that answers differently the next time (DNS rebinding) gains nothing. Redirects are not followed.
`http.client` on a socket of our own rather than `requests`: no proxies from the environment, no retries, no unpacking
of compressed bodies, and TLS names the host while the socket goes to the address.
"""

import http.client
import ipaddress
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

import certifi
from django.conf import settings

SECONDS = 5.0
"""For everything: the name, the connection, TLS, the request and the answer."""

MOST_BYTES = 64 * 1024
_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")
# What older Pythons call global: protocol assignments, the relays of 6to4; and tunnels into IPv4 (Teredo, 6to4).
_SPECIAL = [
    *map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4")),
    *map(ipaddress.ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")),
]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class EgressError(Exception):
    """There is no answer; what kind of error it is says whether the request may have arrived."""


class Refused(EgressError):
    """The desk does not call this address: it is malformed, not public, or not encrypted."""


class NotWritten(EgressError):
    """The other side can't be reached: it certainly got nothing."""


class Unanswered(EgressError):
    """The request was (perhaps only partly) written, and no answer came: nobody can tell what became of it."""


@dataclass(frozen=True)
class Answer:
    """What came back; of a body at most 64 kB."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body's JSON; None for anything else."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True)
class _Way:
    """Where to: `host` is what Host and TLS name, `addresses` what may be connected to."""

    parts: SplitResult
    host: str
    port: int
    addresses: tuple[str, ...]


def check(url: str, *, seconds: float = SECONDS) -> None:
    """Raises Refused for an address that the desk would not call, NotWritten when its name is unknown now."""
    _way_to(url, known=False, until=time.monotonic() + seconds)


def send(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    known: bool = False,
    seconds: float = SECONDS,
) -> Answer:
    """One request and its answer, whatever its status. `known`: the address is the operator's own setting.

    Raises Refused, NotWritten, Unanswered.
    """
    until = time.monotonic() + seconds
    way = _way_to(url, known=known, until=until)
    connection = http.client.HTTPConnection(way.host, way.port)
    connection.sock = _connect(way, until)
    name = f"[{way.host}]" if ":" in way.host else way.host
    name = name if way.port == _PORTS[way.parts.scheme] else f"{name}:{way.port}"
    sent = {"Host": name, "User-Agent": "SupportDesk", **(headers or {})}
    target = f"{way.parts.path or '/'}{'?' + way.parts.query if way.parts.query else ''}"
    try:
        with _cut_off(connection.sock, until):
            connection.request(method, target, body=body, headers=sent)
            response = connection.getresponse()
            found = response.read(MOST_BYTES)
            return Answer(response.status, found, {name.lower(): value for name, value in response.getheaders()})
    except (OSError, http.client.HTTPException, ValueError) as failure:
        late = time.monotonic() >= until
        raise Unanswered(f"no answer within {seconds:g} s" if late else f"no answer: {failure}") from failure
    finally:
        connection.close()


def is_public(address: str) -> bool:
    """Whether an address belongs to the open internet, also when it is an IPv4 one in IPv6's clothes."""
    try:
        found: _Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if found in _NAT64:
        found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    if isinstance(found, ipaddress.IPv6Address) and found not in _UNICAST:
        return False  # also what is mapped from IPv4, link-local, of a site, multicast
    return found.is_global and not found.is_multicast and not any(found in network for network in _SPECIAL)


def _way_to(url: str, *, known: bool, until: float) -> _Way:
    parts, host, port = _take_apart(url)
    trusted = known or _is_allowed(host, port)
    if not trusted and parts.scheme != "https":
        raise Refused("it must begin with https://")
    if not trusted and port != _PORTS["https"]:
        raise Refused("only port 443 may be called")
    addresses = _look_up(host, port, until)
    if not trusted and not all(map(is_public, addresses)):
        raise Refused("it leads into a private network")
    return _Way(parts, host, port, addresses)


def _take_apart(url: str) -> tuple[SplitResult, str, int]:
    if any(character <= " " or character in '\\"<>^`{|}\x7f' for character in url) or not url.isascii():
        raise Refused("it is no web address")
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise Refused("it is no web address") from None
    host = (parts.hostname or "").rstrip(".")
    if not host or "%" in host:
        raise Refused("it names no host")
    if "@" in parts.netloc:
        raise Refused("it holds a name or a password")
    return parts, host, port


def _is_allowed(host: str, port: int) -> bool:
    """Whether the operator names it as an exception (settings.EGRESS_ALLOWED_HOSTS: host or host:port)."""
    name = f"[{host}]" if ":" in host else host
    allowed = {entry.lower() for entry in settings.EGRESS_ALLOWED_HOSTS}
    return bool(allowed & {host, name, f"{name}:{port}"})


def _look_up(host: str, port: int, until: float) -> tuple[str, ...]:
    """Every address of the host. The system's own look-up knows no time limit, so it is waited for elsewhere."""
    if literal := _literal(host):
        return (literal,)
    found: list[Any] = []

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            found.clear()

    asker = threading.Thread(target=ask, daemon=True)
    asker.start()
    asker.join(max(0.0, until - time.monotonic()))
    addresses = tuple(dict.fromkeys(str(row[4][0]) for row in tuple(found)))
    if not addresses:
        raise NotWritten(f"{host} is not known")
    return addresses


def _literal(host: str) -> str:
    """The address that the host is written as; also as 2130706433 or 0x7f.1, as the system would read it."""
    if ":" in host:
        with suppress(ValueError):
            return str(ipaddress.IPv6Address(host))
    with suppress(OSError):
        return socket.inet_ntoa(socket.inet_aton(host))
    return ""


def _connect(way: _Way, until: float) -> socket.socket:
    """A connection, for https encrypted, to the first address that answers."""
    failure: Exception | None = None
    for address in way.addresses:
        left = until - time.monotonic()
        if left <= 0:
            break
        plain = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        plain.settimeout(left)
        try:
            plain.connect((address, way.port))
            return _encrypted(plain, way.host) if way.parts.scheme == "https" else plain
        except (OSError, ValueError) as problem:
            plain.close()
            failure = problem
    why = getattr(failure, "strerror", None) or failure or "it does not answer in time"
    raise NotWritten(f"{way.host} can't be reached: {why}") from failure


def _encrypted(plain: socket.socket, host: str) -> socket.socket:
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())
    return context.wrap_socket(plain, server_hostname=host)


@contextmanager
def _cut_off(connection: socket.socket, until: float) -> Iterator[None]:
    """End the connection at the limit: each read of a body that drips would be in time by itself."""
    # The plain socket's shutdown also of an encrypted one, whose own would touch what the reader is using.
    timer = threading.Timer(max(0.0, until - time.monotonic()), _shut_down, [connection])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if time.monotonic() >= until:
        raise TimeoutError("cut off")  # what was read until then may be half of it


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):  # it was over already
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
