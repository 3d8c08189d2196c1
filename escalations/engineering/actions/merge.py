"""Duplicates: a record's tickets go to the one that stays, and back when that was wrong.

All records concerned are locked in the order of their keys, so that two merges at once, of each into the other, end
with one done and one refused. A duplicate of what becomes a duplicate follows along: none is merged into a merged one.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import User
from escalations.engineering import access, replies
from escalations.engineering.actions.invite import add_follower, apply_rules, involve
from escalations.engineering.actions.links import complete_if_nobody_is_left
from escalations.engineering.actions.merge_telling import (
    asked_by,
    hold_again,
    owe_again,
    owe_newcomers,
    stop_telling,
    wait_for,
)
from escalations.engineering.actions.moves import locked, require, write
from escalations.engineering.actions.updates import drop_owed
from escalations.engineering.events import Kind, record
from escalations.models import (
    CodeHost,
    Escalation,
    EscalationLink,
    EscalationMerge,
    Follower,
    Involved,
    OutsideIssue,
    PullRequest,
)
from supportdesk.lib.errors import Conflict, Invalid
from tickets import actions as tickets


@transaction.atomic
def merge(source: Escalation, target: Escalation, *, by: User, at: datetime) -> EscalationMerge:
    """Bring the active tickets, followers and teams of `source` into `target`; what `source` didn't tell is dropped.

    A ticket that comes is owed what `target` owes; what `target` told before is held back for it, so that somebody
    decides, unless `source` was just telling it the same. Who was held back stays so; words of its own, for the same
    step, come along.
    Pull requests and outside issues that `target` doesn't have come along.
    Raises NotAllowed, Invalid (`into`: itself), Conflict (one of them is over or merged).
    """
    require(access.may_move(by), "merge escalations")
    if source.pk == target.pk:
        raise Invalid("An escalation can't be merged into itself.", code="itself", field="into")
    duplicates = _duplicates(source)
    _lock_hosts(source)
    records = _locked({source.pk, target.pk, *duplicates}, by=by)
    source, target = records[source.pk], records[target.pk]
    for one in (source, target):
        _require_standing(one)
    if _duplicates(source) != duplicates:
        raise Conflict("Somebody merged another into it just now. Look at it, then do it again.", code="changed")
    coming = EscalationLink.objects.active().filter(escalation=source)
    waited, asked = stop_telling(source, coming), asked_by(source)
    drop_owed(source)
    links = _move(source, target, coming, by=by, at=at)
    owe_newcomers(target, links, waited, source=source, by=by, at=at)
    wait_for(target, links, waited, asked=asked, by=by, at=at)
    brought = _bring_outside(source, target)
    _bring_people(source, target, by=by, at=at)
    apply_rules(target, at=at)
    made = EscalationMerge.objects.create(source=source, target=target, moved=[link.pk for link in links], by=by, at=at)
    for record_of in (source, *(records[pk] for pk in duplicates)):
        write(record_of, at=at, merged_into=target)
    write(target, at=at)
    _record(source, target, Kind.MERGED, links, by=by, at=at, **brought)
    return made


@transaction.atomic
def unmerge(merged: EscalationMerge, *, by: User, at: datetime) -> Escalation:
    """Undo it: the tickets that are still there go back; the record that was a duplicate, which is returned, goes on.

    Raises NotAllowed, Conflict (undone already; the one that stayed is over, or was itself merged; none is left).
    """
    require(access.may_move(by), "undo merges")
    duplicates = _follow(merged.source_id)
    _lock_hosts(merged.target)
    records = _locked({merged.source_id, merged.target_id, *duplicates}, by=by)
    source, target = records[merged.source_id], records[merged.target_id]
    merged = EscalationMerge.objects.select_for_update(of=("self",)).get(pk=merged.pk)
    _require_undoable(merged, source, target)
    there = EscalationLink.objects.active().filter(escalation=target, pk__in=merged.moved)
    if merged.moved and not there.exists():
        sentence = f"None of the tickets that came from {source.reference} is in {target.reference} any more."
        raise Conflict(sentence, code="moved_on")
    waited, asked = stop_telling(target, there), asked_by(target)
    links = _move(target, source, there, by=by, at=at)
    merged.undone_at = at
    merged.save(update_fields=["undone_at"])
    write(source, at=at, merged_into=None)
    for pk in duplicates:
        write(records[pk], at=at, merged_into=source)
    _bring_outside_back(source, target)
    owe_again(source, waited, target=target, by=by, at=at)
    hold_again(source, links, waited, target=target, by=by)
    wait_for(source, links, waited, asked=asked, by=by, at=at)
    write(target, at=at)
    complete_if_nobody_is_left(target, at=at)
    _record(source, target, Kind.UNMERGED, links, by=by, at=at)
    return source


def _locked(keys: Iterable[int], *, by: User) -> dict[int, Escalation]:
    return {pk: locked(Escalation(pk=pk), by=by) for pk in sorted(keys)}


def _duplicates(escalation: Escalation) -> list[int]:
    return list(Escalation.objects.filter(merged_into=escalation).order_by("pk").values_list("pk", flat=True))


def _follow(source: int) -> list[int]:
    """Those that were merged into `source` before it was itself, and followed it."""
    rows = EscalationMerge.objects.filter(target=source, undone_at=None)
    return sorted(set(rows.values_list("source_id", flat=True)))


def _require_standing(escalation: Escalation) -> None:
    if escalation.merged_into_id is not None:
        sentence = f"{escalation.reference} was merged into SET-{escalation.merged_into_id} already."
        raise Conflict(sentence, code="merged", field="into")
    if not escalation.is_active:
        sentence = f"{escalation.reference} is {escalation.at_step.label.lower()}: it can't be merged any more."
        raise Conflict(sentence, code="over", field="into")


def _require_undoable(merged: EscalationMerge, source: Escalation, target: Escalation) -> None:
    if merged.undone_at is not None:
        raise Conflict(f"{source.reference} was taken out of {target.reference} already.", code="undone")
    if target.merged_into_id is not None:
        sentence = f"{target.reference} was itself merged into SET-{target.merged_into_id}. Undo that first."
        raise Conflict(sentence, code="merged")
    if not target.is_active:
        sentence = f"{target.reference} is {target.at_step.label.lower()}: its tickets are with their agents again."
        raise Conflict(sentence, code="over")


def _move(
    former: Escalation, to: Escalation, links: QuerySet[EscalationLink], *, by: User, at: datetime
) -> list[EscalationLink]:
    """Take the links over, with what their tickets say of them; in the order in which others lock tickets."""
    moved = list(links.select_for_update(of=("self",)).select_related("ticket").order_by("ticket_id"))
    numbers = [link.ticket_id for link in moved]
    # A link that is no longer active gives way: it stays as one that was taken out.
    stale = EscalationLink.objects.standing().filter(escalation=to, ticket__in=numbers)
    stale.update(unlinked_at=at, is_active=False)
    EscalationLink.objects.filter(pk__in=[link.pk for link in moved]).update(escalation=to)
    for link in moved:
        link.escalation = to
        tickets.change_escalation(link.ticket, by=by, reference=to.reference, former=former.reference, at=at)
    replies.carry_over(former, to, numbers, at=at)
    return moved


def _lock_hosts(escalation: Escalation) -> None:
    """Before any record, as all do that change pull requests: no news is put down to the one that they just left."""
    hosts = CodeHost.objects.filter(pull_requests__escalation=escalation).values("pk")
    list(CodeHost.objects.filter(pk__in=hosts).order_by("pk").select_for_update(no_key=True))


def _bring_outside(source: Escalation, target: Escalation) -> dict[str, list[int]]:
    """The keys of the standing pull requests and the issues that came over: those that `target` doesn't have."""
    same = {name: OuterRef(name) for name in ("host", "repository", "number")}
    there = PullRequest.objects.filter(escalation=target, unlinked_at=None, **same)
    pulls = source.pull_requests.filter(~Exists(there), unlinked_at=None)
    issues = source.outside_issues.exclude(url__in=target.outside_issues.values("url"))
    brought = {"pull_requests": [pull.pk for pull in pulls], "issues": [issue.pk for issue in issues]}
    PullRequest.objects.filter(pk__in=brought["pull_requests"]).update(escalation=target)
    OutsideIssue.objects.filter(pk__in=brought["issues"]).update(escalation=target)
    return brought


def _bring_outside_back(source: Escalation, target: Escalation) -> None:
    """What came over, as the history says, and is still there."""
    event = source.events.filter(kind=Kind.MERGED, data__target=target.reference).last()
    brought = event.data if event is not None else {}
    PullRequest.objects.filter(pk__in=brought.get("pull_requests", ()), escalation=target).update(escalation=source)
    OutsideIssue.objects.filter(pk__in=brought.get("issues", ()), escalation=target).update(escalation=source)


def _bring_people(source: Escalation, target: Escalation, *, by: User, at: datetime) -> None:
    for follower in Follower.objects.filter(escalation=source).select_related("user", "added_by"):
        add_follower(target, follower.user, by=follower.added_by, at=at)  # whoever came by themselves still did
    for row in source.teams.all():
        involve(target, Involved(row.team), by=by, at=at)


def _record(
    source: Escalation,
    target: Escalation,
    kind: Kind,
    links: list[EscalationLink],
    *,
    by: User,
    at: datetime,
    **brought: Any,
) -> None:
    numbers = [link.ticket_id for link in links]
    for one in (source, target):
        names = {"source": source.reference, "target": target.reference}
        record(one, kind, by=by, at=at, tickets=numbers, **names, **brought)
