"""What customers are owed when their tickets go over to another record by merging, or back.

One record speaks to them at a time: what the other was about to say stops. A hold, and words of their own, are
somebody's decision about a customer and outlive that.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import User
from escalations.engineering.actions.links import complete_if_nobody_is_left, said_last
from escalations.engineering.actions.updates import owe
from escalations.engineering.steps import Stage, Step
from escalations.models import CustomerNotice, CustomerUpdate, Escalation, EscalationLink

State = CustomerNotice.State
_WAITING = (State.OWED, State.HELD, State.DUE)

Waited = Mapping[int, Sequence[CustomerNotice]]
"""By link: what its customer waited for, as it stood then, oldest first."""


def stop_telling(former: Escalation, links: Iterable[EscalationLink]) -> Waited:
    """Drop what `former` would still tell these tickets: from now on the other record speaks to them.

    Returned is what they still waited for, without what a later step has overtaken. Notices are locked before links
    and tickets, as who tells customers does.
    """
    rows = CustomerNotice.objects.filter(Q(state__in=_WAITING) | Q(next_attempt_at__isnull=False), link__in=links)
    rows = rows.filter(update_of__escalation=former).select_related("update_of").order_by("pk")
    found = list(rows.select_for_update(of=("self",)))
    same = CustomerNotice.objects.filter(pk__in=[notice.pk for notice in found])
    past = set(same.followed(*_WAITING, State.SENT).values_list("pk", flat=True))
    same.update(state=State.DROPPED, next_attempt_at=None, gives_back=False)
    waited: dict[int, list[CustomerNotice]] = defaultdict(list)
    for notice in found:
        if notice.state in _WAITING and notice.pk not in past:
            waited[notice.link_id].append(notice)
    return waited


def owe_newcomer(
    target: Escalation,
    link: EscalationLink,
    waited: Sequence[CustomerNotice],
    *,
    source: Escalation,
    by: User,
    at: datetime,
) -> None:
    """What is about to be told is told to the newcomer, too; what was told already waits for somebody's decision.

    What `source` had begun to tell goes on where `target` has told the same. That a fix failed is for those who were
    told of it: for others it waits as well.
    """
    came: dict[str, Any] = {"held_why": _came_from(source), "held_by": by}
    owed = _owed(target)
    for update in _in_force(target, owed):
        own = _own_text(update, waited)
        if begun := _begun(update, waited):
            text = own or begun.update_of.text
            _say(update, link, State.DUE, own_text=text, told_by=begun.told_by, next_attempt_at=at)
        elif _is_news(update, link):
            _say(update, link, State.HELD, own_text=own, **(_hold(update, waited) or came))
    if owed is not None:
        hold = _hold(owed, waited) or (came if owed.failed else {})
        _say(owed, link, State.HELD if hold else State.OWED, own_text=_own_text(owed, waited), **hold)


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
            _say(update, link, State.DROPPED)
            continue
        decided = _decided(before.get(link.pk), waited.get(link.pk, ()), source=source)
        hold = _hold(update, decided)
        _say(update, link, State.HELD if hold else State.OWED, own_text=_own_text(update, decided), **hold)
    complete_if_nobody_is_left(source, at=at)


def hold_again(
    source: Escalation, links: Sequence[EscalationLink], waited: Waited, *, target: Escalation, by: User
) -> None:
    """What merging took out of updates that were sent waits for somebody's decision, unless `target` told it."""
    meanwhile = {"held_why": f"Was in {target.reference} meanwhile: not told this yet.", "held_by": by}
    for update in _in_force(source, _owed(source)):
        # Who was never to be told, as that a fix failed which they never heard of, was neither held nor begun with.
        dropped = update.notices.filter(~Q(held_why="") | Q(told_by__isnull=False), state=State.DROPPED, link__in=links)
        for notice in dropped.select_related("link"):
            if not _told(update, notice.link).exists():
                decided = _decided(notice, waited.get(notice.link_id, ()), source=source)
                hold = _hold(update, decided) or meanwhile
                _say(update, notice.link, State.HELD, own_text=_own_text(update, decided), **hold)


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
    asks = escalation.at_step is Step.NEEDS_INFORMATION and escalation.asks_customer
    return [update for update in found if asks or update.at_step is not Step.NEEDS_INFORMATION]


def _is_news(update: CustomerUpdate, link: EscalationLink) -> bool:
    return not update.failed and update.stage not in {None, Stage.REPORTED} and not _told(update, link).exists()


def _told(update: CustomerUpdate, link: EscalationLink) -> QuerySet[CustomerNotice]:
    """Where its customer was told that, or is just being told, by any record. A failed fix is news of its own."""
    said = CustomerNotice.objects.filter(link=link, state__in=(State.SENT, State.DUE), update_of__step=update.step)
    return said.filter(update_of__failed=True) if update.failed else said


def _say(update: CustomerUpdate, link: EscalationLink, state: CustomerNotice.State, **columns: Any) -> None:
    """A notice anew; of a merge that was undone there may be one that was dropped."""
    blank = {"own_text": "", "held_why": "", "held_by": None, "told_by": None, "next_attempt_at": None}
    anew = {**blank, "attempts": 0, "last_error": "", "state": state, **columns}
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


def _hold(update: CustomerUpdate, waited: Sequence[CustomerNotice]) -> dict[str, Any]:
    """The last hold, unless the same as `update` says was, after it, to be told."""
    for notice in reversed(waited):
        if notice.state == State.HELD:
            return {"held_why": notice.held_why, "held_by": notice.held_by}
        if _same(update, [notice]):
            return {}
    return {}


def _decided(
    former: CustomerNotice | None, since: Sequence[CustomerNotice], *, source: Escalation
) -> list[CustomerNotice]:
    """What was decided before merging, and since, as it stood. What merging itself held back, nobody decided."""
    decided = [former, *since] if former is not None else list(since)
    for notice in decided:
        is_held = notice.state == State.HELD or (notice is former and notice.held_why)
        notice.state = State.HELD if is_held and notice.held_why != _came_from(source) else State.OWED
    return decided
