"""What customers are owed when their tickets go over to another record by merging, or back.

One record speaks to them at a time: what the other was about to say stops. A hold, that they are not to be told, and
words of their own are somebody's decision about a customer and outlive that.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import User
from escalations.engineering.actions.links import complete_if_nobody_is_left, links_of, said_last, wait_again
from escalations.engineering.actions.updates import owe, question_of
from escalations.engineering.steps import Stage, Step
from escalations.models import CustomerNotice, CustomerUpdate, Escalation, EscalationLink
from tickets.states import Status

State = CustomerNotice.State
_WAITING = (State.OWED, State.HELD, State.DUE)

_TO_BE_TOLD: Mapping[str, Any] = {"state": State.OWED}

Waited = Mapping[int, Sequence[CustomerNotice]]
"""By link: what its customer waited for or was not to be told, as it stood then, oldest first."""


def stop_telling(former: Escalation, links: Iterable[EscalationLink]) -> Waited:
    """Drop what `former` would still tell these tickets: from now on the other record speaks to them.

    Returned is what they still waited for, without what a later step has overtaken, and what they are not to be told,
    which stays so. Notices are locked before links and tickets, as who tells customers does.
    """
    kept = Q(state__in=(*_WAITING, State.DISMISSED)) | Q(next_attempt_at__isnull=False)
    rows = CustomerNotice.objects.filter(kept, link__in=links)
    rows = rows.filter(update_of__escalation=former).select_related("update_of").order_by("pk")
    found = list(rows.select_for_update(of=("self",)))
    same = CustomerNotice.objects.filter(pk__in=[notice.pk for notice in found])
    past = set(same.followed(*_WAITING, State.SENT).values_list("pk", flat=True))
    same.update(next_attempt_at=None, gives_back=False)
    same.exclude(state=State.DISMISSED).update(state=State.DROPPED)
    waited: dict[int, list[CustomerNotice]] = defaultdict(list)
    for notice in found:
        if notice.state == State.DISMISSED or (notice.state in _WAITING and notice.pk not in past):
            waited[notice.link_id].append(notice)
    return waited


def owe_newcomers(
    target: Escalation,
    links: Iterable[EscalationLink],
    waited: Waited,
    *,
    source: Escalation,
    by: User,
    at: datetime,
) -> None:
    """What is about to be told is told to the newcomers, too; what was told already waits for somebody's decision.

    What `source` had begun to tell goes on where `target` has told the same. That a fix failed is for those who were
    told of it: for others it waits as well.
    """
    owed = _owed(target)
    in_force = _in_force(target, owed)
    came = {"state": State.HELD, "held_why": _came_from(source), "held_by": by}
    for link in links:
        theirs = waited.get(link.pk, ())
        for update in in_force:
            own = _own_text(update, theirs)
            if begun := _begun(update, theirs):
                text = own or begun.update_of.text
                _say(update, link, state=State.DUE, own_text=text, told_by=begun.told_by, next_attempt_at=at)
            elif _is_news(update, link):
                _say(update, link, own_text=own, **(_decision(update, theirs) or came))
        if owed is not None:
            otherwise = came if owed.failed else _TO_BE_TOLD
            _say(owed, link, own_text=_own_text(owed, theirs), **(_decision(owed, theirs) or otherwise))


def owe_again(source: Escalation, waited: Waited, *, target: Escalation, by: User, at: datetime) -> None:
    """What merging dropped is owed again: the last update of the step that the record is still at.

    To each as it was before, or as somebody decided meanwhile; to nobody whom `target` told the same.
    """
    last = source.updates.last()
    if last is None or last.state != CustomerUpdate.State.DROPPED or last.at_step is not source.at_step:
        return
    owe(source, text=last.text, failed=last.failed, by=by, at=at)
    before = {notice.link_id: notice for notice in last.notices.all()}
    fresh = CustomerNotice.objects.filter(update_of__escalation=source, state=State.OWED)
    for notice in fresh.select_related("update_of", "link"):
        update, link = notice.update_of, notice.link
        if _told(update, link).filter(update_of__escalation=target).exists():
            _say(update, link, state=State.DROPPED)
            continue
        decided = _decided(before.get(link.pk), waited.get(link.pk, ()), source=source)
        _say(update, link, own_text=_own_text(update, decided), **(_decision(update, decided) or _TO_BE_TOLD))
    complete_if_nobody_is_left(source, at=at)


def hold_again(
    source: Escalation, links: Sequence[EscalationLink], waited: Waited, *, target: Escalation, by: User
) -> None:
    """What merging took out of updates that were sent waits for somebody's decision, unless `target` told it."""
    meanwhile = {
        "state": State.HELD,
        "held_why": f"Was in {target.reference} meanwhile: not told this yet.",
        "held_by": by,
    }
    for update in _in_force(source, _owed(source)):
        # Who was never to be told, as that a fix failed which they never heard of, was neither held nor begun with.
        dropped = update.notices.filter(~Q(held_why="") | Q(told_by__isnull=False), state=State.DROPPED, link__in=links)
        for notice in dropped.select_related("link"):
            if not _told(update, notice.link).exists():
                decided = _decided(notice, waited.get(notice.link_id, ()), source=source)
                then = _decision(update, decided) or meanwhile
                _say(update, notice.link, own_text=_own_text(update, decided), **then)


def asked_by(former: Escalation) -> set[int]:
    """The links whose customers were asked what `former` waits for."""
    question = question_of(former) if former.at_step is Step.NEEDS_INFORMATION else None
    return links_of(CustomerNotice.objects.told().filter(update_of=question)) if question else set()


def wait_for(
    to: Escalation, links: Iterable[EscalationLink], waited: Waited, *, asked: set[int], by: User, at: datetime
) -> None:
    """Let the tickets wait for `to` that the former record left to their customers, or had not made wait yet.

    Who was asked may answer all the same; that a fix failed would have made them wait as they were told.
    """
    came = {link.pk for link in links}
    if not (to.at_step is Step.NEEDS_INFORMATION and to.asks_customer):
        wait_again(to, came & asked, left=Status.PENDING, by=by, at=at)
    failed = {pk for pk in came if any(notice.update_of.failed for notice in waited.get(pk, ()))}
    wait_again(to, failed, left=Status.OPEN, by=by, at=at)


# --- What a record has to say --------------------------------------------------------------------------------------


def _owed(escalation: Escalation) -> CustomerUpdate | None:
    return escalation.updates.filter(state=CustomerUpdate.State.OWED).first()


def _in_force(escalation: Escalation, owed: CustomerUpdate | None) -> list[CustomerUpdate]:
    """Of what was sent: how far it is, then what was said last; nothing where a further step is about to be told.

    A question, owed or sent, only interrupts: what was said before it is news to a newcomer all the same.
    """
    if owed is not None and owed.stage is not None:
        return []
    last = escalation.updates.filter(state=CustomerUpdate.State.SENT).last()
    found = dict.fromkeys(update for update in (said_last(escalation), last) if update is not None)
    asks = question_of(escalation) if escalation.at_step is Step.NEEDS_INFORMATION else None
    return [update for update in found if update == asks or update.at_step is not Step.NEEDS_INFORMATION]


def _is_news(update: CustomerUpdate, link: EscalationLink) -> bool:
    return not update.failed and update.stage not in {None, Stage.REPORTED} and not _told(update, link).exists()


def _told(update: CustomerUpdate, link: EscalationLink) -> QuerySet[CustomerNotice]:
    """Where its customer was told that, or is just being told, by any record. A failed fix is news of its own."""
    said = CustomerNotice.objects.filter(link=link, state__in=(State.SENT, State.DUE), update_of__step=update.step)
    return said.filter(update_of__failed=True) if update.failed else said


def _say(update: CustomerUpdate, link: EscalationLink, **columns: Any) -> None:
    """A notice anew; of a merge that was undone there may be one that was dropped."""
    blank = {"own_text": "", "held_why": "", "held_by": None, "told_by": None, "next_attempt_at": None}
    anew = {**blank, "attempts": 0, "last_error": "", **columns}
    CustomerNotice.objects.update_or_create(update_of=update, link=link, defaults=anew)


# --- What was decided about a customer -----------------------------------------------------------------------------


def _came_from(source: Escalation) -> str:
    return f"Came by merging {source.reference}: not told this yet."


def _same(update: CustomerUpdate, waited: Sequence[CustomerNotice]) -> CustomerNotice | None:
    """What says the same as `update`, newest first."""
    alike = [one for one in waited if (one.update_of.step, one.update_of.failed) == (update.step, update.failed)]
    return alike[-1] if alike else None


def _begun(update: CustomerUpdate, waited: Sequence[CustomerNotice]) -> CustomerNotice | None:
    same = _same(update, waited)
    return same if same is not None and same.state == State.DUE else None


def _own_text(update: CustomerUpdate, waited: Sequence[CustomerNotice]) -> str:
    same = _same(update, waited)
    return same.own_text if same is not None and same.own_text != update.text else ""


def _decision(update: CustomerUpdate, waited: Sequence[CustomerNotice]) -> dict[str, Any]:
    """The last hold, or that the customer is not to be told the same as `update`; nothing where that was to be told."""
    for notice in reversed(waited):
        is_same = _same(update, [notice]) is not None
        if notice.state == State.HELD or (is_same and notice.state == State.DISMISSED):
            return {"state": State(notice.state), "held_why": notice.held_why, "held_by": notice.held_by}
        if is_same:
            break
    return {}


def _decided(
    former: CustomerNotice | None, since: Sequence[CustomerNotice], *, source: Escalation
) -> list[CustomerNotice]:
    """What was decided before merging, and since, as it stood. What merging itself held back, nobody decided."""
    decided = [former, *since] if former is not None else list(since)
    for notice in decided:
        if notice.state == State.DISMISSED:
            continue
        is_held = notice.state == State.HELD or (notice is former and notice.held_why)
        notice.state = State.HELD if is_held and notice.held_why != _came_from(source) else State.OWED
    return decided
