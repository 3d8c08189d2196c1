"""Screenshots and logs for the demo's messages, drawn and written on the spot. Pure."""

import json
import struct
import zlib
from datetime import datetime, timedelta
from random import Random

_WIDTH, _HEIGHT = 960, 540
_PALETTE = [
    "ffffff",
    "1e325c",
    "28427b",
    "8fa3cc",
    "f2f4f8",
    "d5dae3",
    "3f4350",
    "c92a2a",
    "fff0f0",
    "1c58d9",
    "3db887",
]
_WHITE, _NAVY, _NAVY_2, _PALE, _GREY, _LINE, _INK, _RED, _ROSE, _BLUE, _GREEN = range(len(_PALETTE))

_EVENTS: dict[str, list[tuple[str, str]]] = {
    "ldap": [
        ("info", "LDAP synchronisation started"),
        ("debug", "page of directory entries received"),
        ("warn", "size limit exceeded while reading group members"),
        ("info", "group members removed"),
        ("info", "LDAP synchronisation finished"),
    ],
    "push": [
        ("info", "notification accepted"),
        ("error", "apns refused the notification: 403 ExpiredProviderToken"),
        ("warn", "provider token is older than an hour"),
        ("debug", "connection to the push service opened"),
    ],
    "postgres": [
        ("fatal", "remaining connection slots are reserved for non-replication superuser connections"),
        ("log", "connection received"),
        ("log", "checkpoint complete"),
        ("warning", "there is already a transaction in progress"),
    ],
    "mail": [
        ("info", "mail handed to relay: 250 queued as 4Zq1Tt0Nz5"),
        ("info", "batched notification mails sent"),
        ("warn", "recipient has notifications switched off"),
    ],
    "upgrade": [
        ("info", "schema migration finished"),
        ("info", "running schema migration 120"),
        ("warn", "still waiting for lock on table posts"),
        ("info", "plugins prepackaged"),
    ],
    "plugin": [
        ("info", "plugin activated"),
        ("error", "webhook answered 401: secret does not match"),
        ("debug", "event received from jira"),
    ],
    "import": [
        ("info", "processing line"),
        ("warn", "attachment is larger than allowed, skipped"),
        ("error", "user not found: former.colleague"),
    ],
    "export": [
        ("info", "compliance export batch written"),
        ("debug", "posts read for export"),
        ("warn", "edit history of a post is empty"),
    ],
    "server": [
        ("info", "websocket connected"),
        ("error", "session could not be read: cipher: message authentication failed"),
        ("warn", "slow query"),
        ("info", "cluster node joined"),
        ("debug", "cache invalidated"),
    ],
}


def make(name: str, rng: Random, at: datetime) -> bytes:
    """A file fit for its name: a screenshot for .png, else lines of a log up to `at`."""
    if name.endswith(".png"):
        return screenshot(rng)
    return _log(name, rng, at).encode()


def _log(name: str, rng: Random, at: datetime) -> str:
    topic = next((topic for topic in _EVENTS if topic in name), "server")
    when = at - timedelta(minutes=40)
    lines = []
    for _ in range(rng.randint(60, 180)):
        when += timedelta(seconds=rng.uniform(0.2, 24))
        level, message = rng.choice(_EVENTS[topic])
        line = {"timestamp": f"{when:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " Z", "level": level, "msg": message}
        lines.append(
            json.dumps(line | {"caller": f"app/{topic}.go:{rng.randint(40, 900)}", "ms": rng.randint(1, 9000)})
        )
    return "\n".join(lines) + "\n"


def screenshot(rng: Random) -> bytes:
    """A PNG of a chat window with something wrong in it: bars for words, no two alike."""
    canvas = _Canvas()
    canvas.box(0, 0, _WIDTH, 34, _NAVY_2)
    canvas.box(0, 34, 210, _HEIGHT - 34, _NAVY)
    canvas.box(210, 34, _WIDTH - 210, 44, _GREY)
    canvas.box(230, 50, rng.randint(90, 180), 12, _INK)
    for row in range(13):
        canvas.box(24, 60 + row * 34, rng.randint(60, 160), 10, _WHITE if rng.random() < 0.25 else _PALE)
    for row in range(rng.randint(3, 6)):
        _message(canvas, rng, 96 + row * 70)
    _fault(canvas, rng)
    return canvas.png()


def _message(canvas: "_Canvas", rng: Random, top: int) -> None:
    canvas.box(230, top, 32, 32, rng.choice([_PALE, _BLUE, _GREEN, _LINE]))
    canvas.box(274, top, rng.randint(60, 120), 10, _INK)
    for line in range(rng.randint(1, 3)):
        canvas.box(274, top + 18 + line * 15, rng.randint(160, 560), 8, _LINE)


def _fault(canvas: "_Canvas", rng: Random) -> None:
    """An error: a banner above, or a dialogue in the middle."""
    if rng.random() < 0.5:
        canvas.box(210, 78, _WIDTH - 210, 30, _RED)
        canvas.box(420, 88, rng.randint(180, 320), 10, _WHITE)
        return
    left, top = rng.randint(300, 420), rng.randint(170, 240)
    canvas.box(left - 2, top - 2, 404, 184, _LINE)
    canvas.box(left, top, 400, 180, _WHITE)
    canvas.box(left, top, 400, 40, _ROSE)
    canvas.box(left + 20, top + 15, rng.randint(120, 220), 10, _RED)
    for line in range(3):
        canvas.box(left + 20, top + 62 + line * 20, rng.randint(180, 350), 8, _LINE)
    canvas.box(left + 290, top + 134, 90, 28, _BLUE)


class _Canvas:
    """A picture of palette colours."""

    def __init__(self) -> None:
        self.rows = [bytearray(_WIDTH) for _ in range(_HEIGHT)]

    def box(self, left: int, top: int, width: int, height: int, colour: int) -> None:
        right = min(left + width, _WIDTH)
        for row in self.rows[top : top + height]:
            row[left:right] = bytes([colour]) * (right - left)

    def png(self) -> bytes:
        """The picture by the PNG specification: header, palette, zlib-packed rows each after a filter byte of 0."""
        header = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 3, 0, 0, 0)
        palette = b"".join(bytes.fromhex(colour) for colour in _PALETTE)
        pixels = zlib.compress(b"".join(b"\0" + row for row in self.rows), 6)
        chunks = [(b"IHDR", header), (b"PLTE", palette), (b"IDAT", pixels), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
