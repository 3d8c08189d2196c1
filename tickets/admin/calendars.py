"""Business hours in Django admin: what can't be worked by is refused in the form, before anything is written."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTimeWidget
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.base import InUseAdmin, PlaceForm
from supportdesk.lib import clock
from supportdesk.lib.errors import Invalid
from tickets.models import BusinessCalendar, CalendarDate, CalendarSpan, Retargeting
from tickets.models.sla import WEEKDAYS
from tickets.sla import publish, retarget
from tickets.sla.terms import Calendar


class CalendarForm(PlaceForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "time_zone" in self.fields:
            named = "The customer's own"
            zone = self.fields["time_zone"]
            zone.choices = [("", named), *(choice for choice in zone.choices if choice[0] != "")]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("holidays") == BusinessCalendar.Holidays.FIXED and not data.get("country"):
            self.add_error("country", "Choose the country whose public holidays are closed.")
        return data


class Rows(forms.BaseInlineFormSet):
    """What was typed is read as one calendar before any of it is saved; `instance` holds the rows on the way."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        typed = self.instance.__dict__.setdefault("typed", {})
        typed[type(self).role] = self

    def rows(self) -> Iterator[dict[str, Any]]:
        """What each row says that is to stay and that has no error of its own."""
        for form in self.forms:
            data = getattr(form, "cleaned_data", None)
            if data and form.is_valid() and not data.get("DELETE"):
                yield data


class SpanRows(Rows):
    role = "spans"

    def clean(self) -> None:
        """Refuse overlaps, and hours that never open or are too few for what is promised."""
        super().clean()
        dates = self.instance.typed.get("dates")
        if any(self.errors) or dates is None or not dates.is_valid():
            return
        try:
            publish.check_in_use(self.instance, self._calendar(dates), at=clock.now())
        except Invalid as refusal:
            raise forms.ValidationError(refusal.sentence, code=refusal.code) from None

    def _calendar(self, dates: Rows) -> Calendar:
        week: list[list[Any]] = [[] for _ in WEEKDAYS]
        for row in self.rows():
            week[row["weekday"]].append(publish.span_of(row["starts"], row["ends"]))
        days: dict[Any, list[Any]] = {}
        for row in dates.rows():
            spans = days.setdefault(row["date"], [])
            if row["starts"] is not None:
                spans.append(publish.span_of(row["starts"], row["ends"]))
        named = self.instance
        return Calendar(
            zone=named.time_zone,
            week=tuple(tuple(sorted(day)) for day in week),
            holidays=named.holidays,
            country=named.country,
            subdivision=named.subdivision,
            dates=tuple((day, tuple(sorted(spans))) for day, spans in sorted(days.items())),
        )


class DateRows(Rows):
    role = "dates"

    def clean(self) -> None:
        """Refuse a date that is closed and open, or closed twice."""
        super().clean()
        seen: dict[Any, list[Any]] = {}
        for row in self.rows():
            seen.setdefault(row["date"], []).append(row["starts"])
        for day, starts in seen.items():
            if None in starts and len(starts) > 1:
                raise forms.ValidationError(
                    f"{day:%d %b %Y} is closed by one row and named by another. Keep one of them.", code="closed_twice"
                )


class DateForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if {"starts", "ends"} <= data.keys() and (data["starts"] is None) != (data["ends"] is None):
            missing = "starts" if data["starts"] is None else "ends"
            self.add_error(missing, "Give both times, or none for a day that is closed.")
        return data


_TIMES = {models.TimeField: {"widget": AdminTimeWidget(format="%H:%M")}}


class SpanInline(admin.TabularInline):
    model = CalendarSpan
    formfield_overrides = _TIMES
    formset = SpanRows
    extra = 1
    verbose_name = "span"
    verbose_name_plural = "weekly hours"


class DateInline(admin.TabularInline):
    model = CalendarDate
    formfield_overrides = _TIMES
    form = DateForm
    formset = DateRows
    extra = 1
    verbose_name = "date"
    verbose_name_plural = "dates that differ: closed, or with hours of their own"


@admin.register(BusinessCalendar)
class BusinessCalendarAdmin(InUseAdmin):
    form = CalendarForm
    list_display = ("name", "zone", "holidays", "country", "version")
    list_select_related = ("current",)
    search_fields = ("name",)
    inlines = (SpanInline, DateInline)
    fieldsets = (
        (None, {"fields": ("name", "time_zone")}),
        ("Public holidays", {"fields": ("holidays", "country", "subdivision")}),
    )

    @admin.display(description="time zone", ordering="time_zone")
    def zone(self, row: BusinessCalendar) -> str:
        return row.time_zone or "The customer's own"

    @admin.display(description="version")
    def version(self, row: BusinessCalendar) -> str:
        return str(row.current.number) if row.current else "none"

    def get_deleted_objects(self, objs: QuerySet[BusinessCalendar], request: HttpRequest) -> Any:
        """Its own versions go with a calendar that nothing uses."""
        objects, counts, _, protected = super().get_deleted_objects(objs, request)
        return objects, counts, set(), protected

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """What was saved becomes the version in force, and open clocks are put on it."""
        super().save_related(request, form, formsets, change)
        row, at = form.instance, clock.now()
        version = publish.calendar(row, by=request.user, at=at)
        if version is None or version.number == 1:
            return
        job = retarget.ask_if_open(Retargeting.Scope.CALENDAR, row.pk, by=request.user, at=at)
        if job is not None:
            whose = "1 request" if job.total == 1 else f"{job.total} requests"
            told = f"The open promises of {whose} are being put on these hours; the time used is kept."
            self.message_user(request, told, messages.INFO)
