"""What a mail's author wrote just now, apart from what it quotes and its signature: nothing is lost, only parted.

The phrases by which mail programs introduce a quotation ("On … wrote:", "From: … Sent: …") are the library's, in 14
languages. Its own cutting is not used: it loses answers written below or between the quotation, and indentation.
"""

import re

from mailparser_reply.constants import MAIL_LANGUAGES

_OURS = re.compile(r"##-\s*Please\s+write\s+above\s+this\s+line\s*-##")
_LONGEST_LINE = 300  # the phrases' patterns take cubic time of a line's length
_MOST_TEXT = 100_000
_HEADER = re.compile(r"^[>*\s]*[^\n:：]{1,24}[:：]", re.MULTILINE)
_FEWEST_HEADERS = 3
_SEPARATOR = re.compile(
    r"[ >]*(?:-{2,} ?(?:Original Message|Forwarded message|Ursprüngliche Nachricht).*|_{20,})\s*", re.IGNORECASE
)
_BEGINS_FORWARDED = re.compile(
    r"[ >]*(?:Begin forwarded message|Anfang der weitergeleiteten Nachricht|-{4,} Forwarded)"
)
_ALSO_WROTE = re.compile(
    r"^(?:(?:El|Em|Le|Il|Den|På|W dniu|Dne|Vào)\b"
    r".*(?:escribió|escreveu|a écrit|ha scritto|skrev|napisał|napsal|đã viết)"
    r"|.*(?:пишет|написал\(?а?\)?|kirjoitti|şunu yazdı|כתב|كتب|寫道)).{0,120}[:：]$",
    re.MULTILINE,
)
_SIGNATURE = re.compile(r"-- ?|_{2} ?")
_SENT_FROM = re.compile(
    r"(?:Sent from (?:my|Mail|Outlook|Yahoo|Proton)|Get Outlook for|Von meinem .{1,40} gesendet)\b.*"
)


def split_text(text: str) -> tuple[str, str]:
    """What was just written, and the rest. All of it is new where nothing would be left, as in a bare forward."""
    lines = text.split("\n")
    end = _end_of_own(text, lines)
    is_quoted = [at >= end or line.lstrip().startswith(">") for at, line in enumerate(lines)]
    _mark_introductions(lines, is_quoted)
    if _is_interleaved(lines, is_quoted):
        is_quoted = _only_the_last(lines, is_quoted)
    _mark_signature(lines, is_quoted)
    own = "\n".join(line for line, quoted in zip(lines, is_quoted, strict=True) if not quoted).rstrip()
    own = re.sub(r"\A(?:[ \t]*\n)+", "", own)
    if not own.strip():
        return text.strip("\n"), ""
    rest = "\n".join(line for line, quoted in zip(lines, is_quoted, strict=True) if quoted).strip("\n")
    return re.sub(r"\n{3,}", "\n\n", own), rest


def _end_of_own(text: str, lines: list[str]) -> int:
    """The first line of what is quoted to the end: our reply line, an Outlook-like header, a phrase without `>`."""
    found = [at for at, line in enumerate(lines) if _OURS.search(line) or _BEGINS_FORWARDED.match(line)][:1]
    guarded = _guarded(lines)
    for match in _HEADERS.finditer(guarded):
        if len(_HEADER.findall(match[0])) >= _FEWEST_HEADERS:
            found.append(guarded.count("\n", 0, match.start() + len(match[0]) - len(match[0].lstrip())))
            break
    for first, last in _introductions(guarded):
        below = next((line for line in lines[last + 1 :] if line.strip()), "")
        if not below.lstrip().startswith(">") and not lines[first].lstrip().startswith(">"):
            found.append(first)
            break
    end = min(found, default=len(lines))
    while 0 < end < len(lines) and (not lines[end - 1].strip() or _SEPARATOR.fullmatch(lines[end - 1])):
        end -= 1
    return end


def _mark_introductions(lines: list[str], is_quoted: list[bool]) -> None:
    """Count to a quotation what introduces it, on the line or the two before, in whatever language."""
    for first, last in _introductions(_guarded(lines)):
        is_quoted[first : last + 1] = [True] * (last + 1 - first)
    for at in range(1, len(lines)):
        above = next((up for up in range(at - 1, max(at - 3, -1), -1) if lines[up].strip()), None)
        if above is None or not is_quoted[at] or is_quoted[above] or not lines[at].strip():
            continue
        line = lines[above].rstrip()
        if line.endswith((":", "：")) and ("@" in line or re.search(r"\d{1,2}[:.]\d\d", line)):
            is_quoted[above] = True


def _is_interleaved(lines: list[str], is_quoted: list[bool]) -> bool:
    """Whether it answers point by point: own lines below two quotations or more, which are then part of the answer."""
    answered, was_quoted = 0, False
    for line, quoted in zip(lines, is_quoted, strict=True):
        if line.strip():
            answered += was_quoted and not quoted
            was_quoted = quoted
    return answered > 1


def _only_the_last(lines: list[str], is_quoted: list[bool]) -> list[bool]:
    last = max(at for at, line in enumerate(lines) if line.strip() and not is_quoted[at])
    return [quoted and at > last for at, quoted in enumerate(is_quoted)]


def _mark_signature(lines: list[str], is_quoted: list[bool]) -> None:
    for at, line in enumerate(lines):
        if is_quoted[at]:
            continue
        is_last = not any(
            later.strip() and not is_quoted[at + 1 + n] for n, later in enumerate(lines[at + 1 : at + 30])
        )
        if _SIGNATURE.fullmatch(line) or (_SENT_FROM.fullmatch(line.strip()) and is_last):
            for below in range(at, len(lines)):
                if is_quoted[below]:
                    break
                is_quoted[below] = True


# --- The library's phrases -----------------------------------------------------------------------------------------


def _pattern(kind: str) -> re.Pattern[str]:
    every = "|".join(language[kind] for language in MAIL_LANGUAGES.values() if language.get(kind))
    return re.compile(every, re.MULTILINE | re.IGNORECASE)


# Compiled here and not when first used, which would be once in each of the reader's children.
_WROTE = _pattern("wrote_header")
_HEADERS = _pattern("from_header")


def _introductions(guarded: str) -> list[tuple[int, int]]:
    """First and last line of each "On … wrote:"."""
    found = []
    for pattern in (_WROTE, _ALSO_WROTE):
        for match in pattern.finditer(guarded):
            start = match.start() + len(match[0]) - len(match[0].lstrip())
            found.append((guarded.count("\n", 0, start), guarded.count("\n", 0, match.end())))
    return sorted(found)


def _guarded(lines: list[str]) -> str:
    """The text with the same lines, none of them long enough to keep the patterns busy."""
    return "\n".join(line if len(line) <= _LONGEST_LINE else "" for line in lines)[:_MOST_TEXT]


def introduces(text: str) -> bool:
    """Whether a short text is what mail programs write above a quotation, or our own reply line."""
    guarded = _guarded(text.strip().split("\n"))
    if _OURS.match(guarded) or _BEGINS_FORWARDED.match(guarded):
        return True
    headers = _HEADERS.match(guarded)
    if headers and len(_HEADER.findall(headers[0])) >= _FEWEST_HEADERS:
        return True
    return any(first == 0 for first, _ in _introductions(guarded))
