"""Doors to one's own hours: shifts ahead, swaps, leave, calendar feeds."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from escalations import access, actions, people, rota
from escalations.models import CalendarFeed, Leave, Schedule, SwapRequest
from escalations.views.gate import responders_only, viewer
from escalations.views.shift_forms import FeedForm, LeaveForm, SwapForm
from escalations.views.shifts import refused, span_of
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.toasts import say

AHEAD = timedelta(days=60)
_ANSWERED_SINCE = timedelta(days=14)
_LISTED = 100


@require_safe
@responders_only
def my_shifts(request: HttpRequest) -> HttpResponse:
    return _page(request)


def _page(request: HttpRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    """My next 60 days: shifts, who covers for me, swaps, leave, feeds."""
    now, me = clock.now(), viewer(request)
    swaps = SwapRequest.objects.visible_to(me).select_related("schedule", "asked_by", "asked_of")
    open_swaps = [swap for swap in swaps.filter(state=SwapRequest.State.ASKED, starts_at__gt=now) if me in swap.people]
    answered = swaps.exclude(state=SwapRequest.State.ASKED).filter(answered_at__gt=now - _ANSWERED_SINCE)
    context = {
        "shifts": [(row, _swap_address(row)) for row in people.shifts_of(me, now, now + AHEAD)],
        "covers": people.covers(me, now, now + AHEAD),
        "to_answer": [swap for swap in open_swaps if swap.asked_of == me],
        "asked": [swap for swap in open_swaps if swap.asked_by == me],
        "answered": [swap for swap in answered[:_LISTED] if me in swap.people][:5],
        "leaves": Leave.objects.visible_to(me).not_over(now).select_related("user").order_by("starts_at")[:_LISTED],
        "leads": access.may_edit_schedules(me),
        "leave_form": LeaveForm(viewer=me),
        "feeds": CalendarFeed.objects.filter(owner=me, revoked_at=None).select_related("schedule"),
        "feed_form": FeedForm(),
        **more,
    }
    return render(request, "escalations/mine.html", context, status=status)


def _swap_address(row: people.OwnShift) -> str:
    if row.askable_from is None:
        return ""
    hours = rota.span(row.shift.schedule, row.askable_from, row.shift.ends_at)
    return f"{reverse('swap_new')}?{urlencode(hours)}"


# --- Leave ---------------------------------------------------------------------------------------------------------


@require_POST
@responders_only
def leave_new(request: HttpRequest) -> HttpResponseBase:
    """What would leave hours to nobody comes back with those hours, to be confirmed with a reason."""
    me = viewer(request)
    form = LeaveForm(request.POST, viewer=me)
    if not form.is_valid():
        return _page(request, leave_form=form, status=400)
    data = form.cleaned_data
    person: User = data.get("person") or me
    try:
        actions.begin_leave(
            person,
            starts=data["starts"],
            ends=data["ends"],
            why=data["why"],
            confirmed_minutes=data["confirmed"] or 0,
            by=me,
            at=clock.now(),
        )
    except actions.LeavesGap as refusal:
        return _page(request, leave_form=form, gaps=refusal.gaps, gap_minutes=refusal.minutes, status=409)
    except DomainError as refusal:
        form.refuse(refusal)
        gap_minutes = data["confirmed"] if refusal.field == "why" else None
        return _page(request, leave_form=form, gap_minutes=gap_minutes, status=refusal.status)
    whose = "Your leave" if person == me else f"{person.display_name}'s leave"
    say(request, " ".join(filter(None, (f"{whose} is entered, and the schedules are rewritten.", form.notes))))
    return redirect("my_shifts")


@require_POST
@responders_only
def leave_end(request: HttpRequest, pk: int) -> HttpResponseBase:
    leave = Leave.objects.visible_to(viewer(request)).select_related("user").filter(pk=pk).first()
    if leave is None:
        raise Http404

    def end() -> str:
        actions.end_leave(leave, by=viewer(request), at=clock.now())
        return "Removed: the turns are taken again."

    return _carry_out(request, end)


# --- Swaps ---------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@responders_only
def swap_new(request: HttpRequest) -> HttpResponseBase:
    """Ask a colleague to take hours of mine, `?schedule=…&from=…&until=…`."""
    now, me = clock.now(), viewer(request)
    schedule, starts, ends = span_of(request)
    theirs = _theirs(schedule, me, now)
    if request.method != "POST":
        initial = SwapForm.of(starts, ends, schedule=schedule.pk if schedule else None)
        return _swap_page(request, SwapForm(viewer=me, theirs=theirs, initial=initial))
    form = SwapForm(request.POST, viewer=me, theirs=theirs)
    if not form.is_valid():
        return _swap_page(request, form, status=400)
    data = form.cleaned_data
    try:
        swap = actions.ask_swap(
            data["schedule"],
            of=data["of"],
            starts=data["starts"],
            ends=data["ends"],
            back=data["back"],
            note=data["note"],
            by=me,
            at=now,
        )
    except DomainError as refusal:
        form.refuse(refusal)
        return _swap_page(request, form, status=refusal.status)
    say(request, " ".join(filter(None, (f"{swap.asked_of.display_name} is asked by mail.", form.notes))))
    return redirect("my_shifts")


def _theirs(schedule: Schedule | None, me: User, now: datetime) -> list[rota.Piece]:
    """What colleagues have of the schedule in the time to come."""
    if schedule is None:
        return []
    found = rota.pieces([schedule], now, now + AHEAD, viewer=me, now=now)[schedule.pk]
    return [piece for piece in found if piece.person and not piece.is_mine and piece.starts > now][:_LISTED]


def _swap_page(request: HttpRequest, form: SwapForm, *, status: int = 200) -> HttpResponse:
    return render(request, "escalations/swap.html", {"form": form}, status=status)


@require_POST
@responders_only
def swap_answer(request: HttpRequest, pk: int) -> HttpResponseBase:
    """`answer`: accept, decline, or (by who asked) withdraw."""
    me, now = viewer(request), clock.now()
    swap = SwapRequest.objects.visible_to(me).select_related("schedule").filter(pk=pk).first()
    if swap is None:
        raise Http404
    answer = request.POST.get("answer", "")

    def reply() -> str:
        if answer == "withdraw":
            actions.withdraw_swap(swap, by=me, at=now)
            return "Withdrawn. Your colleague is told."
        actions.answer_swap(swap, accept=answer == "accept", by=me, at=now)
        return "Accepted: the schedule is changed." if answer == "accept" else "Declined. Your colleague is told."

    return _carry_out(request, reply)


# --- Calendar feeds ------------------------------------------------------------------------------------------------


@require_POST
@responders_only
def feed_new(request: HttpRequest) -> HttpResponseBase:
    """The address is shown by this answer, and never again."""
    form = FeedForm(request.POST)
    if not form.is_valid():
        return _page(request, feed_form=form, status=400)
    schedule = form.cleaned_data["schedule"]
    try:
        secret = actions.open_feed(viewer(request), schedule=schedule, at=clock.now())
    except DomainError as refusal:
        form.refuse(refusal)
        return _page(request, feed_form=form, status=refusal.status)
    address = settings.SITE_URL + reverse("calendar_feed", args=[secret])
    return _page(request, feed_address=address, feed_of=schedule)


@require_POST
@responders_only
def feed_revoke(request: HttpRequest, pk: int) -> HttpResponseBase:
    feed = CalendarFeed.objects.filter(owner=viewer(request), pk=pk).first()
    if feed is None:
        raise Http404

    def revoke() -> str:
        actions.revoke_feed(feed, by=viewer(request), at=clock.now())
        return "Revoked: this address shows nothing any more."

    return _carry_out(request, revoke)


def _carry_out(request: HttpRequest, verb: Callable[[], str]) -> HttpResponseBase:
    """Do it and say so, or say why not."""
    try:
        sentence = verb()
    except DomainError as refusal:
        return refused(request, refusal, default="my_shifts")
    say(request, sentence)
    return redirect("my_shifts")
