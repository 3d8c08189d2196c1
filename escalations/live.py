"""A page at this moment, as its views show it: who is rung by what, when it reached them, and whom it rings next."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.models import User
from escalations.models import Page, PageDelivery
from escalations.paging.decide import Firing, Position, Shape, fire
from escalations.paging.reach import people_behind
from tickets.sla.countdown import duration

_State = PageDelivery.State
_LOOKS = {_State.FAILED: "hot", _State.UNKNOWN: "warn", _State.ACCEPTED: "ok", _State.DELIVERED: "ok"}


@dataclass(frozen=True)
class Way:
    """One message to somebody: by what, how far it got, and since (or until) when."""

    method: str
    state: str
    at: datetime | None
    look: str


@dataclass
class Rung:
    """A person, or a service outside, that the page rings in its present episode, and by what at `place` at last.

    `place` is the round and the step in which they were rung last.
    """

    name: str
    person: User | None
    place: tuple[int, int]
    ways: list[Way] = field(default_factory=list)


@dataclass(frozen=True)
class Coming:
    """What the page does next, unless somebody acknowledges it: when, at which step, and whom it rings then."""

    at: datetime
    seconds: int
    where: str
    names: list[str]

    @property
    def left(self) -> str:
        return f"{duration(self.seconds, in_days=False)} left"


def rung_by(pages: Sequence[Page], *, now: datetime) -> dict[int, list[Rung]]:
    """Whom each open page has rung in its episode so far, and by what last, the latest step's first; one query.

    What went before, in earlier steps and rounds, is told by the history.
    """
    episodes = {page.pk: page.episode for page in pages if page.is_open}
    rows = PageDelivery.objects.filter(page__in=episodes, purpose=PageDelivery.Purpose.PAGE)
    rows = rows.exclude(state=_State.CANCELLED).select_related("person", "contact", "outside")
    found: dict[int, dict[str, Rung]] = defaultdict(dict)
    for row in rows.order_by("-round", "-step", "due_at", "pk"):
        if row.episode == episodes[row.page_id]:
            key = f"{row.person_id}/{row.outside_id}"
            rung = found[row.page_id].setdefault(key, Rung(row.name, row.person, (row.round, row.step)))
            if rung.place == (row.round, row.step):
                rung.ways.append(_way(row, now))
    return {pk: list(people.values()) for pk, people in found.items()}


def _way(row: PageDelivery, now: datetime) -> Way:
    words, at = _progress(row, now)
    return Way(row.method, f"{words} (a repeat)" if row.is_repeat else words, at, _LOOKS.get(_State(row.state), ""))


def _progress(row: PageDelivery, now: datetime) -> tuple[str, datetime | None]:
    match row.state:
        case _State.DELIVERED:
            return "arrived", row.delivered_at
        case _State.ACCEPTED:
            return "sent", row.accepted_at
        case _State.FAILED:
            return f"failed: {row.error}" if row.error else "failed", None
        case _State.UNKNOWN:
            return "unknown whether it arrived" + (", is sent again" if row.retry_at else ""), None
        case _State.SENDING:
            return "being sent", None
    if row.due_at > now:
        return "waits until", row.due_at
    return ("tried again in a moment" if row.attempt else "about to be sent"), None


def coming(page: Page, *, now: datetime) -> Coming | None:
    """The next step that rings somebody who isn't rung already; None for a page that doesn't ring."""
    if not page.is_ringing or page.next_action_at is None or page.kind in Page.PRACTICE:
        return None
    at = max(page.next_action_at, now)
    shape, position = Shape.from_snapshot(page.snapshot), Position(page.round, page.step)
    people, services = _rung_already(page)
    while True:
        firing = fire(shape, position)
        named = [*_people(firing, people[position.round], at), *_services(firing, services, page.snapshot)]
        if named or firing.is_everything:
            return Coming(at, int((at - now).total_seconds()), _where(position, firing, len(shape.steps)), named)
        position = firing.then


def _people(firing: Firing, already: set[int], at: datetime) -> list[str]:
    found = people_behind(firing.targets, at=at)
    return [person.display_name for person in found if person.pk not in already]


def _rung_already(page: Page) -> tuple[dict[int, set[int]], set[int]]:
    """The people by round, and the services outside, which are handed a page once an episode."""
    rows = PageDelivery.objects.filter(page=page, purpose=PageDelivery.Purpose.PAGE, episode=page.episode)
    people: dict[int, set[int]] = defaultdict(set)
    services: set[int] = set()
    for round_, person, service in rows.values_list("round", "person", "outside"):
        if person is not None:
            people[round_].add(person)
        if service is not None:
            services.add(service)
    return people, services


def _services(firing: Firing, already: set[int], snapshot: Mapping[str, Any]) -> list[str]:
    targets = [target for step in snapshot["steps"] for target in step["targets"]]
    named = [*targets, *snapshot.get("outside", ())]
    names = {target["key"]: target["name"] for target in named if target["kind"] == "outside"}
    wanted = [target.key for target in firing.targets if target.kind == "outside"]
    return [names[key] for key in wanted if key in names and key not in already]


def _where(position: Position, firing: Firing, steps: int) -> str:
    where = "everybody" if firing.is_everything else f"step {position.step + 1} of {steps}"
    return f"{where}, round {position.round}" if position.round > 1 else where
