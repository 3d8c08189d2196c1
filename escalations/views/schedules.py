"""Schedules, for leads and admins: the list, the editor with its preview, and deleting one."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.db.models import Count, F, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from escalations import actions
from escalations.editor import typed as text
from escalations.editor.beginnings import BEGINNINGS, add_weekend
from escalations.editor.forms import Editor, People, monday
from escalations.editor.panel import in_hours, panel
from escalations.models import CoverageGap, Schedule
from escalations.paging import shifts
from escalations.paging.drafts import Fault, ScheduleDraft, backup_of, widened
from escalations.paging.preview import draft_of, in_reference_zone, preview
from escalations.people import Duty, duties
from escalations.views.gate import schedulers_only, viewer
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.fields import time_zones
from supportdesk.lib.http import page as answer
from supportdesk.lib.toasts import say

REFERENCE_ZONE = "UTC"

# --- The list --------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """A schedule in the list; how long its gaps ahead are by reason, those that were accepted apart."""

    schedule: Schedule
    duty: Duty | None
    accepted: str
    gaps: dict[str, str]


@require_safe
@schedulers_only
def schedule_list(request: HttpRequest) -> HttpResponse:
    return answer(request, "escalations/schedules/list.html", {"rows": _rows(clock.now())})


def _rows(at: datetime) -> list[Row]:
    found = {duty.schedule.pk: duty for duty in duties(at)}
    lengths: dict[int, dict[str, timedelta]] = defaultdict(dict)
    ahead = CoverageGap.objects.between(at, at + shifts.AHEAD).order_by().values("schedule", "why")
    for gap in ahead.annotate(length=Sum(F("ends_at") - F("starts_at"))):
        lengths[gap["schedule"]][gap["why"]] = gap["length"]
    rows = []
    for schedule in Schedule.objects.select_related("gaps_accepted_by").annotate(layers_number=Count("layers")):
        why = {CoverageGap.Why(name): in_hours(length) for name, length in lengths[schedule.pk].items()}
        accepted = why.pop(CoverageGap.Why.PLANNED, "") if schedule.gaps_accepted_at else ""
        gaps = {str(name.label): length for name, length in why.items()}
        rows.append(Row(schedule, found.get(schedule.pk), accepted, gaps))
    return rows


# --- The editor ------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@schedulers_only
def schedule_new(request: HttpRequest) -> HttpResponseBase:
    """Ways to begin; with `?begin=` or `?backup_of=` the form, filled in accordingly."""
    if request.method == "POST":
        return _posted(request, None)
    if backed := request.GET.get("backup_of"):
        draft = backup_of(draft_of(_find(int(backed) if backed.isdecimal() and len(backed) < 10 else 0)))
        return _show(request, None, Editor(text.typed(draft), People(draft)))
    chosen = [one for one in BEGINNINGS if one.key == request.GET.get("begin")]
    if not chosen:
        return render(request, "escalations/schedules/begin.html", {"beginnings": BEGINNINGS})
    return _show(request, None, Editor(chosen[0].fill(clock.now()), People()))


@require_http_methods(["GET", "HEAD", "POST"])
@schedulers_only
def schedule_edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    schedule = _find(pk)
    if request.method == "POST":
        return _posted(request, schedule)
    draft = draft_of(schedule)
    typed = text.typed(draft, gaps_why=schedule.gaps_accepted_why)
    return _show(request, schedule, Editor(typed, People(draft)))


def _find(pk: int) -> Schedule:
    schedule = Schedule.objects.filter(pk=pk).first()
    if schedule is None:
        raise Http404
    return schedule


def _posted(request: HttpRequest, schedule: Schedule | None) -> HttpResponseBase:
    """Every button but *Save* changes the form only."""
    at, form = clock.now(), text.read(request.POST)
    people = People(draft_of(schedule) if schedule else None)
    if "save" in request.POST:
        return _save(request, schedule, Editor(form, people, checked=True), at)
    focus = text.press(form, request.POST, anchor=monday(at))
    if "add_weekend" in request.POST:
        add_weekend(form, at)
        focus = "id_l0-m0-person"
    if "mend" in request.POST and (draft := Editor(form, people, checked=True).draft()):
        form = text.typed(_mended(request.POST["mend"], draft, schedule, at), gaps_why=form.gaps_why)
        focus = ""
    # Only who asks for the preview wants to hear what is missing: elsewhere the form is still being written.
    editor = Editor(form, people, checked=focus is None and "mend" not in request.POST, focus=focus or "")
    return _show(request, schedule, editor)


def _mended(how: str, draft: ScheduleDraft, schedule: Schedule | None, at: datetime) -> ScheduleDraft:
    if how == "overlap":
        return widened(draft)
    return in_reference_zone(draft, REFERENCE_ZONE, schedule=schedule, at=at)


def _save(request: HttpRequest, schedule: Schedule | None, editor: Editor, at: datetime) -> HttpResponseBase:
    draft = editor.draft()
    if draft is None:
        return _show(request, schedule, editor, status=400)
    why = editor.form.cleaned_data["gaps_why"]
    try:
        saved = actions.save_schedule(
            schedule, draft=draft, version=_version(request), gaps_why=why, by=viewer(request), at=at
        )
    except DomainError as refusal:
        if refusal.field:
            editor.refuse(Fault(refusal.field, refusal.sentence, refusal.code))
        conflict = "" if refusal.field else refusal.sentence
        return _show(request, schedule, editor, status=refusal.status, conflict=conflict)
    say(request, f"{saved.name} is saved. It holds from now on.")
    return _go(request, reverse("schedule_list"))


def _version(request: HttpRequest) -> int:
    said = request.POST.get("version", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0


def _go(request: HttpRequest, address: str) -> HttpResponseBase:
    if getattr(request, "htmx", False):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response


def _show(
    request: HttpRequest, schedule: Schedule | None, editor: Editor, *, status: int = 200, conflict: str = ""
) -> HttpResponse:
    """The form with its preview; to htmx the part that it asked for."""
    only_preview = request.headers.get("HX-Target") == "preview"
    context: dict[str, Any] = {
        "schedule": schedule,
        "editor": editor,
        "only_preview": only_preview,
        "conflict": conflict,
        "version": _version_shown(request, schedule, conflict),
        "zones": sorted(time_zones()),
        "reference_zone": REFERENCE_ZONE,
        **_preview(request, schedule, editor),
    }
    fragment = "_preview" if only_preview else "_editor"
    return answer(
        request,
        "escalations/schedules/edit.html",
        context,
        fragment=f"escalations/schedules/{fragment}.html",
        status=status,
    )


def _version_shown(request: HttpRequest, schedule: Schedule | None, conflict: str) -> int:
    """What the person has seen; who was told of somebody else's edit may save over it."""
    if schedule is None:
        return 0
    if request.method != "POST" or conflict:
        return schedule.version
    return _version(request)


def _preview(request: HttpRequest, schedule: Schedule | None, editor: Editor) -> dict[str, Any]:
    checked = editor.again()  # what was refused is said beside its field, and previewed all the same
    draft, at = checked.draft(), clock.now()
    if draft is None:
        return {"panel": None, "problems": checked.problems()}
    found = preview(draft, schedule=schedule, at=at)
    zone = ZoneInfo(timezone.get_current_timezone_name())
    return {"panel": panel(found, draft, editor.people, zone=zone, wanted=request.POST.get("week", ""))}


# --- Deleting --------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@schedulers_only
def schedule_delete(request: HttpRequest, pk: int) -> HttpResponseBase:
    schedule = _find(pk)
    if request.method != "POST":
        return render(request, "escalations/schedules/delete.html", {"schedule": schedule})
    try:
        actions.delete_schedule(schedule, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        messages.error(request, refusal.sentence)
        context = {"schedule": schedule, "refusal": refusal.sentence}
        return render(request, "escalations/schedules/delete.html", context, status=refusal.status)
    say(request, f"{schedule.name} is deleted.")
    return _go(request, reverse("schedule_list"))
