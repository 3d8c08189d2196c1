"""Outlook's winmail.dat: the files and the text in it, where it can be read (S025)."""

import logging
from dataclasses import dataclass

from tnefparse import TNEF

from tickets.mail.parse.charsets import decoded

logging.getLogger("tnefparse").setLevel(logging.CRITICAL)  # it would tell the log of each field of a broken one

_MOST_FILES = 100


@dataclass(frozen=True)
class Unpacked:
    """Text, HTML (either perhaps empty), and files by the names they are given, unchecked."""

    text: str
    html: str
    files: list[tuple[str, bytes]]


def unpack(data: bytes) -> Unpacked | None:
    """What is in it; None where it is broken, or holds nothing that can be shown."""
    try:
        tnef = TNEF(data, do_checksum=False)
        files = [(_text(one.long_filename()), bytes(one.data)) for one in tnef.attachments[:_MOST_FILES]]
        found = Unpacked(_text(tnef.body), _text(tnef.htmlbody), files)
    except Exception:  # what the library raises for lengths and dates that are none; RecursionError for nested ones
        return None
    return found if found.files or found.text.strip() or found.html.strip() else None


def _text(value: object) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    return (decoded(value) if isinstance(value, bytes) else str(value or "")).replace("\x00", "")
