"""What stands in headers: encoded words (RFC 2047), one-line texts, addresses (RFC 5322) and Message-IDs."""

import binascii
import re
import unicodedata
from dataclasses import dataclass

from tickets.mail.parse.charsets import decoded, recovered
from tickets.mail.parsed import Address

SUBJECT_LENGTH = 255
NAME_LENGTH = 200
_MOST_OF_A_HEADER = 128 * 1024
_MOST_REFERENCES = 50
_ID_LENGTH = 255

_BREAKS = re.compile(r"[\r\n\t\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_WORD = re.compile(r"=\?([^?\s*]{1,64})(?:\*[^?\s]{0,32})?\?([bBqQ])\?([^?]*)\?=")
_NOT_BASE64 = bytes({*range(256)} - {*b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"})
_ID = re.compile(r"<[^<>\s]{1,253}>")
_ADDRESS = re.compile(
    r"[-!#$%&'*+/=?^_`{}|~0-9a-z]+(?:\.[-!#$%&'*+/=?^_`{}|~0-9a-z]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!-)[a-z0-9-]{2,63}(?<!-)"
)
# A quote or a bracket that never closes runs to the end: every token is found in one pass, whatever is written.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?$)|\((?:[^()\\]|\\.)*\)|<[^<>]*>|[,;:]|[^",;:<>()]+|.', re.DOTALL)


def words(value: str) -> str:
    """The text of a header's raw value, its encoded words read; broken ones as far as they go."""
    value = recovered(value[:_MOST_OF_A_HEADER].replace("\r", "").replace("\n", ""))
    text: list[str] = []
    at, pending, charset = 0, b"", ""
    for word in _WORD.finditer(value):
        between = value[at : word.start()]
        at = word.end()
        # Words of one charset are read together: some senders cut a character in two (RFC 2047 forbids it).
        if between.strip() or (pending and word[1].lower() != charset):
            text.append(decoded(pending, charset))
            text.append(between if between.strip() else "")
            pending = b""
        charset = word[1].lower()
        pending += _bytes_of(word[2], word[3])
    text.extend([decoded(pending, charset), value[at:]])
    return "".join(text)


def unbase64(data: bytes) -> bytes:
    """Base64 as far as it goes: other characters are skipped, and a broken end is left out."""
    data = data.translate(None, _NOT_BASE64)
    spare = len(data) % 4
    data = data[:-1] if spare == 1 else data + b"=" * (-spare % 4)
    return binascii.a2b_base64(data)


def one_line(value: str) -> str:
    """`value` without control characters, on one line (S024)."""
    return re.sub(" {2,}", " ", _CONTROL.sub("", _BREAKS.sub(" ", value))).strip()


def cut(value: str, most: int) -> str:
    """At most `most` characters of `value`, cut between graphemes (an emoji of several, a letter with its accent)."""
    if len(value) <= most:
        return value
    at = most
    while at and _holds_together(value, at):
        at -= 1
    return value[: at or most].rstrip()


def addresses(value: str) -> list[Address]:
    """Every readable address of a header such as To, in small letters; those outside ASCII are left out (S061)."""
    return [Address(item.email, item.name) for item in _items(value) if _ADDRESS.fullmatch(item.email)]


def author(values: list[str]) -> Address | None:
    """The one address of the From headers; None unless there is exactly one, readable or not."""
    items = [item for value in values for item in _items(value)]
    if len(values) != 1 or len(items) != 1:
        return None
    return next(iter(addresses(values[0])), None)


def message_ids(value: str) -> list[str]:
    """The Message-IDs of a header, with brackets, in their order."""
    return [found for found in _ID.findall(_plain(value)) if len(found) <= _ID_LENGTH]


def references(in_reply_to: str, chain: str) -> tuple[str, ...]:
    """What a message answers, the nearest first: In-Reply-To, then References from its end."""
    found = message_ids(in_reply_to) + message_ids(chain)[::-1]
    return tuple(dict.fromkeys(found))[:_MOST_REFERENCES]


# --- Encoded words -------------------------------------------------------------------------------------------------


def _bytes_of(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    return unbase64(data) if encoding in "bB" else binascii.a2b_qp(data.replace(b" ", b"_"), header=True)


def _holds_together(value: str, at: int) -> bool:
    """Whether the characters before and at `at` are one grapheme: the rules of UAX 29 that mail meets."""
    before, after = value[at - 1], value[at]
    if unicodedata.combining(after) or unicodedata.category(after) in {"Mn", "Me"} or "\ufe00" <= after <= "\ufe0f":
        return True
    if after == "\u200d" or before == "\u200d" or "\U0001f3fb" <= after <= "\U0001f3ff":
        return True
    if _is_flag(before) and _is_flag(after):
        run = len(value[:at]) - len(value[:at].rstrip("".join(map(chr, range(0x1F1E6, 0x1F200)))))
        return run % 2 == 1
    return "\U000e0020" <= after <= "\U000e007f"


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


# --- Addresses -----------------------------------------------------------------------------------------------------


@dataclass
class _Item:
    email: str
    name: str


def _items(value: str) -> list[_Item]:
    """What the header lists that could be meant as an address: anything with an @ outside quotes and comments."""
    items: list[_Item] = []
    text, comments, depth = "", "", 0
    angles: list[str] = []
    for piece in _TOKEN.findall(_plain(value)):
        if piece in {"(", ")"} and (depth or piece == "("):  # a comment in a comment
            depth += 1 if piece == "(" else -1
        elif depth or piece[0] == "(":
            comments += piece.strip("()")
        elif piece == ":":  # the name of a group
            text = ""
        elif piece in {",", ";"}:
            items.extend(_item(text, comments, angles))
            text, comments, angles = "", "", []
        elif piece[0] == "<":
            angles.append(piece.strip("<> "))
        elif piece[0] == '"':
            text += re.sub(r"\\(.)", r"\1", piece.strip('"')) if angles or "@" not in piece else piece
        else:
            text += piece
    return items + _item(text, comments, angles)


def _item(text: str, comments: str, angles: list[str]) -> list[_Item]:
    if not angles:
        bare = text.strip()
        return [_Item(bare.lower(), _name(comments))] if "@" in bare else []
    return [_Item(angle.rpartition(":")[2].lower(), _name(text.replace('"', ""))) for angle in angles if angle]


def _name(value: str) -> str:
    return cut(one_line(words(value)), NAME_LENGTH)


def _plain(value: str) -> str:
    return _CONTROL.sub("", _BREAKS.sub(" ", recovered(value[:_MOST_OF_A_HEADER])))
