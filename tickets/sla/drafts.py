"""Drafts: an edit of policies that is looked at, counted and looked back on before it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import User
from supportdesk.lib import queue
from supportdesk.lib.errors import Conflict, Invalid
from tickets.models import BusinessCalendar, PolicyDraft, PolicyVersion, Priority, Retargeting, SlaPolicy
from tickets.models.sla import span_in_words, targets_of
from tickets.sla import publish, retarget
from tickets.sla.promises import HoursKind, Promise
from tickets.sla.terms import Calendar, Place, Terms

NONE = "none"
"""What isn't promised, in words."""


@dataclass(frozen=True)
class Edit:
    """What a policy is to promise; `base` is the version that was in force when the edit began (keys)."""

    base: int | None
    calendar: int
    targets: Mapping[tuple[Promise, int], tuple[int, HoursKind]]
    warn_percent: tuple[int, ...] = publish.WARN_PERCENT
    warn_before: tuple[int, ...] = ()

    @classmethod
    def of(cls, version: PolicyVersion) -> "Edit":
        """The version itself, with nothing changed yet."""
        targets, percent, before = targets_of(version.pk), version.warn_percent, version.warn_before
        return cls(version.pk, version.calendar_id, targets, tuple(percent), tuple(before))

    def as_data(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            "base": self.base,
            "calendar": self.calendar,
            "targets": [
                [promise.value, priority, minutes, hours.value]
                for (promise, priority), (minutes, hours) in sorted(self.targets.items())
            ],
            "warn_percent": list(self.warn_percent),
            "warn_before": list(self.warn_before),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Edit":
        targets = {
            (Promise(name), priority): (minutes, HoursKind(kind)) for name, priority, minutes, kind in data["targets"]
        }
        percent, before = tuple(data["warn_percent"]), tuple(data["warn_before"])
        return cls(data["base"], data["calendar"], targets, percent, before)


def edits_of(draft: PolicyDraft) -> dict[int, Edit]:
    """The draft's edits by policy (key), in the order in which they are applied."""
    return {int(pk): Edit.from_data(data) for pk, data in sorted(draft.content.items(), key=lambda item: int(item[0]))}


# --- Beginning -----------------------------------------------------------------------------------------------------


@transaction.atomic
def begin(edits: Mapping[int, Edit], *, by: User, at: datetime) -> PolicyDraft:
    """Keep those of `edits` (by policy) that change something as a draft, which changes nothing yet.

    Raises Invalid where nothing differs or hours never open, Conflict where somebody has published meanwhile.
    """
    policies = SlaPolicy.objects.with_content().in_bulk(edits)
    changed = {}
    for pk, typed in edits.items():
        edit = _in_order(typed)
        if edit == _base_of(policies[pk], edit) or (edit.base is None and not edit.targets):
            continue
        _check_base(policies[pk], edit)
        check(edit, at=at)
        changed[str(pk)] = edit.as_data()
    if not changed:
        raise Invalid("Nothing here differs from what is in force.", code="unchanged")
    draft = PolicyDraft.objects.create(made_by=by, made_at=at, content=changed)
    queue.wake("sla")
    return draft


def _base_of(policy: SlaPolicy, edit: Edit) -> Edit | None:
    """What the edit began from, which need not be in force any more."""
    version = policy.versions.filter(pk=edit.base).first() if edit.base else None
    return Edit.of(version) if version else None


def _in_order(edit: Edit) -> Edit:
    """As a version keeps it."""
    percent, before = sorted(set(edit.warn_percent)), sorted(set(edit.warn_before), reverse=True)
    return replace(edit, warn_percent=tuple(percent), warn_before=tuple(before))


def check(edit: Edit, *, at: datetime) -> None:
    """Raise Invalid where the edit's business hours never open, or not long enough for its targets."""
    calendar = BusinessCalendar.objects.select_related("current").filter(pk=edit.calendar).first()
    if calendar is None:
        raise Invalid("This calendar is gone. Choose another.", code="unknown", field="calendar")
    publish.check_targets(edit.targets, calendar.current, at=at)


def _check_base(policy: SlaPolicy, edit: Edit) -> None:
    if policy.current_id != edit.base:
        raise Conflict(
            f"{policy.current} was published meanwhile. Begin again from it; nothing of this edit holds.",
            code="stale",
        )


def stale(draft: PolicyDraft) -> str:
    """The sentence that refuses a draft whose base isn't in force any more; empty while it may be applied."""
    edits = edits_of(draft)
    policies = SlaPolicy.objects.with_content().in_bulk(edits)
    calendars = set(BusinessCalendar.objects.exclude(current=None).values_list("pk", flat=True))
    try:
        for pk, edit in edits.items():
            if pk not in policies or edit.calendar not in calendars:
                raise Conflict("A policy or calendar that this draft names is gone.", code="stale")
            _check_base(policies[pk], edit)
    except Conflict as refusal:
        return refusal.sentence
    return ""


# --- Applying ------------------------------------------------------------------------------------------------------


@transaction.atomic
def apply(
    draft: PolicyDraft, *, by: User, at: datetime, tickets: Sequence[int] | None, note: str = ""
) -> list[Retargeting]:
    """Make the draft hold: for all open clocks (`tickets` None), for those of `tickets`, or only for new ones (none).

    Raises Conflict where it was applied already, is stale, or while an earlier edit still moves clocks.
    """
    row = PolicyDraft.objects.select_for_update().get(pk=draft.pk)
    if row.applied_at is not None:
        raise Conflict("This draft was applied already.", code="applied")
    edits = edits_of(row)
    list(SlaPolicy.objects.select_for_update(of=("self",)).filter(pk__in=edits).order_by("pk"))
    if sentence := stale(row):
        raise Conflict(sentence, code="stale")
    if retarget.is_moving(edits):
        # It would take its clocks to what this edit makes of the policy, be that for new ones only.
        raise Conflict(
            "An earlier edit still moves open clocks. Apply this one once that is done.", code="still_moving"
        )
    policies = SlaPolicy.objects.in_bulk(edits)
    for pk, edit in edits.items():
        _publish(policies[pk], edit, by=by, at=at, note=note)
    row.applied_at = at
    row.save(update_fields=["applied_at"])
    if tickets is not None and not tickets:
        return []
    scope = Retargeting.Scope.POLICY
    return [retarget.ask(scope, pk, by=by, at=at, tickets=tickets, draft=row) for pk in edits]


def _publish(policy: SlaPolicy, edit: Edit, *, by: User, at: datetime, note: str) -> None:
    publish.policy(
        policy,
        edit.targets,
        calendar=BusinessCalendar.objects.select_related("current").get(pk=edit.calendar),
        by=by,
        at=at,
        warn_percent=edit.warn_percent,
        warn_before=edit.warn_before,
        note=note,
    )


# --- What it would mean --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """One thing that an edit changes, in words."""

    what: str
    old: str
    new: str


def changes(draft: PolicyDraft) -> list[tuple[SlaPolicy, list[Change]]]:
    """What the draft changes in each policy, compared with the version it was begun from."""
    edits = edits_of(draft)
    policies = SlaPolicy.objects.with_content().in_bulk(edits)
    bases = PolicyVersion.objects.in_bulk([edit.base for edit in edits.values() if edit.base])
    names = dict(BusinessCalendar.objects.values_list("pk", "name"))
    return [
        (policies[pk], list(_changes(Edit.of(bases[edit.base]) if edit.base else None, edit, names)))
        for pk, edit in edits.items()
        if pk in policies
    ]


def _changes(old: Edit | None, new: Edit, names: Mapping[int, str]) -> list[Change]:
    former = dict(old.targets) if old else {}
    found = [
        Change(f"{promise.label}, {Priority(priority).label}", *map(_span, (before, after)))
        for promise in Promise
        for priority in Priority.values
        if (before := former.get((promise, priority))) != (after := new.targets.get((promise, priority)))
    ]
    told = (
        ("Business hours", names.get(old.calendar, "") if old else NONE, names.get(new.calendar, "")),
        ("Warnings", _warnings(old) if old else NONE, _warnings(new)),
    )
    return [*found, *(Change(what, before, after) for what, before, after in told if before != after)]


def _span(target: tuple[int, HoursKind] | None) -> str:
    return span_in_words(*target) if target else NONE


def _warnings(edit: Edit) -> str:
    points = [f"at {percent} %" for percent in edit.warn_percent]
    points += [f"{span_in_words(minutes, HoursKind.AROUND_THE_CLOCK)} before" for minutes in edit.warn_before]
    return ", ".join(points) or NONE


@dataclass(frozen=True, eq=False, repr=False)
class Drafted(Terms):
    """Terms that don't hold yet, of a policy (its key)."""

    policy: int = 0


class Drafts:
    """The terms that the draft's edits would give, made once for each place."""

    def __init__(self, draft: PolicyDraft) -> None:
        self.edits = edits_of(draft)
        wanted = {edit.calendar for edit in self.edits.values()}
        rows = BusinessCalendar.objects.select_related("current").in_bulk(wanted)
        self._calendars: dict[int, Calendar] = {pk: row.current.says for pk, row in rows.items() if row.current}
        self._terms: dict[tuple[int, Place, bool], Drafted] = {}

    def terms(self, policy: int, place: Place, *, covers_weekends: bool) -> Drafted:
        key = policy, place, covers_weekends
        if key not in self._terms:
            edit = self.edits[policy]
            self._terms[key] = Drafted(
                targets=edit.targets,
                calendar=self._calendars[edit.calendar],
                place=place,
                covers_weekends=covers_weekends,
                warn_percent=edit.warn_percent,
                warn_before=edit.warn_before,
                policy=policy,
            )
        return self._terms[key]
