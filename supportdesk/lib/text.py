"""What may stand in one-line texts and names, and how text from outside is made safe to store."""

import re
import unicodedata

from supportdesk.lib.errors import Invalid

_LINE_BREAKS = re.compile(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u061c\u180e]")
_ADDRESS_LIKE = re.compile(r"://|\bwww\.|\b[\w-]+\.(?:[a-z]{2,})(?:/|\b)", re.IGNORECASE)
_STAFF_LIKE = re.compile(r"support|help\s?desk|admin|moderator|system", re.IGNORECASE)

NAME_LENGTH = 64


def one_line(value: str, *, field: str, most: int) -> str:
    """`value` stripped and NFC; raises Invalid when it has line breaks or control characters or is too long."""
    value = unicodedata.normalize("NFC", value).strip()
    if _LINE_BREAKS.search(value) or _CONTROL.search(value):
        raise Invalid("This must be one line without control characters.", code="not_one_line", field=field)
    if len(value) > most:
        raise Invalid(f"This is too long: at most {most} characters.", code="too_long", field=field)
    return value


def body(value: str, *, field: str, most_bytes: int) -> str:
    """Text of several lines with line ends unified; raises Invalid when it holds NUL or is too large."""
    value = unicodedata.normalize("NFC", value).replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in value:
        raise Invalid("This holds a character (NUL) that can't be stored. Please remove it.", code="nul", field=field)
    if len(value.encode()) > most_bytes:
        sentence = f"This is too long: at most {most_bytes // 1024} kB. Attach longer texts as a file."
        raise Invalid(sentence, code="too_long", field=field)
    return value


def person_name(value: str, *, field: str = "name", staff: bool = False) -> str:
    """A display name without invisible characters; Invalid for links, look-alikes and staff-like names (S014, S108)."""
    value = _INVISIBLE.sub("", unicodedata.normalize("NFC", value)).strip()
    value = re.sub(r"\s+", " ", one_line(value, field=field, most=NAME_LENGTH))
    if sum(unicodedata.combining(char) > 0 for char in unicodedata.normalize("NFD", value)) > max(4, len(value) // 2):
        raise Invalid("Please write the name with fewer accents.", code="name_marks", field=field)
    if "<" in value or ">" in value or _ADDRESS_LIKE.search(value):
        raise Invalid("A name can't hold a web address or angle brackets.", code="name_link", field=field)
    if not staff and (_mixes_scripts(value) or _STAFF_LIKE.search(value)):
        raise Invalid("Please give your own name, in one script.", code="name_reserved", field=field)
    return value


def _mixes_scripts(value: str) -> bool:
    """Whether one word mixes Latin with Greek or Cyrillic letters, as look-alike names do."""
    for word in value.split():
        scripts = {unicodedata.name(char, "").split(" ")[0] for char in word if char.isalpha()}
        if len(scripts & {"LATIN", "GREEK", "CYRILLIC"}) > 1:
            return True
    return False


def file_label(value: str) -> str:
    """A file name fit to be shown and offered: no path, no control or invisible characters, at most 255 bytes."""
    value = _INVISIBLE.sub("", unicodedata.normalize("NFC", value))
    value = _CONTROL.sub("", _LINE_BREAKS.sub(" ", value)).replace("\\", "/").split("/")[-1]
    value = re.sub(r"^[a-zA-Z]:", "", value).strip(" .")
    stem, dot, ending = value.rpartition(".")
    if dot and len(ending) <= 16:
        while len(f"{stem}.{ending}".encode()) > 200:
            stem = stem[:-1]
        value = f"{stem}.{ending}"
    while len(value.encode()) > 200:
        value = value[:-1]
    return value or "file"
