"""Duplicates: a record's tickets go to the one that stays, and back when that was wrong.

All records concerned are locked in the order of their keys, so that two merges at once, of each into the other, end
with one done and one refused. A duplicate of what becomes a duplicate follows along: none is merged into a merged one.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from accounts.models import User
from escalations.engineering import access
from escalations.engineering.actions.invite import add_follower, involve
from escalations.engineering.actions.moves import locked, require, write
from escalations.engineering.actions.updates import drop_owed, owe
from escalations.engineering.events import Kind, record
from escalations.engineering.steps import RULES, Stage
from escalations.models import (
    CustomerNotice,
    CustomerUpdate,
    Escalation,
    EscalationLink,
    EscalationMerge,
    Follower,
    Involved,
)
from supportdesk.lib.errors import Conflict, Invalid
from tickets import actions as tickets

State = CustomerNotice.State


@transaction.atomic
def merge(source: Escalation, target: Escalation, *, by: User, at: datetime) -> EscalationMerge:
    """Bring the active tickets, followers and teams of `source` into `target`; what `source` owed is dropped.

    A ticket that comes is owed what `target` owes; what `target` told before is held back for it, so that somebody
    decides. Raises NotAllowed, Invalid (`into`: itself), Conflict (one of them is over or merged).
    """
    require(access.may_move(by), "merge escalations")
    if source.pk == target.pk:
        raise Invalid("An escalation can't be merged into itself.", code="itself", field="into")
    duplicates = _duplicates(source)
    records = _locked({source.pk, target.pk, *duplicates}, by=by)
    source, target = records[source.pk], records[target.pk]
    for one in (source, target):
        _require_standing(one)
    if _duplicates(source) != duplicates:
        raise Conflict("Somebody merged another into it just now. Look at it, then do it again.", code="changed")
    drop_owed(source)
    links = _move(source, target, EscalationLink.objects.active().filter(escalation=source), by=by, at=at)
    for link in links:
        _owe(target, link, source=source, by=by)
    _bring_people(source, target, by=by, at=at)
    made = EscalationMerge.objects.create(source=source, target=target, moved=[link.pk for link in links], by=by, at=at)
    for record_of in (source, *(records[pk] for pk in duplicates)):
        write(record_of, at=at, merged_into=target)
    write(target, at=at)
    _record(source, target, Kind.MERGED, links, by=by, at=at)
    return made


@transaction.atomic
def unmerge(merged: EscalationMerge, *, by: User, at: datetime) -> Escalation:
    """Undo it: the tickets that are still there go back; the record that was a duplicate, which is returned, goes on.

    Raises NotAllowed, Conflict (undone already; the one that stayed is over, or was itself merged; none is left).
    """
    require(access.may_move(by), "undo merges")
    duplicates = _follow(merged.source_id)
    records = _locked({merged.source_id, merged.target_id, *duplicates}, by=by)
    source, target = records[merged.source_id], records[merged.target_id]
    merged = EscalationMerge.objects.select_for_update(of=("self",)).get(pk=merged.pk)
    _require_undoable(merged, source, target)
    there = EscalationLink.objects.active().filter(escalation=target, pk__in=merged.moved)
    if merged.moved and not there.exists():
        sentence = f"None of the tickets that came from {source.reference} is in {target.reference} any more."
        raise Conflict(sentence, code="moved_on")
    _forget_owed(target, there)
    links = _move(target, source, there, by=by, at=at)
    merged.undone_at = at
    merged.save(update_fields=["undone_at"])
    write(source, at=at, merged_into=None)
    for pk in duplicates:
        write(records[pk], at=at, merged_into=source)
    _owe_again(source, by=by, at=at)
    write(target, at=at)
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
    former: Escalation, to: Escalation, links: Iterable[EscalationLink], *, by: User, at: datetime
) -> list[EscalationLink]:
    """Take the links over, with what their tickets say of them; in the order in which others lock tickets."""
    assert hasattr(links, "select_for_update")  # noqa: S101 - a QuerySet
    moved = list(links.select_for_update(of=("self",)).select_related("ticket").order_by("ticket_id"))
    numbers = [link.ticket_id for link in moved]
    # A link that is no longer active gives way: it stays as one that was taken out.
    stale = EscalationLink.objects.standing().filter(escalation=to, ticket__in=numbers)
    stale.update(unlinked_at=at, is_active=False)
    EscalationLink.objects.filter(pk__in=[link.pk for link in moved]).update(escalation=to)
    for link in moved:
        link.escalation = to
        tickets.change_escalation(link.ticket, by=by, reference=to.reference, former=former.reference, at=at)
    return moved


def _owe(target: Escalation, link: EscalationLink, *, source: Escalation, by: User) -> None:
    """What is about to be told is told to the newcomer, too; what was told already waits for somebody's decision.

    That a fix failed is for those who were told of it: for others it waits as well.
    """
    last = target.updates.exclude(state=CustomerUpdate.State.DROPPED).last()
    if last is None:
        return
    is_owed = last.state == CustomerUpdate.State.OWED
    if is_owed and not last.failed:
        CustomerNotice.objects.create(update_of=last, link=link)
    elif is_owed or _is_news(last, link):
        why = f"Came by merging {source.reference}: not told this yet."
        CustomerNotice.objects.create(update_of=last, link=link, state=State.HELD, held_why=why, held_by=by)


def _is_news(update: CustomerUpdate, link: EscalationLink) -> bool:
    stage = RULES[update.at_step].stage
    if stage in {None, Stage.REPORTED}:
        return False
    said = (State.SENT, State.DUE)
    return not link.notices.filter(state__in=said, update_of__step=update.step).exists()


def _forget_owed(target: Escalation, links: Iterable[EscalationLink]) -> None:
    """What only `target` would have told them."""
    waiting = CustomerNotice.objects.filter(
        update_of__escalation=target, link__in=links, state__in=(State.OWED, State.HELD)
    )
    waiting.update(state=State.DROPPED)


def _owe_again(source: Escalation, *, by: User, at: datetime) -> None:
    """What merging dropped is owed again: the last update of the step that the record is still at."""
    last = source.updates.last()
    if last is not None and last.state == CustomerUpdate.State.DROPPED and last.at_step is source.at_step:
        owe(source, text=last.text, failed=last.failed, by=by, at=at)


def _bring_people(source: Escalation, target: Escalation, *, by: User, at: datetime) -> None:
    for follower in Follower.objects.filter(escalation=source).select_related("user"):
        add_follower(target, follower.user, by=by, at=at)
    for row in source.teams.all():
        involve(target, Involved(row.team), by=by, at=at)


def _record(
    source: Escalation, target: Escalation, kind: Kind, links: list[EscalationLink], *, by: User, at: datetime
) -> None:
    numbers = [link.ticket_id for link in links]
    record(source, kind, by=by, at=at, source=source.reference, target=target.reference, tickets=numbers)
    record(target, kind, by=by, at=at, source=source.reference, target=target.reference, tickets=numbers)
