"""The files of a message, unpacked into a folder under names of our own; what their senders call them is data."""

from dataclasses import dataclass, field
from pathlib import Path

from tickets.mail.parse import invitations, tnef
from tickets.mail.parse.bodies import Block
from tickets.mail.parse.tree import Entity
from tickets.mail.parse.words import cut, one_line, words
from tickets.mail.parsed import Part
from tickets.mail.remarks import EMPTY_FILE, FILES_LEFT_OUT

MOST_FILES = 20
_NAME_LENGTH = 255
_TNEF = {"application/ms-tnef", "application/vnd.ms-tnef"}


@dataclass
class Unpacking:
    """The files put into `folder` so far, and what there is to tell of them.

    `shown` are the Content-IDs that the HTML shows. `lines` are to be added to the text, `blocks` are the text where
    the message has no other.
    """

    folder: Path
    shown: set[str]
    parts: list[Part] = field(default_factory=list)
    remarks: dict[str, None] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def add(self, entity: Entity) -> None:
        """Keep a part of the message as a file, or what is in it."""
        if entity.content_type == "message/rfc822":
            self.keep(_attached_name(entity), entity.content(), entity)
            return
        data = entity.content()
        is_tnef = entity.content_type in _TNEF or entity.filename.lower() == "winmail.dat"
        if is_tnef and (unpacked := tnef.unpack(data)):
            self._add_unpacked(unpacked)
            return
        if entity.content_type == "text/calendar":
            self.lines.extend(line for line in invitations.lines_of(data) if line not in self.lines)
        self.keep(_name(entity), data, entity)

    def keep(self, name: str, data: bytes, entity: Entity | None = None) -> None:
        """Write a file, unless it is empty or one too many."""
        if not data:
            self.remarks[EMPTY_FILE] = None
        elif len(self.parts) >= MOST_FILES:
            self.remarks[FILES_LEFT_OUT] = None
        else:
            path = self.folder / f"{len(self.parts):03d}"
            path.write_bytes(data)
            content_id = entity.content_id if entity else ""
            self.parts.append(
                Part(
                    path=path,
                    name=cut(one_line(name), _NAME_LENGTH) or "file",
                    size=len(data),
                    content_type=entity.content_type if entity else "application/octet-stream",
                    content_id=content_id,
                    is_inline=bool(content_id) and content_id in self.shown,
                )
            )

    def _add_unpacked(self, unpacked: tnef.Unpacked) -> None:
        self.blocks.append(Block(plain=unpacked.text, html=unpacked.html))
        for name, data in unpacked.files:
            self.keep(name, data)


def _name(entity: Entity) -> str:
    if entity.filename:
        return entity.filename
    if entity.content_type == "text/calendar":
        return "invitation.ics"
    endings = {"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "application/pdf": ".pdf"}
    endings |= {"text/html": ".html", "text/plain": ".txt", "text/csv": ".csv"}
    kind = entity.main_type if entity.main_type in {"image", "audio", "video"} else "file"
    return kind + endings.get(entity.content_type, "")


def _attached_name(entity: Entity) -> str:
    if entity.filename:
        return entity.filename if entity.filename.lower().endswith(".eml") else f"{entity.filename}.eml"
    subject = words(entity.children[0].header("Subject")) if entity.children else ""
    return (cut(one_line(subject).replace("/", "-"), 100) or "message") + ".eml"
