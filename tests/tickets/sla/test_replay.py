"""Two roads to the same clocks: carried on event by event, and worked out from the whole history."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tickets.sla import clocks
from tickets.sla.clocks import LooseClock, Moment
from tickets.sla.promises import FINISHED, MEASURED, HoursKind, Promise
from tickets.sla.replay import derive
from tickets.sla.terms import Calendar, Place, Terms
from tickets.states import Status, Verb, target

BEGINNING = datetime(2026, 10, 23, 13, 0, tzinfo=UTC)  # the Friday before clocks go back in Berlin
NINE_TO_FIVE = Calendar("", (((9 * 3600, 17 * 3600),),) * 5 + ((), ()))
CLOCK, BUSINESS = HoursKind.AROUND_THE_CLOCK, HoursKind.BUSINESS


@dataclass(frozen=True, eq=False, repr=False)
class Numbered(Terms):
    """Terms with the key of their row."""

    pk: int = 0


def _terms(pk: int, zone: str, factor: float, *, weekends: bool, everything: bool) -> Terms:
    first = {
        (Promise.FIRST_REPLY, 1): (60, CLOCK),
        (Promise.FIRST_REPLY, 2): (240, CLOCK),
        (Promise.FIRST_REPLY, 3): (480, BUSINESS),
        (Promise.NEXT_REPLY, 1): (120, CLOCK),
        (Promise.NEXT_REPLY, 3): (1440, CLOCK),
    }
    more = {
        (Promise.REGULAR_UPDATE, 1): (240, CLOCK),
        (Promise.REGULAR_UPDATE, 2): (480, BUSINESS),
        (Promise.RESOLUTION, 1): (1440, BUSINESS),
        (Promise.RESOLUTION, 4): (2880, CLOCK),
    }
    targets = {
        key: (int(minutes * factor), kind) for key, (minutes, kind) in (first | (more if everything else {})).items()
    }
    return Numbered(targets, NINE_TO_FIVE, Place(zone), weekends, pk=pk)


TERMS = [
    _terms(1, "Europe/Berlin", 1, weekends=True, everything=True),
    _terms(2, "America/New_York", 0.5, weekends=False, everything=False),
    _terms(3, "Australia/Sydney", 2, weekends=False, everything=True),
]
NOTHING = Numbered({}, NINE_TO_FIVE, Place("Europe/Berlin"), covers_weekends=False)


_VERBS = [verb for verb in Verb if verb not in {Verb.NOTE, Verb.REMIND}] * 2
_REPLIES = {Verb.ANSWER_OPEN, Verb.ANSWER_PENDING, Verb.ANSWER_SOLVED}
step = st.tuples(
    st.sampled_from([*_VERBS, "priority", "kept_open", "move", "wait"]),
    st.one_of(st.just(0), st.integers(1, 600), st.integers(600, 6000)),
    st.integers(1, 4),
    st.sampled_from(TERMS),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Moment]:
    """What may happen to a ticket, by the table of moves."""
    at, status, priority, kept_open = BEGINNING, Status.NEW, draw(st.integers(1, 4)), False
    answered = draw(st.booleans())
    terms = draw(st.sampled_from(TERMS))
    moments = [
        Moment(
            at,
            "submitted",
            status,
            priority,
            terms=terms,
            opened=True,
            answered=answered,
            was_answered=answered,
            created_at=at,
        )
    ]
    for what, minutes, number, other in draw(st.lists(step, max_size=14)):
        at += timedelta(minutes=minutes)
        before, fields = status, {}
        if isinstance(what, Verb):
            to = target(what, status, answered=answered)
            if to is None:
                continue
            status = to
            asked = what is Verb.CUSTOMER_REPLY and before is not Status.CLOSED
            asked = asked or (what is Verb.REOPEN and number > 2)
            fields = {"asked": asked, "answered": what in _REPLIES}
            answered = answered or what in _REPLIES
        elif what == "priority":
            priority = number
        elif what == "kept_open":
            kept_open = not kept_open
        elif what == "move":
            if status in FINISHED:
                continue
            fields = {"retargeted": True, "moves": {one: other for one in TERMS if one is not other}}
            terms = other
        moments.append(
            Moment(
                at,
                str(what),
                status,
                priority,
                kept_open=kept_open,
                terms=terms,
                was_finished=before in FINISHED,
                was_answered=answered,
                created_at=BEGINNING,
                **fields,
            )
        )
    return moments


def carried_on(history: list[Moment], *, now: datetime) -> list[LooseClock]:
    kept: list[LooseClock] = []
    for moment in history:
        found: list[Any] = [clock for clock in kept if clocks.concerns(clock, moment)]
        kept += clocks.follow(found, moment, lambda promise, at, terms: LooseClock(promise.value, at, terms))  # type: ignore[arg-type]
    for clock in kept:
        clocks.note_breach(clock, now)
    return kept


def _facts(clock: Any, used: timedelta) -> tuple[Any, ...]:
    names = ("started_at", "due_at", "breached_at", "met_at", "ended_at")
    told = [f"{name} {getattr(clock, name)}" for name in names]
    return (str(clock.promise), clock.priority, TERMS.index(clock.terms), f"used {used}", *told)


@settings(max_examples=400, deadline=None)
@given(histories(), st.integers(0, 9000))
def test_both_roads_lead_to_the_same_clocks(history: list[Moment], later: int) -> None:
    now = history[-1].at + timedelta(minutes=later)
    kept = sorted(carried_on(history, now=now), key=lambda clock: (clock.promise, clock.started_at))
    derived = sorted(derive(history, now=now), key=lambda clock: (clock.promise, clock.started_at))
    assert [_facts(one, clocks.used_by(one, now)) for one in kept] == [_facts(one, one.used) for one in derived]
    for one, other in zip(kept, derived, strict=True):
        spans = [(span["from"], span["to"], (span["runs"], span["priority"], span["terms"])) for span in one.spans]
        assert spans == [
            (start.isoformat(), end.isoformat() if end else None, (ran, priority, terms.pk))
            for start, end, (ran, priority, terms) in other.stretches
        ]


def test_cycles_of_measured_promises_ask_for_no_target() -> None:
    """So they are laid for exactly those that have a clock where nothing is promised."""
    history = [
        Moment(BEGINNING, "submitted", Status.NEW, 1, terms=NOTHING, opened=True),
        Moment(BEGINNING, "replied", Status.OPEN, 1, terms=NOTHING, answered=True, was_answered=True),
        Moment(BEGINNING, "customer_wrote", Status.OPEN, 1, terms=NOTHING, asked=True, was_answered=True),
    ]
    assert {one.promise for one in derive(history, now=BEGINNING)} == set(MEASURED)


@settings(max_examples=100, deadline=None)
@given(histories())
def test_spans_have_no_holes_while_a_clock_is_open_and_add_up_to_the_time_used(history: list[Moment]) -> None:
    for clock in carried_on(history, now=history[-1].at):
        assert all(span["to"] for span in clock.spans[:-1])
        assert clock.ended_at is None or not clock.spans or clock.spans[-1]["to"]
        if clock.spans and clock.spans[-1]["to"]:
            assert clock.spans[-1]["used"] == clock.used.total_seconds()
        used = [span["used"] for span in clock.spans]
        assert used == sorted(used)
