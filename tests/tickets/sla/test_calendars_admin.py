"""Business hours in Django admin: what can't be worked by is refused in the form, with nothing typed lost."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from supportdesk.lib import clock
from tests import factories
from tickets.models import BusinessCalendar, CalendarVersion, Priority, Retargeting, SlaPolicy, Ticket
from tickets.sla import retarget

pytestmark = pytest.mark.django_db

ADD = "/admin/tickets/businesscalendar/add/"
Span = tuple[int, str, str]
Date = tuple[str, str, str]
WEEK: list[Span] = [(day, "09:00", "17:00") for day in range(5)]


def _rows(prefix: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]], kept: Sequence[int]) -> dict[str, Any]:
    data: dict[str, Any] = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": len(kept)}
    for number, row in enumerate(rows):
        data |= {f"{prefix}-{number}-{name}": value for name, value in zip(names, row, strict=True)}
        if number < len(kept):
            data[f"{prefix}-{number}-id"] = kept[number]
    return data


def form(week: Sequence[Span] = WEEK, dates: Sequence[Date] = (), kept: Sequence[int] = (), **fields: Any) -> Any:
    """The form of a calendar filled in; `kept` are the keys of the rows that were there already."""
    plain = {"name": "Berlin hours", "time_zone": "", "holidays": "customer", "country": "", "subdivision": ""}
    return {
        **plain,
        **_rows("spans", ("weekday", "starts", "ends"), week, kept),
        **_rows("dates", ("date", "starts", "ends"), dates, ()),
        **fields,
    }


def _change(admin: Client, week: Sequence[Span], **fields: Any) -> HttpResponse:
    """Edit the calendar that all plans are on."""
    calendar = BusinessCalendar.objects.get(name="Business hours")
    kept = list(calendar.spans.values_list("pk", flat=True))
    data = form(week, kept=kept[: len(week)], name=calendar.name, **fields)
    for number, pk in enumerate(kept[len(week) :], start=len(week)):
        data |= {f"spans-{number}-id": pk, f"spans-{number}-DELETE": "on", f"spans-{number}-weekday": 0}
        data |= {f"spans-{number}-starts": "01:00", f"spans-{number}-ends": "02:00"}
    data |= {"spans-TOTAL_FORMS": max(len(kept), len(week)), "spans-INITIAL_FORMS": len(kept)}
    return admin.post(f"/admin/tickets/businesscalendar/{calendar.pk}/change/", data)


def _errors(answer: HttpResponse) -> str:
    assert answer.status_code == 200
    return str(answer.context["errors"])


def test_a_calendar_is_added_and_becomes_a_version(admin: Client, ada: User) -> None:
    lunch = [(day, *hours) for day in range(5) for hours in (("09:00", "12:00"), ("13:00", "17:00"))]
    dates = [("2026-12-24", "", ""), ("2026-12-27", "10:00", "12:00")]
    answer = admin.post(ADD, form(lunch, dates, time_zone="Europe/Berlin", holidays="fixed", country="DE"))
    assert answer.status_code == 302
    calendar = BusinessCalendar.objects.get(name="Berlin hours")
    assert calendar.current
    assert calendar.current.made_by == ada
    assert calendar.current.content["week"][0] == [[32400, 43200], [46800, 61200]]
    assert calendar.current.content["dates"] == {"2026-12-24": [], "2026-12-27": [[36000, 43200]]}
    assert not Retargeting.objects.exists()


@pytest.mark.parametrize(
    ("week", "sentence"),
    [
        ([(0, "09:00", "12:00"), (0, "11:00", "17:00")], "Monday 09:00–12:00 and Monday 11:00–17:00 overlap"),
        ([(0, "22:00", "06:00"), (1, "05:00", "09:00")], "Monday 22:00–06:00 and Tuesday 05:00–09:00 overlap"),
        ([(6, "22:00", "06:00"), (0, "05:00", "09:00")], "Sunday 22:00–06:00 and Monday 05:00–09:00 overlap"),
        ([(2, "00:00", "00:00"), (2, "09:00", "17:00")], "overlap"),
        ([], "open for a minute in a year"),
    ],
)
def test_hours_that_can_not_be_worked_by_are_refused(admin: Client, week: list[Span], sentence: str) -> None:
    answer = admin.post(ADD, form(week, name="Odd hours"))
    assert sentence in _errors(answer).replace("&#x27;", "'")
    assert sentence in answer.content.decode().replace("&#x27;", "'")
    assert 'value="Odd hours"' in answer.content.decode()
    for _, starts, ends in week:
        assert f'value="{starts}' in answer.content.decode()
        assert f'value="{ends}' in answer.content.decode()
    assert not BusinessCalendar.objects.filter(name="Odd hours").exists()


def test_hours_that_meet_do_not_overlap(admin: Client) -> None:
    """A shift over midnight ends when the next begins, and around the week."""
    week = [(day, *hours) for day in range(7) for hours in (("06:00", "22:00"), ("22:00", "06:00"))]
    assert admin.post(ADD, form(week)).status_code == 302


@pytest.mark.parametrize(
    ("dates", "sentence"),
    [
        ([("2026-12-27", "10:00", "14:00"), ("2026-12-27", "13:00", "15:00")], "The hours of 27 Dec 2026 overlap"),
        ([("2026-12-27", "10:00", "")], "Give both times"),
        ([("2026-12-27", "", "12:00")], "Give both times"),
        ([("2026-12-27", "", ""), ("2026-12-27", "", "")], "27 Dec 2026 is closed by one row"),
        ([("2026-12-27", "", ""), ("2026-12-27", "10:00", "12:00")], "27 Dec 2026 is closed by one row"),
        ([("2026-02-30", "", "")], "valid date"),
    ],
)
def test_bad_dates_are_refused(admin: Client, dates: list[Date], sentence: str) -> None:
    assert sentence in _errors(admin.post(ADD, form(dates=dates)))
    assert not BusinessCalendar.objects.filter(name="Berlin hours").exists()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"time_zone": "Mars/Olympus"}, "Select a valid choice"),
        ({"time_zone": "europe/berlin"}, "Select a valid choice"),
        ({"holidays": "fixed"}, "Choose the country"),
        ({"country": "XX", "holidays": "fixed"}, "Select a valid choice"),
        ({"country": "DE", "subdivision": "TX"}, "Not a region of this country"),
        ({"name": "Business hours"}, "already exists"),
    ],
)
def test_bad_places_are_refused(admin: Client, fields: dict[str, str], sentence: str) -> None:
    answer = admin.post(ADD, form(**fields))
    assert sentence in _errors(answer)
    assert 'value="09:00' in answer.content.decode()


def test_one_open_date_is_too_few_for_what_was_promised(admin: Client, rita: User) -> None:
    """It opens within the year, but eight business hours never pass in its one."""
    answer = _change(admin, [], **_rows("dates", ("date", "starts", "ends"), [("2027-03-01", "09:00", "10:00")], ()))
    assert "never pass in these hours" in _errors(answer)
    assert CalendarVersion.objects.count() == 1


def test_saving_without_a_change_makes_no_version(desk: list[Ticket], admin: Client) -> None:
    assert _change(admin, WEEK).status_code == 302
    assert CalendarVersion.objects.count() == 1
    assert not Retargeting.objects.exists()


def test_a_changed_calendar_moves_open_clocks_and_keeps_the_time_used(
    rita: User, admin: Client, no_difference: Callable[[], None]
) -> None:
    with time_machine.travel(datetime(2026, 6, 3, 14, 0, tzinfo=UTC), tick=False):  # Wednesday 16:00 in Berlin
        ticket = factories.open_ticket(rita, priority=Priority.NORMAL)
        before = ticket.clocks.get()
        assert before.due_at == datetime(2026, 6, 4, 10, 0, tzinfo=UTC)
    with time_machine.travel(datetime(2026, 6, 3, 16, 0, tzinfo=UTC), tick=False):  # an hour after they closed
        answer = _change(admin, [(day, "00:00", "00:00") for day in range(7)])
        assert answer.status_code == 302, _errors(answer)
        assert Retargeting.objects.get().scope == Retargeting.Scope.CALENDAR
        assert "open promises of 1 request are" in admin.get("/admin/tickets/businesscalendar/").content.decode()
        retarget.work(now=clock.now())
        after = ticket.clocks.get()
        assert after.terms.calendar_version.number == 2
        assert after.terms.policy_version == before.terms.policy_version
        assert after.started_at == before.started_at
        assert after.used == timedelta(hours=1)
        assert after.due_at == datetime(2026, 6, 3, 19, 0, tzinfo=UTC)
        assert after.spans[-1]["why"] == "terms_calendar"
        later = factories.open_ticket(rita, priority=Priority.NORMAL)
        assert later.clocks.get().due_at == datetime(2026, 6, 3, 20, 0, tzinfo=UTC)
        no_difference()


def test_a_calendar_in_use_is_not_deleted(desk: list[Ticket], admin: Client) -> None:
    calendar = BusinessCalendar.objects.get(name="Business hours")
    page = admin.post(f"/admin/tickets/businesscalendar/{calendar.pk}/delete/", {"post": "yes"})
    assert page.status_code == 200
    assert "Premier policy, version 1" in page.content.decode()
    assert "protected" in page.content.decode()
    chosen = {"action": "delete_selected", "_selected_action": [calendar.pk], "post": "yes"}
    assert "Premier policy, version 1" in admin.post("/admin/tickets/businesscalendar/", chosen).content.decode()
    assert BusinessCalendar.objects.filter(pk=calendar.pk).exists()


def test_a_calendar_that_nothing_uses_is_deleted(admin: Client) -> None:
    admin.post(ADD, form())
    calendar = BusinessCalendar.objects.get(name="Berlin hours")
    url = f"/admin/tickets/businesscalendar/{calendar.pk}"
    assert admin.get(f"{url}/change/").status_code == 200
    assert admin.post(f"{url}/delete/", {"post": "yes"}).status_code == 302
    assert not BusinessCalendar.objects.filter(pk=calendar.pk).exists()
    assert SlaPolicy.objects.exists()
