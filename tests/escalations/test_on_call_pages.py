"""The on-call page, the calendar and one's own shifts: what they say, in whose zone, at what cost."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations import actions
from escalations.models import (
    ContactMethod,
    CoverageGap,
    Layer,
    LayerMember,
    LayerWindow,
    Leave,
    PagingAlarm,
    Schedule,
    Shift,
)
from escalations.paging.shifts import materialise
from supportdesk.lib import clock

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
NOW = datetime(2027, 10, 27, 10, tzinfo=UTC)  # a Wednesday; Berlin's clocks go back on Sunday
MONDAY = date(2027, 10, 25)


def reach(*people: User) -> None:
    for person in people:
        for kind, value in (("email", person.email), ("sms", f"+44770090{person.pk % 10000:04d}")):
            ContactMethod.objects.create(user=person, kind=kind, value=value, verified_at=NOW)


def layer(schedule: Schedule, *people: User, hours: tuple[int, int] | None = None, **fields: Any) -> Layer:
    made = Layer.objects.create(
        schedule=schedule, name="turns", anchor=MONDAY, **{"hand_over": time(0), "days": 7, **fields}
    )
    LayerMember.objects.bulk_create(LayerMember(layer=made, user=one, position=n) for n, one in enumerate(people))
    if hours:
        LayerWindow.objects.create(layer=made, starts=time(hours[0]), ends=time(hours[1]))
    return made


@pytest.fixture
def wednesday(_defaults: None) -> None:
    clock.move(NOW - clock.now())


@pytest.fixture
def sun(wednesday: None, ann: User, bo: User, lea: User, sven: User) -> Schedule:
    """bo from 8 to 16 UTC, ann from 16 to 23; nobody at night. lea and bo can be reached, ann by nothing."""
    reach(bo, lea)
    schedule = Schedule.objects.create(name="Follow the sun", purpose="First to be paged.")
    layer(schedule, bo, hours=(8, 16), priority=1)
    layer(schedule, ann, hours=(16, 23), priority=2)
    materialise(now=NOW - timedelta(days=2))
    materialise(now=NOW)
    return schedule


def get(client: Client, path: str, **query: object) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def calendar(client: Client, **query: object) -> str:
    return get(client, "/desk/on-call/calendar/", **query)


# --- Now -----------------------------------------------------------------------------------------------------------


def test_it_says_who_until_when_how_to_reach_and_who_is_next(sun: Schedule, bo: User, client_of: ClientOf) -> None:
    page = text_of(get(client_of(bo), "/desk/on-call/"))
    assert "Follow the sun First to be paged." in page
    assert "Hands over 27 Oct 2027, 16:00" in page
    assert "Next Ann from 27 Oct 2027, 16:00" in page
    html = get(client_of(bo), "/desk/on-call/")
    assert f'href="mailto:{bo.email}"' in html
    assert 'href="tel:+44770090' in html
    assert ">text message<" in html


def test_each_region_has_its_clock_and_its_people(sun: Schedule, bo: User, client_of: ClientOf) -> None:
    page = text_of(get(client_of(bo), "/desk/on-call/")).partition("By region")[2]
    assert "Europe, Middle East and Africa Bo: Follow the sun 12:00 there" in page
    assert "Americas Nobody of this region is on call now" in page


def test_leave_and_windows_decide_who_it_is(sun: Schedule, bo: User, lea: User, client_of: ClientOf) -> None:
    layer(sun, lea, priority=0)
    actions.begin_leave(bo, starts=NOW, ends=NOW + timedelta(hours=2), by=bo, at=NOW)
    page = text_of(get(client_of(bo), "/desk/on-call/"))
    assert "First to be paged. Le Lea" in page
    assert "Next Bo from 27 Oct 2027, 12:00" in page


def test_alarms_and_gaps_of_three_days_are_red(sun: Schedule, bo: User, client_of: ClientOf) -> None:
    PagingAlarm.objects.create(key="x", text="Deliveries are overdue.", began_at=NOW)
    PagingAlarm.objects.create(key="y", text="Was mended.", began_at=NOW, ended_at=NOW)
    html = get(client_of(bo), "/desk/on-call/")
    assert "Deliveries are overdue." in html
    assert "Was mended." not in html
    assert "Follow the sun, Wed 27 Oct, 23:00 to Thu 28 Oct, 08:00 : no layer names anybody" in text_of(html)
    assert "Ann has fewer than two verified contacts" in text_of(html)
    Schedule.objects.update(gaps_accepted_at=NOW, gaps_accepted_by=bo)
    assert "no layer names anybody" not in get(client_of(bo), "/desk/on-call/")


def test_it_costs_as_much_for_many_schedules(sun: Schedule, bo: User, client_of: ClientOf, count_queries: Any) -> None:
    client = client_of(bo)
    few = _cost(lambda: get(client, "/desk/on-call/"), count_queries)
    for n in range(4):
        layer(Schedule.objects.create(name=f"More {n}"), bo)
    materialise(now=NOW)
    assert _cost(lambda: get(client, "/desk/on-call/"), count_queries) == few


def _cost(ask: Callable[[], object], count_queries: Any) -> int:
    ask()
    with count_queries() as queries:
        ask()
    return len([one for one in queries if "lib_clockoffset" not in one["sql"]])


# --- The calendar --------------------------------------------------------------------------------------------------


def test_a_week_shows_shifts_gaps_and_who_is_hard_to_reach(sun: Schedule, bo: User, client_of: ClientOf) -> None:
    html = calendar(client_of(bo))
    assert "25 Oct to 31 Oct 2027" in html
    labels = re.findall(r'title="([^"]+)"', html)
    assert (
        "Bo, Follow the sun, Thu 28 Oct 2027, 08:00 UTC to Thu 28 Oct 2027, 16:00 UTC, hand-over at 10:00 there"
        in labels
    )
    assert (
        "Nobody: no layer names anybody, Follow the sun, Thu 28 Oct 2027, 23:00 UTC to Fri 29 Oct 2027, 08:00 UTC"
        in labels
    )
    assert "fewer than two verified contacts" in html
    assert "Nobody: no layer names anybody" in text_of(html)
    assert 'class="rota-piece gap"' in html
    assert 'class="rota-piece hard"' in html
    assert 'class="rota-piece mine"' in html


def test_the_lanes_are_as_long_as_the_viewers_week(sun: Schedule, bo: User, client_of: ClientOf) -> None:
    """Berlin's Sunday has 25 hours: 50 half hours, and every lane fills all 338."""
    User.objects.filter(pk=bo.pk).update(time_zone="Europe/Berlin")
    html = calendar(client_of(bo), on="2027-10-31")
    spans = [int(one) for one in re.findall(r'<th scope="col" colspan="(\d+)"', html)]
    assert spans == [48] * 6 + [50]
    lane = html.partition("<tbody>")[2].partition("</tbody>")[0]
    assert sum(int(one) for one in re.findall(r'<td colspan="(\d+)"', lane)) == 338
    assert "Europe/Berlin" in html
    assert "Sun 31 Oct 2027, 09:00 CET" in html
    assert "Sat 30 Oct 2027, 10:00 CEST" in html


def test_times_are_the_viewers_and_the_hand_over_the_persons_too(
    sun: Schedule, bo: User, ann: User, client_of: ClientOf
) -> None:
    User.objects.filter(pk=ann.pk).update(time_zone="Asia/Tokyo")
    day = calendar(client_of(ann)).partition("rota-days")[2].partition("Thu 28 Oct")[2]
    assert "from 17:00" in day, "8:00 UTC"
    assert "hand-over 10:00 there" in text_of(day)


def test_a_month_shows_whole_weeks_and_other_months_days_aside(sun: Schedule, bo: User, client_of: ClientOf) -> None:
    html = calendar(client_of(bo), view="month", on="2027-11-15")
    assert "November 2027" in html
    table = html.partition("<tbody>")[2].partition("</tbody>")[0]
    assert table.count("<tr>") == 5
    assert table.count("outside") == 5, "December's first five days; November begins on a Monday"
    assert "view=month&amp;on=2027-12-01" in html
    assert "view=month&amp;on=2027-10-01" in html


def test_a_gap_of_minutes_is_seen(sun: Schedule, bo: User, client_of: ClientOf) -> None:
    gap = CoverageGap.objects.filter(why="planned").earliest("starts_at")
    CoverageGap.objects.filter(pk=gap.pk).update(ends_at=gap.starts_at + timedelta(minutes=5))
    html = calendar(client_of(bo))
    assert f"{gap.starts_at:%H:%M} UTC to {gap.starts_at + timedelta(minutes=5):%a %-d %b %Y, %H:%M} UTC" in html


def test_what_is_over_leads_nowhere_and_the_rest_to_a_filled_in_form(
    sun: Schedule, bo: User, lea: User, client_of: ClientOf
) -> None:
    table = calendar(client_of(lea)).partition("<tbody>")[2].partition("</tbody>")[0]
    links = re.findall(r'<a class="rota-piece[^>]*href="([^"]+)"', table)
    assert 'class="rota-piece past ' in table
    assert len(links) > 5
    form = client_of(lea).get(links[-1].replace("&amp;", "&")).content.decode()
    assert 'name="starts" value="2027-10-31T23:00"' in form or 'name="starts" value="2027-10-31T16:00"' in form
    assert "Who" in form, "a lead chooses anybody"


@pytest.mark.parametrize(
    "query",
    [
        {"on": "soon"},
        {"on": "9999-12-31"},
        {"on": "0001-01-01"},
        {"view": "year"},
        {"schedule": "x"},
        {"schedule": "99"},
    ],
)
def test_what_it_does_not_understand_is_this_week(
    sun: Schedule, bo: User, client_of: ClientOf, query: dict[str, str]
) -> None:
    assert "25 Oct to 31 Oct 2027" in calendar(client_of(bo), **query)


def test_a_schedule_is_chosen_and_kept(sun: Schedule, bo: User, client_of: ClientOf) -> None:
    other = Schedule.objects.create(name="Engineering")
    html = calendar(client_of(bo), schedule=sun.pk)
    assert f"schedule={sun.pk}" in html
    assert '<span class="clip">Engineering</span>' not in html
    assert '<span class="clip">Engineering</span>' in calendar(client_of(bo))
    assert other.pk != sun.pk


@pytest.mark.parametrize("view", ["week", "month"])
def test_it_costs_the_same_however_much_there_is(
    sun: Schedule, bo: User, client_of: ClientOf, count_queries: Any, view: str
) -> None:
    client = client_of(bo)
    few = _cost(lambda: calendar(client, view=view), count_queries)
    for n in range(4):
        layer(Schedule.objects.create(name=f"More {n}"), bo, days=1)
    materialise(now=NOW)
    assert _cost(lambda: calendar(client, view=view), count_queries) == few
    assert few <= 12


def test_without_a_schedule_it_says_what_will_be_there(ann: User, client_of: ClientOf) -> None:
    client = client_of(ann)
    assert "No schedule yet" in calendar(client)
    assert "No schedule yet" in get(client, "/desk/on-call/overrides/new/")
    assert "You are not on call in the next 60 days." in get(client, "/desk/on-call/mine/")


def test_beyond_what_is_planned_it_says_so(sun: Schedule, bo: User, client_of: ClientOf) -> None:
    assert "Shifts are planned until" in calendar(client_of(bo), on="2028-06-01")
    assert "Shifts are planned until" not in calendar(client_of(bo))


# --- One's own -----------------------------------------------------------------------------------------------------


def test_my_shifts_are_mine_for_sixty_days(sun: Schedule, bo: User, ann: User, client_of: ClientOf) -> None:
    page = get(client_of(bo), "/desk/on-call/mine/")
    rows = page.partition('aria-labelledby="ahead"')[2].partition("</section>")[0]
    assert (
        rows.count("<li>")
        == Shift.objects.filter(person=bo, ends_at__gt=NOW, starts_at__lt=NOW + timedelta(days=60)).count()
    )
    assert ">now<" in rows
    assert f"from={NOW + timedelta(hours=1):%Y-%m-%dT%H}%3A00%3A00Z" in rows, "a running shift from the next hour on"


def test_it_costs_the_same_for_many_shifts(sun: Schedule, bo: User, client_of: ClientOf, count_queries: Any) -> None:
    client = client_of(bo)
    few = _cost(lambda: get(client, "/desk/on-call/mine/"), count_queries)
    for n in range(3):
        layer(Schedule.objects.create(name=f"More {n}"), bo, days=1)
    materialise(now=NOW)
    Leave.objects.create(user=bo, starts_at=NOW + timedelta(days=3), ends_at=NOW + timedelta(days=4))
    assert _cost(lambda: get(client, "/desk/on-call/mine/"), count_queries) == few


def test_leads_see_and_enter_everybodys_leave(sun: Schedule, bo: User, lea: User, client_of: ClientOf) -> None:
    Leave.objects.create(user=bo, starts_at=NOW, ends_at=NOW + timedelta(days=1), why="ill")
    page = get(client_of(lea), "/desk/on-call/mine/")
    assert "Leave of everybody" in page
    assert "ill" in page
    assert 'name="person"' in page
    assert 'name="person"' not in get(client_of(bo), "/desk/on-call/mine/")


@pytest.mark.parametrize("path", ["calendar/", "mine/", "overrides/new/", "swaps/new/"])
@pytest.mark.parametrize("who", ["rita", "pat"])
def test_for_others_there_are_no_such_pages(
    sun: Schedule, client_of: ClientOf, request: Any, path: str, who: str
) -> None:
    client = client_of(request.getfixturevalue(who))
    assert client.get(f"/desk/on-call/{path}").status_code == 404
