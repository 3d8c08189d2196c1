"""Bytes to text by an allow-list of charsets: what a message calls its charset never chooses a codec of Python's."""

import re

_WINDOWS = "windows-1252"

_OF_THE_SAME_NAME = (
    *("iso8859-2", "iso8859-3", "iso8859-4", "iso8859-5", "iso8859-6", "iso8859-7", "iso8859-8", "iso8859-10"),
    *("iso8859-13", "iso8859-14", "iso8859-15", "iso8859-16", "koi8-r", "koi8-u", "big5hkscs", "iso2022-kr"),
    *("cp437", "cp850", "cp852", "cp866", "euc-jp", "utf-16", "utf-16le", "utf-16be"),
)
_CODECS = {
    **{re.sub("[-_]", "", name): name for name in _OF_THE_SAME_NAME},
    **{f"{prefix}{number}": f"cp{number}" for number in range(1250, 1259) for prefix in ("windows", "cp")},
    **dict.fromkeys(("utf8", "unicode11utf8"), "utf-8"),
    # As web browsers read them (WHATWG Encoding): a superset of what the name says, because senders mean that.
    **dict.fromkeys(("iso88591", "latin1", "l1", "ansi"), _WINDOWS),
    **dict.fromkeys(("iso88599", "latin5"), "cp1254"),
    **dict.fromkeys(("iso885911", "tis620", "windows874"), "cp874"),
    **dict.fromkeys(("iso88598i", "iso88598e"), "iso8859-8"),
    **dict.fromkeys(("gb2312", "gbk", "gb18030", "xgbk", "cp936", "euccn", "hzgb2312"), "gb18030"),
    **dict.fromkeys(("big5", "xbig5", "cp950"), "cp950"),
    **dict.fromkeys(("shiftjis", "sjis", "xsjis", "mskanji", "windows31j", "cp932"), "cp932"),
    **dict.fromkeys(("iso2022jp", "iso2022jp1", "iso2022jp2"), "iso2022_jp_2"),
    **dict.fromkeys(("euckr", "ksc56011987", "ksc5601", "windows949", "cp949"), "cp949"),
    **dict.fromkeys(("macintosh", "xmacroman", "macroman"), "mac-roman"),
}
_UNSAID = {"", "usascii", "ascii", "ansix3.41968", "unknown8bit", "8bit", "default"}


def decoded(data: bytes, charset: str = "") -> str:
    """`data` as text; what doesn't fit becomes U+FFFD. No charset, or plain ASCII: UTF-8, else Windows-1252 (S020)."""
    name = re.sub(r"[-_\s]", "", charset.lower()) if charset.isascii() else "unknown"
    if name in _UNSAID:
        return _guessed(data)
    return data.decode(_CODECS.get(name, "utf-8"), "replace").removeprefix("\ufeff")


def recovered(value: str) -> str:
    """A header's value as the library hands it over, with the bytes outside ASCII that stand in it read as text."""
    return value if value.isascii() else _guessed(value.encode("utf-8", "surrogateescape"))


def _guessed(data: bytes) -> str:
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        return data.decode(_WINDOWS, "replace")
