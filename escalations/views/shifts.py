"""Doors to hours on call: give them to somebody, take them, take that back."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from escalations import access, actions, rota
from escalations.models import Override, Schedule, Shift
from escalations.views.gate import responders_only, viewer
from escalations.views.shift_forms import OverrideForm
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.http import next_path
from supportdesk.lib.toasts import say


@require_http_methods(["GET", "HEAD", "POST"])
@responders_only
def override_new(request: HttpRequest) -> HttpResponseBase:
    """A small form, filled in with `?schedule=…&from=…&until=…`: two clicks from a shift to its override."""
    now, me = clock.now(), viewer(request)
    if request.method != "POST":
        return _form(request, OverrideForm(viewer=me, initial=_chosen(request, now)), now=now)
    form = OverrideForm(request.POST, viewer=me)
    if form.is_valid():
        data = form.cleaned_data
        try:
            row = actions.override(
                data["schedule"],
                person=data.get("person") or me,
                starts=data["starts"] or now,
                ends=data["ends"],
                why=data["why"],
                by=me,
                at=now,
            )
        except DomainError as refusal:
            form.refuse(refusal)
            return _form(request, form, now=now, status=refusal.status)
        who = "You are" if row.user == me else f"{row.user.display_name} is"
        sentence = " ".join(filter(None, (f"{who} on call for {row.schedule} in these hours.", form.notes)))
        say(request, sentence, undo=reverse("override_cancel", args=[row.pk]), next=_calendar(row.starts_at))
        return redirect(_calendar(row.starts_at))
    return _form(request, form, now=now, status=400)


def _calendar(at: datetime) -> str:
    return f"{reverse('on_call_calendar')}?view=week&on={timezone.localtime(at):%Y-%m-%d}"


def span_of(request: HttpRequest) -> tuple[Schedule | None, datetime | None, datetime | None]:
    """The schedule and hours that an address names; None for what it doesn't, or not in a way that we know."""
    given = request.POST if request.method == "POST" else request.GET
    number = given.get("schedule", "")
    schedule = Schedule.objects.filter(pk=number).first() if number.isdecimal() and len(number) < 10 else None
    return schedule, rota.read_stamp(given.get("from", "")), rota.read_stamp(given.get("until", ""))


def _chosen(request: HttpRequest, now: datetime) -> dict[str, Any]:
    schedule, starts, ends = span_of(request)
    if starts is not None and starts <= now:
        starts = None  # it has begun: from now on
    return OverrideForm.of(starts, ends, schedule=schedule.pk if schedule else None)


def _form(request: HttpRequest, form: OverrideForm, *, now: datetime, status: int = 200) -> HttpResponse:
    """With who has the hours now, and which overrides lie in them."""
    me = viewer(request)
    schedule, starts, ends = _asked(request, form, now)
    held: list[rota.Piece] = []
    taken: list[tuple[Override, bool]] = []
    if schedule and ends and starts < ends:
        held = rota.pieces([schedule], starts, ends, viewer=me, now=now)[schedule.pk][:20]
        rows = Override.objects.filter(schedule=schedule, starts_at__lt=ends, ends_at__gt=starts)
        rows = rows.select_related("user", "created_by").order_by("starts_at", "pk")[:20]
        taken = [(row, access.may_cancel_override(me, row)) for row in rows]
    mine = bool(held) and all(piece.is_mine for piece in held)
    swap = f"{reverse('swap_new')}?{_query(schedule, starts, ends)}" if mine and schedule and ends else ""
    context = {"form": form, "held": held, "taken": taken, "mine": mine, "swap": swap, "schedules": _any_schedule()}
    return render(request, "escalations/override.html", context, status=status)


def _asked(
    request: HttpRequest, form: OverrideForm, now: datetime
) -> tuple[Schedule | None, datetime, datetime | None]:
    """The hours that the form is about, as far as they are known."""
    if form.is_bound:
        data = form.cleaned_data if hasattr(form, "cleaned_data") else {}
        return data.get("schedule"), data.get("starts") or now, data.get("ends")
    schedule, starts, ends = span_of(request)
    return schedule, max(starts or now, now), ends


def _query(schedule: Schedule, starts: datetime, ends: datetime) -> str:
    return urlencode(rota.span(schedule, starts, ends))


def _any_schedule() -> bool:
    return Schedule.objects.exists()


@require_POST
@responders_only
def override_cancel(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = Override.objects.select_related("user", "schedule").filter(pk=pk).first()
    if row is None:
        raise Http404
    try:
        actions.cancel_override(row, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        return refused(request, refusal)
    say(request, f"Cancelled: {row.schedule} is whoever's turn it is again.")
    return redirect(next_path(request, reverse("on_call_calendar")))


@require_POST
@responders_only
def shift_take(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Take over what is somebody's now, to its end."""
    shift = Shift.objects.select_related("schedule", "person").filter(pk=pk).first()
    if shift is None:
        raise Http404
    try:
        row = actions.take_shift(shift, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        return refused(request, refusal)
    say(request, f"You are on call for {row.schedule} now.", undo=reverse("override_cancel", args=[row.pk]))
    return redirect(next_path(request, reverse("on_call")))


def refused(request: HttpRequest, refusal: DomainError, *, default: str = "on_call") -> HttpResponseBase:
    """403 for what somebody may not do; else a toast where they came from."""
    if refusal.status == 403:
        raise refusal
    messages.error(request, refusal.sentence)
    return redirect(next_path(request, reverse(default)))
