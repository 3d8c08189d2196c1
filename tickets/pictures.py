"""How large a picture is, read from its first bytes and never decoded. Pure: no Django, no database.

A file of a few kB may claim 50,000 by 50,000 pixels, which costs whoever shows it gigabytes; only pictures whose size
can be read and is sane are shown in place (S034).
"""

import struct

MOST_BYTES = 5 * 1024 * 1024
MOST_PIXELS = 40_000_000
MOST_SIDE = 16_000
HEAD_BYTES = 256 * 1024
"""What `size_of` wants to see at most: in a JPEG the size stands behind colour profiles and thumbnails."""

_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = {0x01, *range(0xD0, 0xD9)}


def may_be_shown(head: bytes, size: int) -> bool:
    """Whether a picture that begins with `head` and has `size` bytes may be shown in place."""
    if size > MOST_BYTES:
        return False
    found = size_of(head)
    if found is None:
        return False
    width, height = found
    return 0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE and width * height <= MOST_PIXELS


def size_of(head: bytes) -> tuple[int, int] | None:
    """Width and height as PNG, GIF, WebP or JPEG say it in their headers; None when they don't."""
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
            return struct.unpack(">II", head[16:24])
        if head[:6] in {b"GIF87a", b"GIF89a"}:
            return struct.unpack("<HH", head[6:10])
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _webp(head)
        if head[:3] == b"\xff\xd8\xff":
            return _jpeg(head)
    except (struct.error, IndexError):
        pass
    return None


def _webp(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L" and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg(head: bytes) -> tuple[int, int] | None:
    """Walk the segments up to the frame header, which holds the size."""
    at = 2
    while head[at] == 0xFF:
        marker = head[at + 1]
        if marker == 0xFF or marker in _JPEG_BARE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _JPEG_SIZES:
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        (length,) = struct.unpack(">H", head[at + 2 : at + 4])
        if length < 2:
            return None
        at += 2 + length
    return None
