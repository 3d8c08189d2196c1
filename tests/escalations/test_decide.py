"""How a page climbs: steps, rounds, and a person's own rules."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from escalations.paging.decide import (
    HIGH,
    RING_ALL_EVERY,
    START,
    URGENT,
    Firing,
    Position,
    Rule,
    Shape,
    Step,
    Target,
    contacts_to_use,
    fire,
)

SCHEDULE, TEAM, LEAD = Target("schedule", 1), Target("team", 1), Target("user", 1)
SHAPE = Shape(
    steps=(
        Step(timedelta(0), (SCHEDULE,)),
        Step(timedelta(minutes=5), (TEAM,)),
        Step(timedelta(minutes=10), (LEAD,)),
    ),
    catch_all=(Target("user", 9),),
    repeat_after=timedelta(minutes=4),
)


def climb(shape: Shape, firings: int) -> list[Firing]:
    position, climbed = START, []
    for _ in range(firings):
        climbed.append(fire(shape, position))
        position = climbed[-1].then
    return climbed


def test_two_rounds_of_steps_then_everybody_every_quarter_of_an_hour() -> None:
    first, second, third, again, _, last, all_of_them, forever = climb(SHAPE, 8)
    assert [first.targets, second.targets, third.targets] == [(SCHEDULE,), (TEAM,), (LEAD,)]
    assert [first.wait, second.wait, third.wait] == [timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=4)]
    assert again.targets == (SCHEDULE, Target("user", 9)), "the second round adds the catch-all list"
    assert last.then == Position(3, 0)
    assert all_of_them.targets == (SCHEDULE, TEAM, LEAD, Target("user", 9))
    assert all_of_them.wait == forever.wait == RING_ALL_EVERY


def test_a_policy_without_steps_rings_its_catch_all_list() -> None:
    firing = fire(Shape((), (LEAD,), timedelta(0)), START)
    assert firing.targets == (LEAD,)
    assert firing.is_everything


steps = st.lists(st.builds(Step, st.timedeltas(timedelta(0), timedelta(hours=4)), st.just((TEAM,))), max_size=6)


@given(steps, st.integers(1, 40))
def test_it_never_ends_and_never_goes_back(some: list[Step], firings: int) -> None:
    shape = Shape(tuple(some), (LEAD,), timedelta(minutes=5))
    position = START
    for _ in range(firings):
        following = fire(shape, position).then
        assert (following.round, following.step) > (position.round, position.step)
        position = following


@given(
    st.lists(st.builds(Rule, st.integers(1, 5), st.integers(0, 600)), max_size=6),
    st.lists(st.integers(1, 5), unique=True, max_size=5),
    st.sampled_from([URGENT, HIGH]),
)
def test_who_has_a_usable_contact_is_paged_by_usable_contacts_only(
    rules: list[Rule], usable: list[int], priority: int
) -> None:
    plan = contacts_to_use(rules, usable, priority=priority)
    assert bool(plan) == bool(usable)
    assert {rule.contact for rule in plan} <= set(usable)
    if plan and priority == URGENT:
        assert min(rule.delay for rule in plan) == 0
