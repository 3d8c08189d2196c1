"""The conversations' texts, read from stories/*.toml. Pure.

A story has a category, subjects to choose from, an opening and turns. A turn begins with what happens: `ask` (answered
as Pending), `say` (kept Open), `solve` (as Solved), `note`, `reply` (the customer), `reopen` (the customer, on Solved),
or is the word `thanks` (the customer marks it as solved). File names in brackets are attached, `@version@` and other
such words are filled in.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_TURN = re.compile(r"(?P<verb>[a-z]+)(?: \[(?P<files>[^]]+)\])?(?:: (?P<text>.*))?", re.DOTALL)
_BLANK = re.compile(r"@([a-z_]+)@")
FOLDER = Path(__file__).with_name("stories")
STAFF_VERBS = {"ask", "say", "solve", "note"}


@dataclass(frozen=True)
class Turn:
    verb: str
    text: str = ""
    files: tuple[str, ...] = ()

    @property
    def is_staffs(self) -> bool:
        return self.verb in STAFF_VERBS


@dataclass(frozen=True)
class Story:
    category: str
    subjects: tuple[str, ...]
    opening: str
    turns: tuple[Turn, ...]
    files: tuple[str, ...] = ()
    priorities: tuple[int, ...] = (2, 3, 3, 4)
    environment: str = ""
    hold: str = ""
    follow_up: str = ""
    follow_up_turns: tuple[Turn, ...] = ()


@lru_cache(maxsize=1)
def stories() -> tuple[Story, ...]:
    """All of them, in the order of their files."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        found += [_story(table) for table in tomllib.loads(path.read_text(encoding="utf-8"))["story"]]
    return tuple(found)


def fill(text: str, words: Mapping[str, str]) -> str:
    """`text` with `@name@` replaced where `words` has the name."""
    return _BLANK.sub(lambda blank: words.get(blank[1], blank[0]), text)


def _story(table: Mapping[str, object]) -> Story:
    fields = dict(table)
    for name in ("turns", "follow_up_turns"):
        fields[name] = tuple(_turn(line) for line in fields.get(name, ()))  # type: ignore[attr-defined]
    for name in ("subjects", "files"):
        fields[name] = tuple(fields.get(name, ()))  # type: ignore[arg-type]
    if "priority" in fields:
        fields["priorities"] = tuple(fields.pop("priority"))  # type: ignore[arg-type]
    fields["opening"] = str(fields["opening"]).strip()
    return Story(**fields)  # type: ignore[arg-type]


def _turn(line: str) -> Turn:
    match = _TURN.fullmatch(line)
    if match is None:
        raise ValueError(f"not a turn of a story: {line[:60]!r}")
    files = tuple(name.strip() for name in (match["files"] or "").split(",") if name.strip())
    return Turn(match["verb"], (match["text"] or "").strip(), files)
