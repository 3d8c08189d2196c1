"""Who is told of an event of a record, and why: who follows it, whose team is in, who is named.

Nobody is told of what they did themselves, of what was before they came in, nor of a record that they may no longer
see (S054). Who muted it hears of it only where they are named. What customers do, of whom there may be hundreds, is
told to those who have the record in hand, and to nobody else.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from accounts.models import Role, User
from accounts.querysets import UserQuerySet
from escalations.engineering.access import leads
from escalations.engineering.querysets import who_see
from escalations.models import Escalation, EscalationEvent, Involved

Kind = EscalationEvent.Kind


class Why(StrEnum):
    """What somebody is to the record: what their mail says they get it for."""

    NAMED = "somebody named you there"
    INVITED = "you were brought in"
    LEADS = "you look after engineering's deadlines"
    HAS_IT = "you have this escalation in hand"
    REVIEWS = "SET reviews what is requested"
    FOLLOWS = "you follow this escalation"
    TEAM = "your team was brought into this escalation"

    @property
    def is_in_any_case(self) -> bool:
        """Whether it reaches people whatever they chose."""
        return self in {Why.NAMED, Why.INVITED, Why.LEADS}


@dataclass(frozen=True)
class Reader:
    user: User
    why: Why


_TOLD = {
    Kind.REQUESTED,
    Kind.MOVED,
    Kind.LINKED,
    Kind.COMMENTED,
    Kind.CUSTOMER_REPLIED,
    Kind.CUSTOMER_SOLVED,
    Kind.MERGED,
    Kind.WARNED,
}
OF_CUSTOMERS = {Kind.CUSTOMER_REPLIED, Kind.CUSTOMER_SOLVED}
_FOR_CHANNELS = _TOLD - OF_CUSTOMERS - {Kind.LINKED, Kind.COMMENTED} | {Kind.TOLD, Kind.PULL_REQUEST}


def is_news(event: EscalationEvent) -> bool:
    """Whether it is worth anybody's attention; the rest stands in the record's history."""
    data = event.data
    match event.kind:
        case Kind.TOLD:
            return bool(data.get("told") or data.get("held") or data.get("ticket"))
        case Kind.PULL_REQUEST:
            return _is_turn(data)
        case Kind.INVITED:
            return not data.get("mentioned")  # the comment tells them
        case Kind.LINKED:
            return not data.get("joined")  # a customer's own doing: the record counts them
    return event.kind in _TOLD


def _is_turn(data: dict[str, Any]) -> bool:
    """A pull request was merged, given up or released, or its checks failed."""
    new = data.get("new", {})
    return new.get("state") in {"merged", "closed"} or new.get("checks") == "failed" or bool(new.get("release_tag"))


def is_for_channels(event: EscalationEvent) -> bool:
    """Whether it is told in chat, too: what was said there among colleagues is not."""
    return event.kind in _FOR_CHANNELS and is_news(event)


def readers(event: EscalationEvent) -> list[Reader]:
    """Everybody to be told, each once, for the best of reasons."""
    found: dict[int, Reader] = {}
    for reader in _parts(event) if is_news(event) else ():
        found.setdefault(reader.user.pk, reader)
    others = [reader.user for reader in found.values() if reader.user.pk != event.actor_id]
    return [found[user.pk] for user in who_see(event.escalation, others)] if others else []


def _parts(event: EscalationEvent) -> Iterator[Reader]:
    if event.kind == Kind.INVITED:
        yield from _as(Why.INVITED, _invited(event))
        return
    if event.kind == Kind.WARNED:
        yield from _as(Why.LEADS, _who_look_after(event.escalation))
        return
    if event.kind in OF_CUSTOMERS:
        yield from _as(Why.HAS_IT, _unmuted(_in_hand(event.escalation), event))
        return
    yield from _as(Why.NAMED, _staff().filter(pk__in=event.data.get("mentioned") or []))
    followers = list(event.escalation.followers.select_related("user__region").filter(added_at__lte=event.at))
    muted = {row.user_id for row in followers if row.is_muted}
    yield from _as(Why.FOLLOWS, (row.user for row in followers if not row.is_muted))
    yield from _as(Why.TEAM, _members(event).exclude(pk__in=muted))
    if event.kind == Kind.REQUESTED:
        yield from _as(Why.REVIEWS, _staff().filter(role=Role.SET))


def _as(why: Why, people: Iterable[User]) -> Iterator[Reader]:
    return (Reader(person, why) for person in people)


def _staff() -> UserQuerySet:
    return User.objects.desk().active().select_related("region").order_by("pk")


def _invited(event: EscalationEvent) -> Iterable[User]:
    if event.data.get("team") in Involved.values:
        return _staff().filter(role__in=Involved(event.data["team"]).roles)
    return _staff().filter(pk=event.data.get("person_id"))


def _who_look_after(escalation: Escalation) -> Iterable[User]:
    """Its owner and backup, and the leads, engineering's among them."""
    yield from _in_hand(escalation)
    yield from leads().select_related("region").order_by("pk")


def _in_hand(escalation: Escalation) -> Iterable[User]:
    return filter(None, (escalation.owner, escalation.backup))


def _unmuted(people: Iterable[User], event: EscalationEvent) -> Iterable[User]:
    muted = set(event.escalation.followers.filter(is_muted=True).values_list("user", flat=True))
    return (person for person in people if person.pk not in muted)


def _members(event: EscalationEvent) -> UserQuerySet:
    """The people of the teams that were in before: who came in by it is told that they did."""
    teams = event.escalation.teams.filter(invited_at__lt=event.at).values_list("team", flat=True)
    return _staff().filter(role__in=[role for team in teams for role in Involved(team).roles])


def teams_told(escalation: Escalation) -> set[str]:
    """The teams whose channels hear of a record: those that are in, and SET, whose work it is."""
    return {Involved.SET.value, *escalation.teams.values_list("team", flat=True)}
