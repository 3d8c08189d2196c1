"""Whether a machine sent a message, by what says so in its headers (RFC 3834 and what is usual besides)."""

import re

from tickets.mail.parse.tree import Entity
from tickets.mail.parse.words import addresses, cut, one_line

_LENGTH = 200
_ANY_VALUE = ("X-Autoreply", "X-Autorespond", "X-Loop", "List-Id", "List-Unsubscribe")
_ROBOTS = re.compile(r"(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)(?:[+-][^@]*)?@")


def sign_of_a_machine(message: Entity) -> str:
    """The first header that says so, as `Precedence: bulk`; empty for a person's."""
    for name, value in _candidates(message):
        if value:
            return cut(f"{name}: {value}", _LENGTH)
    return ""


def _candidates(message: Entity) -> list[tuple[str, str]]:
    def value(name: str) -> str:
        return one_line(message.header(name))

    submitted = value("Auto-Submitted")
    precedence = value("Precedence")
    suppress = value("X-Auto-Response-Suppress")
    path = value("Return-Path")
    sender = next((one.email for one in addresses(message.header("From")) if _ROBOTS.match(one.email)), "")
    return [
        ("Auto-Submitted", submitted if submitted.partition(";")[0].strip().lower() != "no" else ""),
        ("Precedence", precedence if precedence.lower() in {"bulk", "junk", "list", "auto_reply"} else ""),
        ("X-Auto-Response-Suppress", suppress if suppress.lower() != "none" else ""),
        *((name, value(name)) for name in _ANY_VALUE),
        ("Return-Path", path if path.replace(" ", "") == "<>" else ""),
        ("Content-Type", message.content_type if message.content_type == "multipart/report" else ""),
        ("From", sender),
    ]
