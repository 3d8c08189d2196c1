"""What a message that came in says, once it has been read: the result of `tickets.mail.parse`, plain data."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Address:
    """An address as written in a header: in small letters, and the name beside it, one line, perhaps empty."""

    email: str
    name: str = ""


@dataclass(frozen=True)
class Part:
    """A file of the message, unpacked to `path`. `content_id` is how the HTML names it (`cid:`), without brackets."""

    path: Path
    name: str
    size: int
    content_type: str = "application/octet-stream"
    content_id: str = ""
    is_inline: bool = False


@dataclass(frozen=True)
class Report:
    """What another mail server tells of a mail of ours: a delivery status (RFC 3464) or a complaint (RFC 5965)."""

    kind: str
    """`bounce` or `complaint`."""
    recipient: str = ""
    """Whom the mail was to, in small letters, where the report says so."""
    is_permanent: bool = False
    """Whether it will never arrive (status 5.x.x, action failed); a delay isn't."""
    status: str = ""
    """The enhanced status code, such as 5.1.1."""
    diagnosis: str = ""
    """The other side's own words, one line."""
    original_message_id: str = ""
    """The Message-ID of the mail that it is about, with brackets."""


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """A message. Every text is free of NUL and of control characters, and every one-line text is one line."""

    sender: Address | None = None
    """The author (From); None where there is no readable one, or where there are several."""
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    subject: str = ""
    """At most 255 characters, cut between graphemes; empty where there is none."""
    message_id: str = ""
    references: tuple[str, ...] = ()
    """Message-IDs that it answers, the nearest first, at most 50."""
    automatic: str = ""
    """The header by which it was sent by a machine, as `Auto-Submitted: auto-replied`; empty for a person's."""
    text: str = ""
    """What its author wrote just now, without quoted text and signature; "(no text)" where there is none."""
    html: str = ""
    """The same, sanitised, where it was written in HTML: images only as `<img src="cid:…">` of its own parts."""
    quoted_text: str = ""
    quoted_html: str = ""
    """What it quotes, and its signature: sanitised in the same way (made of `quoted_text` for a plain mail)."""
    parts: tuple[Part, ...] = ()
    report: Report | None = None
    remarks: tuple[str, ...] = field(default=())
    """What staff should know of it: keys of `tickets.mail.remarks`."""
