"""Thousands of damaged messages: each is read without an error, and what is read keeps its limits."""

import random
import re
from pathlib import Path

import pytest

from tests.tickets.mail.messages import NAMES, fixture
from tickets.mail.parse import parse
from tickets.mail.parsed import Parsed

_SHARDS, _EACH = 4, 550
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SPICE = [
    b"\x00",
    b"\xff\xfe",
    b"--",
    b"=?",
    b"?=",
    b"\r",
    b"\n\n",
    b"<",
    b"&#0;",
    b"boundary=",
    b"%00",
    b"=",
    b"\xf0\x9f",
]


def damaged(raw: bytes, chance: random.Random) -> bytes:
    """`raw` with up to eight pieces lost, doubled, swapped or spiced."""
    data = bytearray(raw or b"\n")
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(data) + 1)
        piece = data[at : at + chance.choice([1, 2, 8, 64, 512])]
        match chance.randrange(4):
            case 0:
                del data[at : at + len(piece)]
            case 1:
                data[at:at] = piece
            case 2:
                data[at:at] = chance.choice(_SPICE)
            case _:
                data[at : at + len(piece)] = bytes(chance.randrange(256) for _ in piece[:16])
    return bytes(data)


def check(parsed: Parsed) -> None:
    assert parsed.text
    assert len(parsed.subject) <= 255
    assert len(parsed.text.encode()) <= 60 * 1024
    assert len(parsed.parts) <= 20
    assert not _UNFIT.search(parsed.text + parsed.html + parsed.quoted_text + parsed.quoted_html)
    lines = [parsed.subject, parsed.automatic, *(part.name for part in parsed.parts)]
    assert all(line.splitlines() in ([], [line]) and not _UNFIT.search(line) for line in lines)
    assert "<script" not in parsed.html + parsed.quoted_html


@pytest.mark.parametrize("shard", range(_SHARDS))
def test_damaged_messages_are_read(shard: int, tmp_path: Path) -> None:
    chance = random.Random(shard)
    for _ in range(_EACH):
        name = chance.choice(NAMES)
        check(parse(damaged(fixture(name), chance), tmp_path))
