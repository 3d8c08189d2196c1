"""A raw message as plain data: see `parse`."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from lxml.html import HtmlElement

from tickets.mail.parse import clean
from tickets.mail.parse.automatic import sign_of_a_machine
from tickets.mail.parse.bodies import Block, contents_of
from tickets.mail.parse.files import Unpacking
from tickets.mail.parse.html_quotes import split_document
from tickets.mail.parse.quotes import split_text
from tickets.mail.parse.reports import report_of
from tickets.mail.parse.tree import Entity, TooComplex, headers_of, split
from tickets.mail.parse.words import SUBJECT_LENGTH, addresses, author, cut, message_ids, one_line, references, words
from tickets.mail.parsed import Address, Parsed
from tickets.mail.remarks import TEXT_CUT, TOO_COMPLEX

MOST_BYTES = 40 * 1024 * 1024
MOST_TEXT_BYTES = 60 * 1024
MOST_HTML_BYTES = 500 * 1024
NO_TEXT = "(no text)"
_TOO_COMPLEX = "(message too complex)"
_MOST_TO_SPLIT = 4 * MOST_TEXT_BYTES
_MOST_ADDRESSES = 1000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_CID = re.compile(r"cid:([^\"'\s>)]{1,250})", re.IGNORECASE)


@dataclass(frozen=True)
class _Text:
    """What was just written and what it quotes, in both forms. `whole` is all of it where it is too long."""

    text: str = ""
    html: str = ""
    quoted_text: str = ""
    quoted_html: str = ""
    whole: str = ""


def parse(raw: bytes, folder: Path) -> Parsed:
    """What the message `raw` says; its files are written into `folder`. Never raises for anything that `raw` holds.

    One over the limits (40 MB, 50 levels, 500 parts) is read as far as its headers, with the remark TOO_COMPLEX.
    What it costs is bounded for sane messages only: hostile ones are for `tickets.mail.reader`, in a process of
    their own.
    """
    if len(raw) > MOST_BYTES:
        return parse_headers(raw)
    try:
        message = split(_with_line_ends(raw))
    except TooComplex:
        return parse_headers(raw)
    contents = contents_of(message)
    shown = {clean.cid(f"cid:{name}") for block in contents.blocks for name in _CID.findall(block.html)}
    unpacking = Unpacking(folder, shown)
    for entity in contents.files:
        unpacking.add(entity)
    blocks = contents.blocks
    if not any(block.plain.strip() or block.html.strip() for block in blocks):
        blocks = unpacking.blocks
    text = _with_lines(_text_of(blocks), unpacking.lines)
    if text.whole:
        unpacking.remarks[TEXT_CUT] = None
        unpacking.keep("message.txt", text.whole.encode())
    return replace(
        _headers(message),
        text=text.text.strip("\n") or NO_TEXT,
        html=text.html,
        quoted_text=text.quoted_text,
        quoted_html=text.quoted_html,
        parts=tuple(unpacking.parts),
        report=report_of(message),
        remarks=tuple(unpacking.remarks),
    )


def parse_headers(raw: bytes) -> Parsed:
    """What the headers of `raw` say, for a message that is too complex to be read."""
    headers = _headers(headers_of(_with_line_ends(raw[: 1024 * 1024])))
    return replace(headers, text=_TOO_COMPLEX, remarks=(TOO_COMPLEX,))


def _headers(message: Entity) -> Parsed:
    return Parsed(
        sender=author(message.all("From")),
        reply_to=_addresses(message, "Reply-To"),
        to=_addresses(message, "To"),
        cc=_addresses(message, "Cc"),
        subject=cut(one_line(words(message.header("Subject"))), SUBJECT_LENGTH),
        message_id=next(iter(message_ids(message.header("Message-ID"))), ""),
        references=references(message.header("In-Reply-To"), message.header("References")),
        automatic=sign_of_a_machine(message),
    )


def _addresses(message: Entity, name: str) -> tuple[Address, ...]:
    found = [address for value in message.all(name) for address in addresses(value)]
    return tuple({address.email: address for address in reversed(found)}.values())[::-1][:_MOST_ADDRESSES]


def _with_line_ends(raw: bytes) -> bytes:
    raw = raw.lstrip(b"\r\n")
    return raw if b"\n" in raw else raw.replace(b"\r", b"\n")


# --- Text ----------------------------------------------------------------------------------------------------------


def _text_of(blocks: list[Block]) -> _Text:
    """All blocks as one text. HTML that is too long, or too deep, gives way to the plain text beside it."""
    if any(block.html.strip() for block in blocks):
        source = "\n".join(block.html if block.html.strip() else clean.in_html(block.plain) for block in blocks)
        document = clean.document_of(source) if len(source.encode("utf-8", "replace")) <= MOST_HTML_BYTES else None
        if document is not None:
            return _from_html(*split_document(document))
    plain = "\n".join(block.plain if block.plain.strip() else clean.bare_text(block.html) for block in blocks)
    return _from_text(_clean_text(plain))


def _from_html(own: HtmlElement, rest: HtmlElement | None) -> _Text:
    html = clean.sanitise_document(own)
    quoted_html = clean.sanitise_document(rest) if rest is not None else ""
    text, quoted_text = _clean_text(clean.text_of(html)), _clean_text(clean.text_of(quoted_html))
    if not text.strip() and "<img" not in html:
        html = ""
    return _cut(_Text(text, html, quoted_text, quoted_html))


def _from_text(plain: str) -> _Text:
    text, quoted = split_text(plain[:_MOST_TO_SPLIT])
    found = _cut(_Text(text, "", quoted, clean.sanitise_mail(clean.in_html(quoted)) if quoted else ""))
    return replace(found, whole=plain) if len(plain) > _MOST_TO_SPLIT or found.whole else found


def _cut(found: _Text) -> _Text:
    """Texts within what a message may have; the HTML of one that was cut would tell more than its text and is left."""
    text, quoted = _fitting(found.text), _fitting(found.quoted_text)
    if text == found.text and quoted == found.quoted_text:
        return found
    whole = f"{found.text}\n\n{found.quoted_text}".strip()
    html = found.html if text == found.text else ""
    quoted_html = found.quoted_html if quoted == found.quoted_text else ""
    return _Text(text, html, quoted, quoted_html, whole)


def _fitting(text: str) -> str:
    data = text.encode()
    return text if len(data) <= MOST_TEXT_BYTES else data[:MOST_TEXT_BYTES].decode(errors="ignore")


def _with_lines(found: _Text, lines: list[str]) -> _Text:
    """The text with what its calendar parts say added."""
    if not lines:
        return found
    added = "\n".join(lines)
    html = found.html + clean.sanitise_mail(clean.in_html(added)) if found.html else ""
    return replace(found, text=_fitting(f"{added}\n\n{found.text}".strip()), html=html)


def _clean_text(text: str) -> str:
    text = re.sub(r"\r\n?|[\x85\u2028\u2029]", "\n", text)
    return "\n".join(line.rstrip() if line != "-- " else line for line in _CONTROL.sub("", text).split("\n"))
