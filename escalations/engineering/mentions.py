"""Who is meant by `@sven` or `@"Sven Aaltonen"` in the internal discussion: members of the staff, by handle or name.

A handle is what stands before the @ of somebody's address. What fits nobody, or several, stays text.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable

from accounts.models import User

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_MENTION = re.compile(r'(?<![\w@.+-])@(?:"(?P<name>[^"\n]{1,64})"|(?P<handle>[A-Za-z0-9](?:[\w.+-]*\w)?))', re.ASCII)
_MOST = 20  # of one comment: more is no mention but noise


def mentioned_in(body: str) -> list[User]:
    """The active members of the staff whom `body` names, each once: one query, none where there is no @."""
    found = [(match["name"], match["handle"]) for match in _MENTION.finditer(_CODE.sub(" ", body))]
    if not found:
        return []
    staff = list(User.objects.desk().active())
    names = _only(staff, lambda person: " ".join(person.name.split()))
    handles = _only(staff, lambda person: person.email.partition("@")[0])
    meant = [names.get(_folded(name)) if name else handles.get(_folded(handle)) for name, handle in found]
    return list({person.pk: person for person in meant if person is not None}.values())[:_MOST]


def _only(staff: Iterable[User], called: Callable[[User], str]) -> dict[str, User]:
    """By what they are called, folded; without what several are."""
    people: dict[str, list[User]] = defaultdict(list)
    for person in staff:
        people[_folded(called(person))].append(person)
    return {name: found[0] for name, found in people.items() if name and len(found) == 1}


def _folded(word: str) -> str:
    return " ".join(word.casefold().split())
