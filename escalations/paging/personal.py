"""A person's own rules: the floor beneath Urgent, and what is offered to begin with. Pure: no Django, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass

from escalations.paging.decide import URGENT, Rule, contacts_to_use

FLOOR = 2
"""So many verified contacts at least, for Urgent: one phone may be off, lost or without reception."""
RULES_AT_MOST = 12
LONGEST_DELAY = 60 * 60

_AT_ONCE = ("push", "mattermost", "chat")
_MINUTE = 60
_URGENT_DELAYS = {**dict.fromkeys(_AT_ONCE, (0,)), "sms": (_MINUTE,), "voice": (120, 240), "email": (0,)}
_HIGH_DELAYS = {**dict.fromkeys(_AT_ONCE, (0,)), "sms": (300,), "voice": (900,), "email": (0,)}


@dataclass(frozen=True)
class Way:
    """A verified contact that can be used."""

    contact: int
    kind: str


def shortfall(rules: Sequence[Rule], usable: Sequence[int]) -> str:
    """Why the Urgent set is below its floor, in a sentence; empty where it is not."""
    if len(usable) < FLOOR:
        have = "one" if usable else "none"
        return f"Urgent pages need two verified contacts, so that one lost phone doesn't silence them; you have {have}."
    if len({rule.contact for rule in contacts_to_use(rules, usable, priority=URGENT)}) < FLOOR:
        return "Your rules for Urgent use one verified contact only: add a second."
    return ""


def refusal(rules: Sequence[Rule], usable: Sequence[int], *, priority: int) -> str:
    """Why these rules can't be saved; empty where they can. Without rules every contact is used at once."""
    if len(set(rules)) < len(rules):
        return "Two rules are the same: remove one."
    if len(rules) > RULES_AT_MOST:
        return f"{RULES_AT_MOST} rules are the most that make sense: remove some."
    if any(not 0 <= rule.delay <= LONGEST_DELAY for rule in rules):
        return f"A rule waits between 0 and {LONGEST_DELAY // _MINUTE} minutes."
    used = [rule for rule in rules if rule.contact in usable]
    if priority != URGENT or not rules or len(usable) < FLOOR:
        return ""
    if len({rule.contact for rule in used}) < FLOOR:
        return "Urgent needs at least two verified contacts in its rules: one phone may be off or lost."
    if min(rule.delay for rule in used) > 0:
        return "The first contact for Urgent has to come at once: give it 0 minutes."
    return ""


def offered(ways: Sequence[Way], *, priority: int) -> list[Rule]:
    """The desk's own suggestion: what is quiet at once, then texts, then calls; calmer for High."""
    delays = _URGENT_DELAYS if priority == URGENT else _HIGH_DELAYS
    if priority == URGENT and not any(way.kind in _AT_ONCE for way in ways):
        delays = {**delays, "sms": (0,)}
    rules = [Rule(way.contact, delay) for way in ways for delay in delays[way.kind]]
    rules.sort(key=lambda rule: rule.delay)
    if rules and priority == URGENT and rules[0].delay > 0:
        rules.insert(0, Rule(rules[0].contact, 0))
    return rules
