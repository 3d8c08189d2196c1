"""Which parts of a message are its text, and which are its files (RFC 2046, and what mail programs make of it)."""

import re
from dataclasses import dataclass, field

from tickets.mail.parse.charsets import decoded
from tickets.mail.parse.tree import Entity

_SIGNATURES = {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
_OF_REPORTS = {
    *("message/delivery-status", "message/global-delivery-status", "message/feedback-report"),
    *("text/rfc822-headers", "message/global-headers"),
}


@dataclass
class Block:
    """A piece of text: plain, in HTML, or both as alternatives."""

    plain: str = ""
    html: str = ""


@dataclass
class Contents:
    """A message's text and files, each in the order of the message."""

    blocks: list[Block] = field(default_factory=list)
    files: list[Entity] = field(default_factory=list)


def contents_of(message: Entity) -> Contents:
    """Text and files of a message. Signatures and what reports say to machines are neither."""
    contents = Contents()
    waiting = [message]
    while waiting:
        entity = waiting.pop()
        if entity.content_type == "multipart/alternative" and entity.children:
            _choose(entity, contents)
        elif entity.main_type == "multipart" and entity.children:
            waiting.extend(reversed(entity.children))
        elif _is_text(entity):
            contents.blocks.append(_block(entity))
        elif entity.content_type not in _SIGNATURES | _OF_REPORTS:
            contents.files.append(entity)
    return contents


def _choose(alternative: Entity, contents: Contents) -> None:
    """One block of all alternatives: the plain and the HTML texts of each, and every file that stands among them."""
    block = Block()
    for entity in alternative.walk():
        if entity.main_type == "multipart" and entity.children:
            continue
        if not _is_text(entity):
            contents.files.append(entity)
            continue
        found = _block(entity)
        block.plain = "\n".join(filter(None, (block.plain, found.plain)))
        block.html += found.html
    contents.blocks.append(block)


def _is_text(entity: Entity) -> bool:
    if entity.content_type in {"text/plain", "text/html", "text/enriched", "text/x-amp-html"}:
        return entity.disposition != "attachment" and not (entity.filename and entity.depth)
    return entity.main_type == "multipart" and not entity.children


def _block(entity: Entity) -> Block:
    text = entity.text()
    if entity.content_type == "text/html":
        return Block(html=_as_it_says(entity, text))
    if entity.content_type == "text/x-amp-html":
        return Block()
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if entity.param("format").lower() == "flowed":
        text = _unflowed(text, deletes_space=entity.param("delsp").lower() == "yes")
    return Block(plain=text)


def _as_it_says(entity: Entity, text: str) -> str:
    """HTML without a charset in its headers, read again by the one that it names itself."""
    if entity.param("charset"):
        return text
    named = re.search(r"<meta[^>]{1,200}charset=[\"']?([\w-]{1,40})", text[:4096], re.IGNORECASE)
    return decoded(entity.content(), named[1]) if named and "\ufffd" in text else text


def _unflowed(text: str, *, deletes_space: bool) -> str:
    """Paragraphs that were broken to fit a line, joined again (RFC 3676); quotations stay as they are."""
    lines: list[list[str]] = []
    flows = False
    for line in text.split("\n"):
        is_quoted = line.startswith(">")
        written = line if is_quoted else line.removeprefix(" ")
        goes_on = flows and not is_quoted and written != "-- "
        flows = written.endswith(" ") and written != "-- " and not is_quoted
        piece = written[:-1] if flows and deletes_space else written
        if goes_on:
            lines[-1].append(piece)
        else:
            lines.append([piece])
    return "\n".join("".join(pieces) for pieces in lines)
