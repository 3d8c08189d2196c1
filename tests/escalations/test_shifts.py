"""Overrides, taking a shift, swaps and leave: who may, what is refused, what follows, two at once."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import AccountMail, Role, User
from escalations import actions
from escalations.models import (
    ContactMethod,
    CoverageGap,
    Layer,
    LayerMember,
    Leave,
    Override,
    Schedule,
    Shift,
    SwapRequest,
)
from escalations.paging import roster
from escalations.paging.shifts import materialise
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, DomainError, Invalid, NotAllowed
from tests.at_once import at_once

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)  # a Tuesday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def reach(person: User, number: int = 2) -> None:
    kinds = [("email", person.email), ("sms", f"+44770090{person.pk % 10000:04d}")]
    for kind, value in kinds[:number]:
        ContactMethod.objects.create(user=person, kind=kind, value=value, verified_at=NOW)


def schedule_of(*people: User, name: str = "Support", days: int = 1, priority: int = 0) -> Schedule:
    """Each in turn for `days` days from 9:00 UTC, the first of them on 23 November 2026."""
    schedule, _ = Schedule.objects.get_or_create(name=name)
    layer = Layer.objects.create(
        schedule=schedule, name="turns", priority=priority, days=days, anchor=date(2026, 11, 23), hand_over=time(9)
    )
    LayerMember.objects.bulk_create(
        LayerMember(layer=layer, user=person, position=position) for position, person in enumerate(people)
    )
    materialise([schedule.pk], now=NOW)
    return schedule


@pytest.fixture
def schedule(ann: User, bo: User, lea: User) -> Schedule:
    """ann has Monday, bo Tuesday (now), ann Wednesday, and so on."""
    for person in (ann, bo, lea):
        reach(person)
    return schedule_of(ann, bo)


def on_call(schedule: Schedule, at: datetime) -> User | None:
    return roster.load(at).get(schedule.pk, roster.Roster()).on_call(at)


def shift_at(schedule: Schedule, at: datetime) -> Shift | None:
    return Shift.objects.filter(schedule=schedule, starts_at__lte=at, ends_at__gt=at).select_related("person").first()


def take(schedule: Schedule, person: User, starts: datetime, ends: datetime, by: User | None = None) -> Override:
    return actions.override(schedule, person=person, starts=starts, ends=ends, by=by or person, at=NOW)


def mails(kind: str) -> list[str]:
    return sorted(AccountMail.objects.filter(kind=kind).values_list("to_email", flat=True))


# --- Overrides -----------------------------------------------------------------------------------------------------


def test_a_lead_puts_anybody_on_call_and_the_shifts_follow(schedule: Schedule, ann: User, bo: User, lea: User) -> None:
    row = actions.override(
        schedule, person=lea, starts=NOW + HOUR, ends=NOW + 3 * HOUR, why="  dentist ", by=lea, at=NOW
    )
    assert (row.created_by, row.why) == (lea, "dentist")
    assert on_call(schedule, NOW + 2 * HOUR) == lea
    shown = shift_at(schedule, NOW + 2 * HOUR)
    assert shown is not None
    assert (shown.person, shown.is_override) == (lea, True)
    assert [on_call(schedule, NOW), on_call(schedule, NOW + 3 * HOUR)] == [bo, bo]
    assert mails("hours_moved") == [bo.email], "who loses the hours is told"


def test_who_is_put_on_call_by_a_lead_is_told_in_their_own_zone(schedule: Schedule, ann: User, lea: User) -> None:
    User.objects.filter(pk=ann.pk).update(time_zone="Asia/Tokyo")
    ann.refresh_from_db()
    take(schedule, ann, NOW + HOUR, NOW + 2 * HOUR, by=lea)
    text = AccountMail.objects.get(kind="hours_moved", to_email=ann.email).text
    assert "Lea has put you on call for Support" in text
    assert "Tue 24 Nov 2026, 22:00 JST to Tue 24 Nov 2026, 23:00 JST" in text


def test_others_take_hours_themselves_and_put_nobody_else_on_call(schedule: Schedule, ann: User, bo: User) -> None:
    take(schedule, ann, NOW, NOW + HOUR)
    assert on_call(schedule, NOW) == ann
    with pytest.raises(NotAllowed, match="Only leads"):
        take(schedule, bo, NOW + 30 * HOUR, NOW + 31 * HOUR, by=ann)


@pytest.mark.parametrize("who", ["rita", "pat"])
def test_who_answers_no_pages_takes_no_hours(schedule: Schedule, lea: User, request: Any, who: str) -> None:
    person = request.getfixturevalue(who)
    with pytest.raises(NotAllowed):
        take(schedule, person, NOW, NOW + HOUR)
    with pytest.raises(Invalid, match="doesn't answer pages") as refusal:
        take(schedule, person, NOW, NOW + HOUR, by=lea)
    assert refusal.value.field == "person"


@pytest.mark.parametrize(
    ("starts", "ends", "field"),
    [
        (-2 * HOUR, HOUR, "starts"),
        (HOUR, HOUR, "ends"),
        (HOUR, HOUR + 31 * DAY + HOUR, "ends"),
        (400 * DAY, 401 * DAY, "ends"),
    ],
)
def test_hours_lie_ahead_in_order_and_are_a_month_at_most(
    schedule: Schedule, lea: User, starts: timedelta, ends: timedelta, field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        take(schedule, lea, NOW + starts, NOW + ends)
    assert refusal.value.field == field
    assert not Override.objects.exists()


def test_the_running_minute_is_now(schedule: Schedule, lea: User) -> None:
    at = NOW + timedelta(seconds=40)
    row = actions.override(schedule, person=lea, starts=NOW, ends=NOW + HOUR, by=lea, at=at)
    assert row.starts_at == at


def test_nobody_unreachable_or_away_is_put_on_call(schedule: Schedule, sven: User, ann: User, lea: User) -> None:
    with pytest.raises(Invalid, match="no verified contact"):
        take(schedule, sven, NOW, NOW + HOUR, by=lea)
    Leave.objects.create(user=ann, starts_at=NOW, ends_at=NOW + DAY)
    with pytest.raises(Invalid, match="away"):
        take(schedule, ann, NOW, NOW + HOUR, by=lea)


def test_hours_that_an_override_has_are_only_the_leads_to_give_again(
    schedule: Schedule, ann: User, bo: User, lea: User
) -> None:
    take(schedule, ann, NOW + HOUR, NOW + 3 * HOUR)
    with pytest.raises(Conflict, match="Ann has taken"):
        take(schedule, bo, NOW + 2 * HOUR, NOW + 4 * HOUR)
    take(schedule, ann, NOW + 3 * HOUR, NOW + 4 * HOUR)  # side by side is no overlap
    take(schedule, lea, NOW + 2 * HOUR, NOW + 4 * HOUR)
    assert on_call(schedule, NOW + 3 * HOUR) == lea


def test_who_has_the_hours_already_takes_none(schedule: Schedule, bo: User) -> None:
    with pytest.raises(Conflict, match="already"):
        take(schedule, bo, NOW, NOW + HOUR)


@pytest.mark.django_db(transaction=True)
def test_two_who_take_the_same_hours_at_once(schedule: Schedule, ann: User, sven: User) -> None:
    reach(sven)
    ends = NOW + 2 * HOUR
    done = at_once(lambda: take(schedule, ann, NOW, ends), lambda: take(schedule, sven, NOW, ends))
    assert sorted(type(one).__name__ for one in done) == ["Conflict", "Override"]
    shown = shift_at(schedule, NOW)
    assert shown is not None
    assert shown.person == Override.objects.get().user


# --- Taking a shift ------------------------------------------------------------------------------------------------


def test_taking_a_running_shift_begins_now_and_ends_with_it(schedule: Schedule, ann: User, bo: User) -> None:
    shift = shift_at(schedule, NOW)
    assert shift is not None
    row = actions.take_shift(shift, by=ann, at=NOW)
    assert (row.starts_at, row.ends_at) == (NOW, datetime(2026, 11, 25, 9, tzinfo=UTC))
    assert on_call(schedule, NOW) == ann
    past = shift_at(schedule, NOW - HOUR)
    assert past is None or past.person == bo, "the past stays as it was"


def test_a_shift_that_moved_meanwhile_is_not_taken(schedule: Schedule, ann: User, lea: User) -> None:
    shift = shift_at(schedule, NOW)
    assert shift is not None
    take(schedule, lea, NOW + HOUR, NOW + 2 * HOUR)
    with pytest.raises(Conflict, match="changed meanwhile"):
        actions.take_shift(shift, by=ann, at=NOW)
    over = Shift(schedule=schedule, person=lea, starts_at=NOW - 2 * DAY, ends_at=NOW - DAY)
    over.save()
    with pytest.raises(Conflict, match="is over"):
        actions.take_shift(over, by=ann, at=NOW)


# --- Cancelling ----------------------------------------------------------------------------------------------------


def test_what_has_begun_is_cut_and_the_rest_given_back(schedule: Schedule, ann: User, bo: User, lea: User) -> None:
    row = take(schedule, ann, NOW, NOW + 4 * HOUR)
    actions.cancel_override(row, by=ann, at=NOW + HOUR)
    row.refresh_from_db()
    assert row.ends_at == NOW + HOUR
    shown = [shift_at(schedule, NOW + n * HOUR / 2) for n in (1, 3)]
    assert [shift and shift.person for shift in shown] == [ann, bo]
    with pytest.raises(Conflict, match="is over"):
        actions.cancel_override(row, by=lea, at=NOW + 2 * HOUR)


def test_what_is_ahead_goes_and_its_person_is_told(schedule: Schedule, ann: User, bo: User, lea: User) -> None:
    row = take(schedule, ann, NOW + HOUR, NOW + 4 * HOUR, by=lea)
    with pytest.raises(NotAllowed):
        actions.cancel_override(row, by=ann, at=NOW)
    with pytest.raises(NotAllowed):
        actions.cancel_override(row, by=bo, at=NOW)
    actions.cancel_override(row, by=lea, at=NOW)
    assert not Override.objects.exists()
    assert on_call(schedule, NOW + 2 * HOUR) == bo
    assert mails("override_cancelled") == [ann.email]


# --- Swaps ---------------------------------------------------------------------------------------------------------

TUESDAY = (NOW + HOUR, NOW + 5 * HOUR)  # bo's
WEDNESDAY = (datetime(2026, 11, 25, 9, tzinfo=UTC), datetime(2026, 11, 26, 9, tzinfo=UTC))  # ann's
THURSDAY = (datetime(2026, 11, 26, 9, tzinfo=UTC), datetime(2026, 11, 27, 9, tzinfo=UTC))  # bo's


def ask(schedule: Schedule, by: User, of: User, hours: Any = WEDNESDAY, **more: Any) -> SwapRequest:
    return actions.ask_swap(schedule, of=of, starts=hours[0], ends=hours[1], by=by, at=NOW, **more)


def test_a_swap_moves_both_hours_at_once_when_it_is_accepted(schedule: Schedule, ann: User, bo: User) -> None:
    swap = ask(schedule, ann, bo, back=THURSDAY, note="A wedding.")
    assert mails("swap_asked") == [bo.email]
    assert "wedding" not in AccountMail.objects.get(kind="swap_asked").text
    assert on_call(schedule, WEDNESDAY[0]) == ann, "nothing changes until then"
    actions.answer_swap(swap, accept=True, by=bo, at=NOW + HOUR)
    assert [on_call(schedule, WEDNESDAY[0]), on_call(schedule, THURSDAY[0])] == [bo, ann]
    shown = shift_at(schedule, THURSDAY[0])
    assert shown is not None
    assert (shown.person, shown.is_override) == (ann, True)
    swap.refresh_from_db()
    assert (swap.state, swap.answered_at) == ("accepted", NOW + HOUR)
    assert mails("swap_closed") == [ann.email]


def test_neither_backs_out_of_an_accepted_swap_alone(schedule: Schedule, ann: User, bo: User, lea: User) -> None:
    actions.answer_swap(ask(schedule, ann, bo, back=THURSDAY), accept=True, by=bo, at=NOW)
    for row in Override.objects.all():
        for person in (ann, bo):
            with pytest.raises(NotAllowed):
                actions.cancel_override(row, by=person, at=NOW)
        actions.cancel_override(row, by=lea, at=NOW)


def test_declined_and_withdrawn_change_nothing_and_the_other_is_told(schedule: Schedule, ann: User, bo: User) -> None:
    actions.answer_swap(ask(schedule, ann, bo), accept=False, by=bo, at=NOW)
    actions.withdraw_swap(ask(schedule, ann, bo), by=ann, at=NOW)
    assert not Override.objects.exists()
    assert mails("swap_closed") == sorted([ann.email, bo.email])


def test_only_the_asked_answers_and_only_the_asker_withdraws(
    schedule: Schedule, ann: User, bo: User, lea: User
) -> None:
    swap = ask(schedule, ann, bo)
    for person in (ann, lea):
        with pytest.raises(NotAllowed):
            actions.answer_swap(swap, accept=True, by=person, at=NOW)
    for person in (bo, lea):
        with pytest.raises(NotAllowed):
            actions.withdraw_swap(swap, by=person, at=NOW)


@pytest.mark.parametrize("answer", [True, False])
def test_what_was_answered_is_not_answered_again(schedule: Schedule, ann: User, bo: User, answer: bool) -> None:
    swap = ask(schedule, ann, bo)
    actions.withdraw_swap(swap, by=ann, at=NOW)
    with pytest.raises(Conflict, match="withdrawn already"):
        actions.answer_swap(swap, accept=answer, by=bo, at=NOW)
    with pytest.raises(Conflict):
        actions.withdraw_swap(swap, by=ann, at=NOW)


def test_one_asks_for_ones_own_hours_of_a_colleague_who_can(
    schedule: Schedule, ann: User, bo: User, sven: User
) -> None:
    wrong: list[tuple[Callable[[], object], str | None]] = [
        (lambda: ask(schedule, ann, bo, THURSDAY), "starts"),  # bo's
        (lambda: ask(schedule, ann, bo, (WEDNESDAY[0], THURSDAY[1])), "starts"),  # only partly ann's
        (lambda: ask(schedule, ann, bo, (NOW - DAY, NOW)), "starts"),
        (lambda: ask(schedule, ann, ann), "of"),
        (lambda: ask(schedule, ann, sven), "of"),  # no contact
        (lambda: ask(schedule, ann, bo, back=WEDNESDAY), "back"),  # not bo's
        (lambda: ask(schedule, ann, bo, back=(NOW - DAY, NOW - HOUR)), "back"),
    ]
    for attempt, field in wrong:
        with pytest.raises(DomainError) as refusal:
            attempt()
        assert refusal.value.field == field
    ask(schedule, ann, bo)
    with pytest.raises(Conflict, match="already"):
        ask(schedule, ann, bo, (WEDNESDAY[0] + HOUR, WEDNESDAY[1]))


def test_an_override_made_meanwhile_stands_and_the_swap_is_refused(
    schedule: Schedule, ann: User, bo: User, lea: User
) -> None:
    swap = ask(schedule, ann, bo, back=THURSDAY)
    take(schedule, lea, THURSDAY[0] + HOUR, THURSDAY[0] + 2 * HOUR)
    with pytest.raises(Conflict, match="not all Bo's"):
        actions.answer_swap(swap, accept=True, by=bo, at=NOW)
    assert Override.objects.count() == 1, "all of it, or nothing"
    swap.refresh_from_db()
    assert swap.state == "asked"


def test_hours_that_have_begun_are_not_swapped(schedule: Schedule, ann: User, bo: User) -> None:
    swap = ask(schedule, ann, bo)
    with pytest.raises(Conflict, match="begun"):
        actions.answer_swap(swap, accept=True, by=bo, at=WEDNESDAY[0])


def test_who_lost_their_contacts_since_is_not_given_the_hours(schedule: Schedule, ann: User, bo: User) -> None:
    swap = ask(schedule, ann, bo)
    ContactMethod.objects.filter(user=bo).update(disabled_at=NOW)
    with pytest.raises(Invalid, match="can't reach Bo"):
        actions.answer_swap(swap, accept=True, by=bo, at=NOW)


@pytest.mark.django_db(transaction=True)
def test_accepting_twice_at_once_moves_the_hours_once(schedule: Schedule, ann: User, bo: User) -> None:
    swap = ask(schedule, ann, bo)
    accept = lambda: actions.answer_swap(swap, accept=True, by=bo, at=NOW)  # noqa: E731
    done = at_once(accept, accept)
    assert sorted(type(one).__name__ for one in done) == ["Conflict", "SwapRequest"]
    assert Override.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_swaps_of_the_same_hours_accepted_at_once(schedule: Schedule, ann: User, bo: User, lea: User) -> None:
    first, second = ask(schedule, ann, bo), ask(schedule, ann, lea)
    done = at_once(
        lambda: actions.answer_swap(first, accept=True, by=bo, at=NOW),
        lambda: actions.answer_swap(second, accept=True, by=lea, at=NOW),
    )
    assert sorted(type(one).__name__ for one in done) == ["Conflict", "SwapRequest"]
    assert Override.objects.count() == 1


# --- Leave ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def covered(schedule: Schedule, lea: User) -> Schedule:
    """With lea below everybody."""
    return schedule_of(lea, name=schedule.name, priority=1) and lower(schedule)


def lower(schedule: Schedule) -> Schedule:
    Layer.objects.filter(schedule=schedule, priority=0).update(priority=2)
    materialise([schedule.pk], now=NOW)
    return schedule


def leave(person: User, starts: datetime, ends: datetime, by: User | None = None, **more: Any) -> Leave:
    return actions.begin_leave(person, starts=starts, ends=ends, by=by or person, at=NOW, **more)


def test_on_leave_the_layer_below_shows_through_and_back_again(
    covered: Schedule, ann: User, bo: User, lea: User
) -> None:
    row = leave(bo, NOW, NOW + 5 * HOUR, why="ill")
    assert on_call(covered, NOW) == lea
    shown = shift_at(covered, NOW + HOUR)
    assert shown is not None
    assert shown.person == lea
    actions.end_leave(row, by=bo, at=NOW + 2 * HOUR)
    row.refresh_from_db()
    assert row.ends_at == NOW + 2 * HOUR
    shown = shift_at(covered, NOW + 3 * HOUR)
    assert shown is not None
    assert shown.person == bo
    with pytest.raises(Conflict, match="is over"):
        actions.end_leave(row, by=bo, at=NOW + 3 * HOUR)


def test_leave_that_leaves_nobody_asks_for_a_reason_and_tells_the_lead(
    schedule: Schedule, ann: User, lea: User
) -> None:
    hours = (NOW, NOW + 2 * DAY)
    with pytest.raises(actions.LeavesGap) as gap:
        leave(ann, *hours, why="holidays")
    assert [(one.starts, one.ends) for one in gap.value.gaps] == [WEDNESDAY]
    assert gap.value.minutes == 24 * 60
    assert not Leave.objects.exists()
    with pytest.raises(actions.LeavesGap):
        leave(ann, *hours, why="holidays", confirmed_minutes=60)  # more than was shown
    with pytest.raises(Invalid) as reason:
        leave(ann, *hours, confirmed_minutes=gap.value.minutes)
    assert reason.value.field == "why"
    leave(ann, *hours, why="holidays", confirmed_minutes=gap.value.minutes)
    assert shift_at(schedule, WEDNESDAY[0]) is None
    assert CoverageGap.objects.filter(why="absent", starts_at=WEDNESDAY[0], ends_at=WEDNESDAY[1]).exists()
    assert mails("left_uncovered") == [lea.email]


def test_leave_is_ones_own_or_the_leads_to_enter(schedule: Schedule, ann: User, bo: User, lea: User) -> None:
    with pytest.raises(NotAllowed):
        leave(ann, NOW, NOW + HOUR, by=bo)
    row = leave(ann, NOW, NOW + HOUR, by=lea)
    with pytest.raises(NotAllowed):
        actions.end_leave(row, by=bo, at=NOW)
    actions.end_leave(row, by=ann, at=NOW)
    assert not Leave.objects.exists()


def test_leave_does_not_overlap_nor_begin_in_the_past_nor_hide_an_override(
    schedule: Schedule, ann: User, bo: User
) -> None:
    leave(ann, NOW, NOW + HOUR)
    with pytest.raises(Conflict, match="already"):
        leave(ann, NOW, NOW + 2 * HOUR)
    with pytest.raises(Invalid, match="past"):
        leave(bo, NOW - DAY, NOW + DAY)
    take(schedule, ann, NOW + 2 * HOUR, NOW + 3 * HOUR)
    with pytest.raises(Conflict, match="by an override"):
        leave(ann, NOW + HOUR, NOW + 4 * HOUR)


@pytest.mark.django_db(transaction=True)
def test_two_who_go_at_once_see_that_nobody_would_be_left(ann: User, bo: User) -> None:
    for person in (ann, bo):
        reach(person)
    schedule = schedule_of(ann)
    schedule_of(bo, name=schedule.name, priority=1)
    done = at_once(lambda: leave(ann, NOW, NOW + DAY), lambda: leave(bo, NOW, NOW + DAY))
    assert sorted(type(one).__name__ for one in done) == ["Leave", "LeavesGap"]


def test_without_a_team_every_lead_is_told(schedule: Schedule, sven: User, lea: User) -> None:
    reach(sven)
    only = schedule_of(sven, name="Engineering")
    assert sven.role == Role.SET
    with pytest.raises(actions.LeavesGap) as gap:
        leave(sven, NOW, NOW + DAY)
    leave(sven, NOW, NOW + DAY, why="ill", confirmed_minutes=gap.value.minutes)
    assert mails("left_uncovered") == [lea.email]
    assert shift_at(only, NOW + HOUR) is None


# --- By the doors --------------------------------------------------------------------------------------------------

ClientOf = Callable[[User], Client]


@pytest.fixture
def running(ann: User, bo: User, lea: User) -> Schedule:
    """The same by the desk's clock: bo is on call by turns with ann."""
    for person in (ann, bo, lea):
        reach(person)
    now = clock.now()
    schedule = Schedule.objects.create(name="Support")
    begun = (now - timedelta(hours=9)).date()
    layer = Layer.objects.create(schedule=schedule, name="turns", days=1, anchor=begun, hand_over=time(9))
    LayerMember.objects.bulk_create(LayerMember(layer=layer, user=one, position=n) for n, one in enumerate((bo, ann)))
    materialise(now=now)
    return schedule


def test_a_shift_is_overridden_in_two_clicks(running: Schedule, bo: User, ann: User, client_of: ClientOf) -> None:
    client = client_of(ann)
    import re

    page = client.get("/desk/on-call/calendar/").content.decode()
    links = re.findall(r'href="(/desk/on-call/overrides/new/\?[^"]+)"', page)
    chosen = next(link for link in links if "from" in link).replace("&amp;", "&")
    form = client.get(chosen).content.decode()
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    assert "Take these hours" in form
    assert "In these hours now" in form
    fields["schedule"] = str(running.pk)
    answer = client.post("/desk/on-call/overrides/new/", fields, follow=True)
    assert answer.status_code == 200
    assert "You are on call for Support in these hours." in answer.content.decode()
    assert Override.objects.get().user == ann


def test_a_refusal_stands_beside_its_field_and_nothing_is_lost(
    running: Schedule, bo: User, lea: User, client_of: ClientOf
) -> None:
    data = {"schedule": running.pk, "person": bo.pk, "starts": "2020-01-01T10:00", "ends": "2020-01-01T11:00"}
    answer = client_of(lea).post("/desk/on-call/overrides/new/", data | {"why": "swapped by phone"})
    assert answer.status_code == 400
    html = answer.content.decode()
    assert "This lies in the past" in html
    assert 'id="id_starts_error"' in html
    assert 'value="2020-01-01T10:00"' in html
    assert "swapped by phone" in html


def test_taking_over_now_and_its_undo(running: Schedule, bo: User, ann: User, client_of: ClientOf) -> None:
    shift = Shift.objects.get(starts_at__lte=clock.now(), ends_at__gt=clock.now())
    answer = client_of(ann).post(f"/desk/on-call/shifts/{shift.pk}/take/", follow=True)
    assert "You are on call for Support now." in answer.content.decode()
    row = Override.objects.get()
    assert client_of(bo).post(f"/desk/on-call/overrides/{row.pk}/cancel/").status_code == 403
    client_of(ann).post(f"/desk/on-call/overrides/{row.pk}/cancel/")
    assert on_call(running, clock.now()) == bo


def test_swaps_are_the_two_colleagues_business(
    running: Schedule, bo: User, ann: User, sven: User, lea: User, client_of: ClientOf
) -> None:
    mine = Shift.objects.filter(person=ann, starts_at__gt=clock.now()).first()
    assert mine is not None
    form = client_of(ann).get("/desk/on-call/swaps/new/", {"schedule": running.pk}).content.decode()
    assert "Bo: " in form, "what may be had in return"
    hours = {"starts": f"{mine.starts_at:%Y-%m-%dT%H:%M}", "ends": f"{mine.ends_at:%Y-%m-%dT%H:%M}"}
    answer = client_of(ann).post("/desk/on-call/swaps/new/", {"schedule": running.pk, "of": bo.pk, **hours})
    assert answer.status_code == 302
    swap = SwapRequest.objects.get()
    address = f"/desk/on-call/swaps/{swap.pk}/answer/"
    assert client_of(sven).post(address, {"answer": "accept"}).status_code == 404
    assert client_of(lea).post(address, {"answer": "accept"}).status_code == 403
    assert "Ann</b> asks you to take" in client_of(bo).get("/desk/on-call/mine/").content.decode()
    assert "Accepted" in client_of(bo).post(address, {"answer": "accept"}, follow=True).content.decode()
    assert "Bo" in client_of(ann).get("/desk/on-call/mine/").content.decode().partition("Who covers for me")[2]


def test_leave_with_a_gap_comes_back_with_the_hours_and_is_entered_once_confirmed(
    running: Schedule, ann: User, bo: User, client_of: ClientOf
) -> None:
    client = client_of(ann)
    begins = (clock.now() + timedelta(days=1)).replace(minute=0)
    data = {"starts": f"{begins:%Y-%m-%dT%H:%M}", "ends": f"{begins + 3 * DAY:%Y-%m-%dT%H:%M}", "why": ""}
    answer = client.post("/desk/on-call/leave/", data)
    assert answer.status_code == 409
    html = answer.content.decode()
    assert "Nobody would be on call in these hours" in html
    assert f'value="{data["starts"]}"' in html
    minutes = html.partition('name="confirmed" value="')[2].partition('"')[0]
    silent = client.post("/desk/on-call/leave/", data | {"confirmed": minutes})
    assert silent.status_code == 400
    assert "Say why the hours may stay uncovered" in silent.content.decode()
    assert f'name="confirmed" value="{minutes}"' in silent.content.decode()
    assert client.post("/desk/on-call/leave/", data | {"confirmed": minutes, "why": "holidays"}).status_code == 302
    row = Leave.objects.get()
    assert client_of(bo).post(f"/desk/on-call/leave/{row.pk}/end/").status_code == 404
    assert "holidays" not in client_of(bo).get("/desk/on-call/").content.decode()
    client.post(f"/desk/on-call/leave/{row.pk}/end/")
    assert not Leave.objects.exists()


@pytest.mark.parametrize(
    ("zone", "starts", "ends", "found"),
    [
        # 02:30 comes twice in Berlin's night of 31 October 2027: the first as a start, the last as an end.
        ("Europe/Berlin", "2027-10-31T02:30", "2027-10-31T02:30", [(2027, 10, 31, 0, 30), (2027, 10, 31, 1, 30)]),
        ("Europe/Berlin", "2027-03-28T02:30", "2027-03-28T05:00", None),  # skipped
        ("Asia/Kolkata", "2027-03-28T02:30", "2027-03-28T05:00", [(2027, 3, 27, 21, 0), (2027, 3, 27, 23, 30)]),
    ],
)
def test_local_times_are_the_viewers_and_say_what_was_made_of_them(
    running: Schedule, lea: User, client_of: ClientOf, zone: str, starts: str, ends: str, found: Any
) -> None:
    User.objects.filter(pk=lea.pk).update(time_zone=zone)
    clock.move(datetime(2027, 3, 1, tzinfo=UTC) - clock.now())
    if starts.startswith("2027-10"):
        clock.move(datetime(2027, 10, 1, tzinfo=UTC) - clock.now())
    data = {"schedule": running.pk, "person": lea.pk, "starts": starts, "ends": ends}
    answer = client_of(lea).post("/desk/on-call/overrides/new/", data, follow=True)
    html = answer.content.decode()
    if found is None:
        assert "There is no 02:30 on this day in Europe/Berlin" in html
        return
    row = Override.objects.get()
    assert (row.starts_at, row.ends_at) == tuple(datetime(*at, tzinfo=UTC) for at in found)
    assert ("comes twice" in html) == (zone == "Europe/Berlin")


def test_hours_chosen_in_the_calendar_are_taken_exactly(running: Schedule, lea: User, client_of: ClientOf) -> None:
    """The second 02:30 of a night in which clocks go back looks like the first."""
    User.objects.filter(pk=lea.pk).update(time_zone="Europe/Berlin")
    clock.move(datetime(2027, 10, 1, tzinfo=UTC) - clock.now())
    data = {
        "schedule": running.pk,
        "person": lea.pk,
        "starts": "2027-10-31T02:30",
        "exact_starts": "2027-10-31T01:30:00Z",
        "ends": "2027-10-31T09:00",
    }
    client_of(lea).post("/desk/on-call/overrides/new/", data)
    assert Override.objects.get().starts_at == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("bad", ["", "soon", "2027-13-01T00:00", "0001-01-01T00:00", "2027-01-01T00:00+02:00"])
def test_what_is_no_time_is_refused_beside_the_field(
    running: Schedule, lea: User, client_of: ClientOf, bad: str
) -> None:
    answer = client_of(lea).post("/desk/on-call/overrides/new/", {"schedule": running.pk, "ends": bad})
    assert answer.status_code == 400
    assert 'id="id_ends_error"' in answer.content.decode()
