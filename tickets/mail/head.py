"""The header of a raw message, read byte by byte as a mail server reads it: bytes in, bytes out, no Django.

Not by the email package, which takes a lone CR for the end of a line: what a relay saw as the inside of a field would
become a field of its own (a forged verdict).
"""

import hashlib
import re
from collections.abc import Iterator
from email.utils import getaddresses

import authres

_END = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"([!-9;-~]+):(.*)", re.DOTALL)
_BLANKS = re.compile(rb"\s+")
_WRITTEN_BY_ITS_AUTHOR = tuple(b"from sender to cc subject date message-id in-reply-to references content-type".split())
_LONGEST_VERDICT = 500
_PIECE = 256 * 1024
_CR = 0x0D
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def split(raw: bytes) -> tuple[bytes, int]:
    """The header, without the empty line below it, and where the body begins (a copy of it would be memory)."""
    if raw.startswith((b"\n", b"\r\n")):
        return b"", raw.index(b"\n") + 1
    end = _END.search(raw)
    return (raw[: end.start()], end.end()) if end else (raw, len(raw))


def fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each field, from the top: its name in small letters, its value unfolded. Ends at the first line that is none."""
    lines = head.removesuffix(b"\n").split(b"\n")
    if lines[0].startswith((b"From ", b">From ")):  # an mbox's
        lines = lines[1:]
    name, value = b"", b""
    for line in (line.removesuffix(b"\r") for line in lines):
        if name and line.startswith((b" ", b"\t")):
            value += line
            continue
        if name:
            yield name, value.strip()
        found = _FIELD.fullmatch(line)
        if found is None:
            return
        name, value = found[1].lower(), found[2]
    if name:
        yield name, value.strip()


def digest_of(raw: bytes) -> str:
    """64 hexadecimal digits that stand for what its author wrote: neither trace fields, nor how lines are folded and
    ended, nor empty lines at the end change it."""
    head, body = split(raw)
    digest = hashlib.sha256()
    found = list(fields(head))
    for wanted in _WRITTEN_BY_ITS_AUTHOR:
        for name, value in found:
            if name == wanted:
                digest.update(name + b":" + _BLANKS.sub(b" ", value) + b"\n")
    digest.update(b"\n")
    for piece in _normalised(raw, body):
        digest.update(piece)
    return digest.hexdigest()


def _normalised(raw: bytes, start: int) -> Iterator[bytes]:
    """What follows from `start` on, with every line ended by LF, without the empty lines at the end."""
    held = 0  # line ends that may be the last ones
    for at in range(start, len(raw), _PIECE):
        piece = raw[at : at + _PIECE]
        if at > start and raw[at - 1] == _CR and piece.startswith(b"\n"):
            piece = piece[1:]
        text = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        kept = text.rstrip(b"\n")
        if kept:
            yield b"\n" * held + kept
            held = 0
        held += len(text) - len(kept)


def verdict_of(raw: bytes, *, authserv_id: str) -> str:
    """What the mail server called `authserv_id` found out about the sender: the value of the topmost
    Authentication-Results field (RFC 8601), if that server wrote it; otherwise empty.

    Who calls knows that the message comes from that server, which takes out every such field that a stranger sends
    under its name. Any further field, ARC's and Received-SPF are believed by nobody.
    """
    topmost = next((value for name, value in fields(split(raw)[0]) if name == b"authentication-results"), b"")
    verdict = _BLANKS.sub(b" ", topmost).decode(errors="replace").strip()
    if not authserv_id or not verdict or _CONTROLS.search(verdict):
        return ""
    words = verdict.partition(";")[0].split()
    if not words or words[0].lower() != authserv_id.lower():
        return ""
    return verdict if len(verdict) <= _LONGEST_VERDICT else _shortened(verdict)


def _shortened(verdict: str) -> str:
    """The same without comments, and, where that is still too long, with as many results as fit: every one of DMARC,
    which decides where there is any, then those of DKIM and SPF that passed."""
    try:
        read = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {verdict}")
    except Exception:  # the library's own errors, and what it raises for text that is none of the kind
        return ""
    by_dmarc = [result for result in read.results if result.method == "dmarc"]
    others = [result for result in read.results if result.method in {"dkim", "spf"} and result.result == "pass"]
    for kept in range(len(others), -1, -1):
        short = authres.AuthenticationResultsHeader(authserv_id=read.authserv_id, results=by_dmarc + others[:kept])
        text = str(short).partition(":")[2].strip()
        if len(text) <= _LONGEST_VERDICT:
            return text
    return ""


def addresses_in(raw: bytes, *names: bytes) -> list[str]:
    """The addresses of all fields called so (small letters), in that order; each once."""
    found = list(fields(split(raw)[0]))
    values = [value.decode(errors="replace") for wanted in names for name, value in found if name == wanted]
    return list(dict.fromkeys(address for _, address in getaddresses(values) if address))
