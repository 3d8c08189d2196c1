"""The verbs on swaps: ask a colleague to take hours, perhaps against some of theirs; accept, decline, withdraw."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from escalations import access, shift_mails
from escalations.actions.hours import check_can_take, check_holds, check_hours, locked
from escalations.models import Override, Schedule, SwapRequest
from escalations.paging.shifts import materialise
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed

Hours = tuple[datetime, datetime]


@transaction.atomic
def ask_swap(
    schedule: Schedule,
    *,
    of: User,
    starts: datetime,
    ends: datetime,
    by: User,
    at: datetime,
    back: Hours | None = None,
    note: str = "",
) -> SwapRequest:
    """Ask `of` to take these hours of one's own, in return for `back` if given; they are told by mail.

    Nothing changes until they accept. Raises NotAllowed, Invalid (`of`, `starts`, `ends`, `back`), Conflict for hours
    that aren't whose they should be, or that were asked for already.
    """
    if not access.is_responder(by):
        raise NotAllowed("You don't take turns on call.")
    if of == by:
        raise Invalid("Choose a colleague.", field="of", code="self")
    check_hours(starts, ends, at=at)
    schedule = locked(schedule)
    check_holds(by, schedule, starts, ends, field="starts")
    check_can_take(of, starts, ends, field="of")
    if back is not None:
        _check_back(schedule, back, of=of, by=by, at=at)
    _check_new(schedule, (starts, ends), of=of, by=by)
    swap = SwapRequest.objects.create(
        schedule=schedule,
        asked_by=by,
        asked_of=of,
        starts_at=starts,
        ends_at=ends,
        back_starts_at=back[0] if back else None,
        back_ends_at=back[1] if back else None,
        note=" ".join(note.split())[:300],
        asked_at=at,
    )
    shift_mails.swap_asked(swap)
    return swap


def _check_new(schedule: Schedule, hours: Hours, *, of: User, by: User) -> None:
    asked = SwapRequest.objects.filter(schedule=schedule, asked_by=by, asked_of=of, state=SwapRequest.State.ASKED)
    if asked.filter(starts_at__lt=hours[1], ends_at__gt=hours[0]).exists():
        raise Conflict(f"You have asked {of.display_name} for these hours already.", code="asked_already")


def _check_back(schedule: Schedule, back: Hours, *, of: User, by: User, at: datetime) -> None:
    try:
        check_hours(*back, at=at)
    except Invalid as refusal:
        raise Invalid(refusal.sentence, field="back", code=refusal.code) from None
    check_holds(of, schedule, *back, field="back")
    check_can_take(by, *back, field="back")


@transaction.atomic
def answer_swap(swap: SwapRequest, *, accept: bool, by: User, at: datetime) -> SwapRequest:
    """Accept or decline what a colleague asked; accepting moves all the hours at once, or none of them.

    Raises NotAllowed for whom wasn't asked, Conflict when it was answered or withdrawn, when the hours have begun, or
    are no longer whose they were; Invalid for whom pages can't reach any more.
    """
    swap = _locked(swap)
    if by != swap.asked_of:
        raise NotAllowed(f"Only {swap.asked_of.display_name} can answer this.")
    _check_open(swap)
    if not accept:
        return _close(swap, SwapRequest.State.DECLINED, at=at)
    begins = min(filter(None, (swap.starts_at, swap.back_starts_at)))
    if begins <= at:
        raise Conflict("These hours have begun. Take the shift instead.", code="begun")
    moves = [(swap.asked_by, swap.asked_of, swap.starts_at, swap.ends_at)]
    if swap.back_starts_at is not None and swap.back_ends_at is not None:
        moves.append((swap.asked_of, swap.asked_by, swap.back_starts_at, swap.back_ends_at))
    for giving, taking, starts, ends in moves:
        check_holds(giving, swap.schedule, starts, ends, field="swap")
        check_can_take(taking, starts, ends, field="swap")
    Override.objects.bulk_create(
        Override(
            schedule=swap.schedule,
            user=taking,
            starts_at=starts,
            ends_at=ends,
            why=f"swap with {giving.display_name}",
            created_by=giving,  # neither can back out alone
        )
        for giving, taking, starts, ends in moves
    )
    materialise([swap.schedule_id], now=at)
    return _close(swap, SwapRequest.State.ACCEPTED, at=at)


@transaction.atomic
def withdraw_swap(swap: SwapRequest, *, by: User, at: datetime) -> SwapRequest:
    """Take back what one asked. Raises NotAllowed for others, Conflict when it was answered."""
    swap = _locked(swap)
    if by != swap.asked_by:
        raise NotAllowed(f"Only {swap.asked_by.display_name} can withdraw this.")
    _check_open(swap)
    return _close(swap, SwapRequest.State.WITHDRAWN, at=at)


def _locked(swap: SwapRequest) -> SwapRequest:
    """Under its schedule's lock, which whoever moves hours holds, too."""
    locked(swap.schedule)
    return SwapRequest.objects.select_related("schedule", "asked_by", "asked_of").get(pk=swap.pk)


def _check_open(swap: SwapRequest) -> None:
    if swap.state != SwapRequest.State.ASKED:
        raise Conflict(f"It was {swap.get_state_display()} already.", code="swap_over")


def _close(swap: SwapRequest, state: SwapRequest.State, *, at: datetime) -> SwapRequest:
    swap.state, swap.answered_at = state, at
    swap.save(update_fields=["state", "answered_at"])
    shift_mails.swap_closed(swap)
    return swap
