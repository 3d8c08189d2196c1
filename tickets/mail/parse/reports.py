"""What other mail servers tell of a mail of ours: delivery status (RFC 3464), older forms of it, and ARF (RFC 5965)."""

import re
from email.message import Message
from email.parser import HeaderParser

from tickets.mail.parse.tree import Entity
from tickets.mail.parse.words import addresses, cut, message_ids, one_line, words
from tickets.mail.parsed import Report

_DIAGNOSIS_LENGTH = 300
_MOST_TEXT = 64 * 1024
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_CODE = re.compile(r"(?:^|[\s:(])([45])\d\d[\s-]")
_RECIPIENT = re.compile(r"^\s*<?([^\s<>@]{1,64}@[^\s<>@:]{1,253})>?:?\s*$", re.MULTILINE)
_ORIGINAL_ID = re.compile(r"^message-id:\s*(<[^<>\s]{1,253}>)", re.IGNORECASE | re.MULTILINE)
_QMAIL = re.compile(r"^(?:Hi\. This is the |This is the mail system|This message was created automatically by mail)")
_SENT_BY_A_SERVER = re.compile(r"(?:mailer-daemon|postmaster)@")


def report_of(message: Entity) -> Report | None:
    """The report that the message is, or None. A mail that was delivered, as some servers tell too, is none."""
    parts = {part.content_type: part for part in reversed(list(message.walk()))}
    if "message/feedback-report" in parts:
        return _complaint(message, parts)
    if status := parts.get("message/delivery-status") or parts.get("message/global-delivery-status"):
        return _delivery(message, status)
    return _older_form(message, parts)


def _delivery(message: Entity, status: Entity) -> Report | None:
    blocks = [_fields(block) for block in re.split(r"\n\s*\n", _text(status).replace("\r\n", "\n").strip())]
    told = [block for block in blocks if _word(block, "Action") in {"failed", "delayed"}]
    if not told:
        return None
    block = next((block for block in told if _word(block, "Action") == "failed"), told[0])
    code = _STATUS.search(str(block.get("Status", "")))
    recipient = _address(block, "Final-Recipient") or _address(block, "Original-Recipient")
    return Report(
        kind="bounce",
        recipient=recipient or _failed_recipient(message),
        is_permanent=_word(block, "Action") == "failed" and not (code and code[1].startswith("4")),
        status=code[1] if code else "",
        diagnosis=_diagnosis(str(block.get("Diagnostic-Code", "")).partition(";")[2]),
        original_message_id=_original_id(message),
    )


def _complaint(message: Entity, parts: dict[str, Entity]) -> Report:
    fields = _fields(_text(parts["message/feedback-report"]))
    original = _original(message)
    recipients = [
        *addresses(str(fields.get("Original-Rcpt-To", ""))),
        *(addresses(original.header("To")) if original else []),
    ]
    return Report(
        kind="complaint",
        recipient=recipients[0].email if recipients else "",
        is_permanent=True,
        diagnosis=_diagnosis(str(fields.get("Feedback-Type", ""))),
        original_message_id=_original_id(message),
    )


def _older_form(message: Entity, parts: dict[str, Entity]) -> Report | None:
    """What qmail, Exim and old Exchange write: a text for people."""
    told_by_a_server = any(_SENT_BY_A_SERVER.match(one.email) for one in addresses(message.header("From")))
    if not (told_by_a_server or one_line(message.header("Return-Path")) == "<>"):
        return None
    text = _text(parts["text/plain"]).replace("\r\n", "\n") if "text/plain" in parts else ""
    named = _RECIPIENT.search(text)
    recipient = _failed_recipient(message) or (named[1].lower() if named else "")
    if not recipient or not (_QMAIL.match(text.lstrip()) or message.header("X-Failed-Recipients")):
        return None
    code = _STATUS.search(text)
    reply = _CODE.search(text)
    is_delay = (code[1] if code else reply[1] if reply else "5").startswith("4")
    after = text[named.end() :] if named else ""
    return Report(
        kind="bounce",
        recipient=recipient,
        is_permanent=not is_delay,
        status=code[1] if code else "",
        diagnosis=_diagnosis(after.strip().partition("\n\n")[0]),
        original_message_id=_original_id(message, text),
    )


# --- What they are made of -----------------------------------------------------------------------------------------


def _fields(block: str) -> Message:
    return HeaderParser().parsestr(block)


def _text(part: Entity) -> str:
    return part.text()[:_MOST_TEXT]


def _word(block: Message, name: str) -> str:
    return one_line(str(block.get(name, ""))).partition(" ")[0].lower()


def _address(block: Message, name: str) -> str:
    found = addresses(str(block.get(name, "")).rpartition(";")[2])
    return found[0].email if found else ""


def _failed_recipient(message: Entity) -> str:
    found = addresses(message.header("X-Failed-Recipients"))
    return found[0].email if found else ""


def _diagnosis(value: str) -> str:
    return cut(one_line(words(value)), _DIAGNOSIS_LENGTH)


def _original(message: Entity) -> Entity | None:
    return next((part.children[0] for part in message.walk() if part.content_type == "message/rfc822"), None)


def _original_id(message: Entity, text: str = "") -> str:
    if original := _original(message):
        return next(iter(message_ids(original.header("Message-ID"))), "")
    for part in message.walk():
        if part.content_type == "text/rfc822-headers":
            text = _text(part)
    found = _ORIGINAL_ID.search(text.replace("\r\n", "\n"))
    return found[1] if found else ""
