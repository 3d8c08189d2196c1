"""The verbs on schedules: save one with its layers, delete one. Both by leads and admins only."""

from datetime import datetime

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction

from accounts.models import User
from escalations import access
from escalations.models import Layer, LayerMember, LayerWindow, PolicyStep, Schedule
from escalations.paging import shifts
from escalations.paging.drafts import LayerDraft, ScheduleDraft, faults
from escalations.paging.preview import preview
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed


@transaction.atomic
def save_schedule(
    schedule: Schedule | None, *, draft: ScheduleDraft, version: int, gaps_why: str, by: User, at: datetime
) -> Schedule:
    """Make a schedule of the draft, or rewrite `schedule` as it says, and work out its shifts anew.

    `version` is what the person had seen of it. Hours that the layers leave to nobody within a year are only taken
    with a reason (`gaps_why`), which is kept. Raises NotAllowed, Conflict (somebody saved it meanwhile), Invalid.
    """
    _may_edit(by)
    was = schedule
    if schedule is not None:
        schedule = _locked(schedule, version)
    _check(draft, schedule)
    why = " ".join(gaps_why.split())[:300]
    has_gaps = bool(preview(draft, schedule=schedule, at=at).planned)
    if has_gaps and not why:
        raise Invalid(
            "There are hours in which nobody is on call. Mend them, or say why they may stay.",
            field="gaps_why",
            code="gaps",
        )
    accepted = (at, by, why) if has_gaps else (None, None, "")
    schedule = _write_schedule(schedule or Schedule(version=0), draft, accepted)
    schedule.layers.all().delete()
    for place, layer in enumerate(draft.layers):
        _write(schedule, layer, priority=len(draft.layers) - place)
    shifts.materialise([schedule.pk], now=at)
    _record(schedule, CHANGE if was else ADDITION, by=by, at=at, what=f"Accepted gaps: {why}" if has_gaps else "")
    return schedule


@transaction.atomic
def delete_schedule(schedule: Schedule, *, by: User, at: datetime) -> None:
    """Remove a schedule with its shifts. Raises NotAllowed, and Conflict while a policy pages by it."""
    _may_edit(by)
    schedule = Schedule.objects.select_for_update().get(pk=schedule.pk)
    steps = PolicyStep.objects.filter(schedule=schedule).select_related("policy").order_by("policy__name")
    policies = list(dict.fromkeys(step.policy.name for step in steps))
    if policies:
        raise Conflict(f"{', '.join(policies)} pages by it. Take it out of there first.", code="in_use")
    _record(schedule, DELETION, by=by, at=at)
    schedule.delete()


def _may_edit(by: User) -> None:
    if not access.may_edit_schedules(by):
        raise NotAllowed("Schedules are edited by leads and admins.")


def _locked(schedule: Schedule, version: int) -> Schedule:
    found = Schedule.objects.select_for_update(no_key=True).filter(pk=schedule.pk).first()
    if found is None:
        raise Conflict("Somebody deleted this schedule meanwhile.", code="deleted")
    if found.version != version:
        raise Conflict("Somebody saved this schedule meanwhile. What you typed is still here.", code="changed")
    return found


def _check(draft: ScheduleDraft, schedule: Schedule | None) -> None:
    for fault in faults(draft):
        raise Invalid(fault.sentence, field=fault.field, code=fault.code)
    others = Schedule.objects.filter(name__iexact=draft.name)
    if (others if schedule is None else others.exclude(pk=schedule.pk)).exists():
        raise _same_name()
    before = set() if schedule is None else set(schedule.layers.values_list("members__user", flat=True))
    named = {member for layer in draft.layers for member in layer.members}
    answering = {user.pk for user in User.objects.filter(pk__in=named) if access.is_responder(user)}
    for number, layer in enumerate(draft.layers):
        for place, member in enumerate(layer.members):
            if member not in answering | before:
                raise Invalid("They don't answer pages.", field=f"l{number}-m{place}-person", code="no_responder")


def _write_schedule(
    schedule: Schedule, draft: ScheduleDraft, accepted: tuple[datetime | None, User | None, str]
) -> Schedule:
    schedule.name, schedule.purpose, schedule.version = draft.name, draft.purpose, schedule.version + 1
    schedule.gaps_accepted_at, schedule.gaps_accepted_by, schedule.gaps_accepted_why = accepted
    fields = ("name", "purpose", "version", "gaps_accepted_at", "gaps_accepted_by", "gaps_accepted_why")
    try:
        with transaction.atomic():
            schedule.save(update_fields=fields if schedule.pk else None)
    except IntegrityError:
        raise _same_name() from None  # somebody else took the name in the same moment
    return schedule


def _same_name() -> Invalid:
    return Invalid("Another schedule has this name. Choose a different one.", field="name", code="same_name")


def _write(schedule: Schedule, layer: LayerDraft, *, priority: int) -> None:
    row = Layer.objects.create(
        schedule=schedule,
        name=layer.name,
        priority=priority,
        days=layer.days,
        anchor=layer.anchor,
        hand_over=layer.hand_over,
        zone=layer.zone,
    )
    members = (LayerMember(layer=row, user_id=user, position=place) for place, user in enumerate(layer.members))
    LayerMember.objects.bulk_create(members)
    LayerWindow.objects.bulk_create(
        LayerWindow(
            layer=row,
            weekdays=window.weekdays,
            starts=window.starts,
            ends=window.ends,
            ends_after_days=window.ends_after_days,
        )
        for window in layer.windows
    )


def _record(schedule: Schedule, flag: int, *, by: User, at: datetime, what: str = "") -> None:
    """Who did it is kept beside what Django admin keeps of its own edits, and shown there."""
    LogEntry.objects.create(
        action_time=at,
        user=by,
        content_type=ContentType.objects.get_for_model(Schedule),
        object_id=str(schedule.pk),
        object_repr=schedule.name[:200],
        action_flag=flag,
        change_message=what,
    )
