"""The MIME tree of a message (RFC 2045, 2046), found without recursion and within limits.

The library's own parser goes one generator deeper with every level, which a message of 2,000 levels turns into a
crash. This one cuts the raw bytes at the boundaries, level by level, and lets the library read the headers only.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesHeaderParser

from tickets.mail.parse.charsets import decoded, recovered
from tickets.mail.parse.words import one_line, unbase64, words

MOST_DEPTH = 50
MOST_PARTS = 500
_MOST_HEADERS = 1024 * 1024
_MOST_OF_A_CONTENT_HEADER = 4096

_HEADER_LINE = re.compile(rb"(?:[!-9;-~]+[ \t]*:|[ \t]|From )[^\n]*\n?")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")


class TooComplex(Exception):
    """The message has more levels or more parts than a person's."""


@dataclass(eq=False)
class Entity:
    """A message or a part of one: its headers, and `body` as it was sent, or the `children` it is made of."""

    headers: Message
    body: bytes
    depth: int
    content_type: str
    children: list["Entity"] = field(default_factory=list)

    @property
    def main_type(self) -> str:
        return self.content_type.partition("/")[0]

    @property
    def disposition(self) -> str:
        return one_line(str(self.headers.get("Content-Disposition", "")).partition(";")[0]).lower()

    @property
    def content_id(self) -> str:
        return one_line(self.header("Content-ID")).strip("<> ")[:250]

    @property
    def filename(self) -> str:
        """The name that its sender gave it, decoded (RFC 2231, RFC 2047), perhaps empty."""
        return one_line(self.param("filename", "content-disposition") or self.param("name"))[:1000]

    def header(self, name: str) -> str:
        """The raw value of the first such header; empty where there is none."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers.raw_items() if key.lower() == name.lower()]

    def param(self, name: str, header: str = "content-type") -> str:
        try:
            value = self.headers.get_param(name, "", header=header)
        except (ValueError, TypeError, IndexError, KeyError):  # the library stumbles over mixed continuations
            return ""
        if isinstance(value, tuple):
            return decoded(str(value[2] or "").encode("latin-1", "replace"), str(value[0] or "utf-8"))
        return words(str(value or ""))

    def content(self) -> bytes:
        """The body with its transfer encoding undone, as far as it can be."""
        encoding = one_line(self.header("Content-Transfer-Encoding")).lower()
        if encoding == "base64":
            return unbase64(self.body)
        return binascii.a2b_qp(self.body) if encoding == "quoted-printable" else self.body

    def text(self) -> str:
        return decoded(self.content(), self.param("charset"))

    def walk(self) -> Iterator["Entity"]:
        """Itself and all below it, in the order of the message; attached messages are not entered."""
        waiting = [self]
        while waiting:
            entity = waiting.pop()
            yield entity
            if entity.content_type != "message/rfc822":
                waiting.extend(reversed(entity.children))


def split(raw: bytes) -> Entity:
    """The tree of a raw message. Raises TooComplex over 50 levels or 500 parts, attached messages included."""
    root = _entity(raw, 0)
    waiting, count = [root], 1
    while waiting:
        entity = waiting.pop()
        default = "message/rfc822" if entity.content_type == "multipart/digest" else "text/plain"
        for body in _pieces(entity):
            child = _entity(body, entity.depth + 1, default)
            entity.children.append(child)
            waiting.append(child)
            count += 1
            if count > MOST_PARTS or child.depth > MOST_DEPTH:
                raise TooComplex
        if entity.main_type == "multipart" and entity.children:
            entity.body = b""  # its parts hold it: a large file is kept once, not once a level
    return root


def headers_of(raw: bytes) -> Entity:
    """The headers of a raw message alone, as an entity without children."""
    return _entity(raw[:_MOST_HEADERS], 0)


def _entity(raw: bytes, depth: int, default: str = "text/plain") -> Entity:
    head, body = _cut(raw)
    headers = BytesHeaderParser().parsebytes(head)
    content = Message()
    for name, value in headers.raw_items():
        is_content = name.lower().startswith("content-")
        content.set_raw(name, recovered(value)[:_MOST_OF_A_CONTENT_HEADER] if is_content else value)
    written = one_line(str(content.get("Content-Type", ""))).partition(";")[0].strip().lower()
    return Entity(content, body, depth, written if _TYPE.fullmatch(written) else default)


def _cut(raw: bytes) -> tuple[bytes, bytes]:
    """Headers and body. Headers end at an empty line, or at the first that can't be one."""
    at = 0
    while at < len(raw) and at < _MOST_HEADERS:
        line = _HEADER_LINE.match(raw, at)
        if line is None:
            break
        at = line.end()
    return raw[:at], re.sub(rb"\A\r?\n", b"", raw[at : at + 2]) + raw[at + 2 :]


def _pieces(entity: Entity) -> list[bytes]:
    if entity.content_type == "message/rfc822":
        return [entity.content()]
    boundary = entity.param("boundary") if entity.main_type == "multipart" else ""
    if not boundary:
        return []
    return list(_between(entity.body, b"--" + boundary.rstrip().encode("utf-8", "surrogateescape")))


def _between(body: bytes, separator: bytes) -> Iterator[bytes]:
    """What stands between the lines that begin with `separator`; a missing last one is forgiven."""
    start = -1
    at = body.find(separator)
    while at >= 0:
        end = body.find(b"\n", at) + 1 or len(body)
        rest = body[at + len(separator) : end].rstrip()
        if (at == 0 or body[at - 1 : at] == b"\n") and rest in {b"", b"--"}:
            if start >= 0:
                yield body[start : max(start, at - (2 if body[at - 2 : at] == b"\r\n" else 1))]
            start = end if not rest else -1
            if rest:
                return
        at = body.find(separator, max(end - 1, at + 1))
    if 0 <= start < len(body):
        yield body[start:]
