"""Calendar feeds: what they say is read back by a parser; who may read them, and for how long."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.test import Client
from icalendar import Calendar

from accounts.models import User
from escalations import actions
from escalations.models import CalendarFeed, Layer, LayerMember, Schedule, Shift
from escalations.paging.shifts import materialise
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, NotAllowed
from tickets.models import Ticket

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]


@pytest.fixture
def schedule(ann: User, bo: User) -> Schedule:
    """By turns at Berlin's 9:00, over the night in which its clocks go back."""
    clock.move(datetime(2027, 10, 29, 12, tzinfo=UTC) - clock.now())
    schedule = Schedule.objects.create(name="Support, nights; and days")
    layer = Layer.objects.create(
        schedule=schedule, name="turns", days=1, anchor=date(2027, 10, 29), hand_over=time(9), zone="Europe/Berlin"
    )
    LayerMember.objects.bulk_create(LayerMember(layer=layer, user=one, position=n) for n, one in enumerate((ann, bo)))
    materialise(now=clock.now())
    return schedule


def read(secret: str) -> list[dict[str, object]]:
    """The feed's events, as another program understands them."""
    answer = Client().get(f"/feeds/on-call/{secret}.ics")
    assert answer.status_code == 200
    events = Calendar.from_ical(answer.content).walk("VEVENT")
    return [
        {"uid": str(one["UID"]), "summary": str(one["SUMMARY"]), "from": one["DTSTART"].dt, "until": one["DTEND"].dt}
        for one in events
    ]


def test_it_holds_ones_own_shifts_as_utc_events(schedule: Schedule, ann: User) -> None:
    secret = actions.open_feed(ann, schedule=None, at=clock.now())
    events = read(secret)
    rows = list(Shift.objects.filter(person=ann).order_by("starts_at"))
    assert len(rows) > 80
    whole = [(row.starts_at.replace(microsecond=0), row.ends_at.replace(microsecond=0)) for row in rows]
    assert [(one["from"], one["until"]) for one in events] == whole
    assert {one["summary"] for one in events} == {"On call: Support, nights; and days"}
    # Berlin's 31 October 2027 has 25 hours: from 9:00 CEST to 9:00 CET.
    assert events[1]["from"] == datetime(2027, 10, 31, 8, tzinfo=UTC)
    body = Client().get(f"/feeds/on-call/{secret}.ics").content
    assert b"DTSTART:20271031T080000Z" in body
    assert b"TZID" not in body
    assert body.startswith(b"BEGIN:VCALENDAR\r\n")


def test_a_schedules_feed_says_who(schedule: Schedule, ann: User, bo: User) -> None:
    events = read(actions.open_feed(ann, schedule=schedule, at=clock.now()))
    assert [str(one["summary"]).rpartition(", ")[2] for one in events[:4]] == ["Ann", "Bo", "Ann", "Bo"]


def test_an_event_stays_itself_however_often_shifts_are_rewritten(schedule: Schedule, ann: User, bo: User) -> None:
    secret = actions.open_feed(ann, schedule=schedule, at=clock.now())
    before = read(secret)
    materialise(now=clock.now())
    assert read(secret) == before
    assert len({one["uid"] for one in before}) == len(before)
    clock.move(timedelta(hours=1))
    materialise(now=clock.now())
    assert [one["uid"] for one in read(secret)][: len(before) - 1] == [one["uid"] for one in before][:-1]


def test_a_ticket_leaves_no_trace_in_it(schedule: Schedule, ticket: Ticket, ann: User) -> None:
    secret = actions.open_feed(ann, schedule=schedule, at=clock.now())
    body = Client().get(f"/feeds/on-call/{secret}.ics").content
    for word in (b"Secret", b"Northwind", str(ticket.number).encode() + b":"):
        assert word not in body


def test_only_its_hash_is_kept_and_reading_is_noted(schedule: Schedule, ann: User) -> None:
    secret = actions.open_feed(ann, schedule=None, at=clock.now())
    feed = CalendarFeed.objects.get()
    assert len(secret) >= 43, "256 bits"
    assert secret not in str(vars(feed))
    assert feed.last_read_at is None
    answer = Client().get(f"/feeds/on-call/{secret}.ics")
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert "private" in answer["Cache-Control"]
    feed.refresh_from_db()
    assert feed.last_read_at is not None
    assert Client().post(f"/feeds/on-call/{secret}.ics").status_code == 405


def test_unknown_revoked_and_of_who_left_are_the_same_404(schedule: Schedule, ann: User, bo: User) -> None:
    revoked = actions.open_feed(ann, schedule=None, at=clock.now())
    actions.revoke_feed(CalendarFeed.objects.get(), by=ann, at=clock.now())
    left = actions.open_feed(bo, schedule=schedule, at=clock.now())
    User.objects.filter(pk=bo.pk).update(is_active=False)
    for secret in ("x" * 43, revoked, left):
        assert Client().get(f"/feeds/on-call/{secret}.ics").status_code == 404
    User.objects.filter(pk=bo.pk).update(is_active=True, role="product")
    assert Client().get(f"/feeds/on-call/{left}.ics").status_code == 404


def test_there_is_one_address_for_each_and_another_only_once_it_is_revoked(
    schedule: Schedule, ann: User, bo: User, pat: User
) -> None:
    actions.open_feed(ann, schedule=None, at=clock.now())
    actions.open_feed(ann, schedule=schedule, at=clock.now())
    actions.open_feed(bo, schedule=schedule, at=clock.now())
    with pytest.raises(Conflict):
        actions.open_feed(ann, schedule=None, at=clock.now())
    feed = CalendarFeed.objects.get(owner=ann, schedule=None)
    with pytest.raises(NotAllowed):
        actions.revoke_feed(feed, by=bo, at=clock.now())
    actions.revoke_feed(feed, by=ann, at=clock.now())
    with pytest.raises(Conflict):
        actions.revoke_feed(feed, by=ann, at=clock.now())
    actions.open_feed(ann, schedule=None, at=clock.now())
    with pytest.raises(NotAllowed):
        actions.open_feed(pat, schedule=None, at=clock.now())


def test_the_page_shows_the_address_once(schedule: Schedule, ann: User, bo: User, client_of: ClientOf) -> None:
    client = client_of(ann)
    html = client.post("/desk/on-call/feeds/", {"schedule": ""}).content.decode()
    secret = html.partition("/feeds/on-call/")[2].partition(".ics")[0]
    assert read(secret)
    assert secret not in client.get("/desk/on-call/mine/").content.decode()
    again = client.post("/desk/on-call/feeds/", {"schedule": ""})
    assert again.status_code == 409
    assert "revoke it first" in again.content.decode()
    feed = CalendarFeed.objects.get()
    assert client_of(bo).post(f"/desk/on-call/feeds/{feed.pk}/revoke/").status_code == 404
    client.post(f"/desk/on-call/feeds/{feed.pk}/revoke/")
    assert Client().get(f"/feeds/on-call/{secret}.ics").status_code == 404
