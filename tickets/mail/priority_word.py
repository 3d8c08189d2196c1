"""How pressing somebody says it is, in the first word of their answer. Pure: no Django, no database.

A mail that opens a request carries no priority, so the desk asks for it; the answer may simply begin with the word
(the domain description's paging rules). Ordinary sentences begin with the same words ("Low on disk space", "High load
since noon"), so the word counts only where it stands for itself: alone on its line, before punctuation, or after
"Priority:". "Urgent please" and "High priority" mean the same as the word alone.
"""

import re

_NUMBERS = {"urgent": 1, "high": 2, "normal": 3, "low": 4}
_MARKUP = r"[\s*_~`#\"'“”„‘’«»()\[\]-]*"
_WORD = r"(?P<word>urgent|high|normal|low)"
_POLITE = rf"(?:{_MARKUP}\b(?:priority|please|thanks|thank\s+you)\b)*"
_END = rf"{_MARKUP}(?:$|[.,;:!?…]|\s[–—-]\s)"
_ALONE = re.compile(rf"{_MARKUP}{_WORD}\b{_POLITE}{_END}", re.IGNORECASE)
_NAMED = re.compile(rf"{_MARKUP}priority{_MARKUP}[:=]{_MARKUP}{_WORD}\b(?!-\w)", re.IGNORECASE)
_LONGEST_LINE = 200


def priority_word(text: str) -> int | None:
    """The priority's number (1 Urgent to 4 Low) that the first line of `text` with anything on it gives, or None.

    `text` is what the person wrote, without quoted mail.
    """
    line = next((line.strip() for line in text.lstrip("\ufeff").splitlines() if line.strip()), "")[:_LONGEST_LINE]
    found = _NAMED.match(line) or _ALONE.match(line)
    return _NUMBERS[found["word"].lower()] if found else None
