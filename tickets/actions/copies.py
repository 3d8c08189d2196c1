"""Who else is told: CCs."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts.addresses import folded
from accounts.models import Membership, User, UserManager
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from supportdesk.lib.signed_addresses import is_ours
from tickets import access
from tickets.actions.moves import locked, require, write
from tickets.events import record
from tickets.models import EventKind, Participant, Ticket


def check_count(addresses: Sequence[str], *, already: int = 0) -> None:
    if len(addresses) + already > settings.CC_MAX_COUNT:
        raise Invalid(f"At most {settings.CC_MAX_COUNT} addresses in CC.", code="too_many_cc", field="cc")


def check_address(address: str) -> str:
    """The address case-folded; Invalid when it isn't one."""
    try:
        found = folded(address, field="cc")
    except Invalid:
        raise Invalid(f"{address[:80]!r} is not an e-mail address.", code="not_an_address", field="cc") from None
    if found == settings.SUPPORT_EMAIL.casefold():
        raise Invalid("Our own address can't be copied in.", code="own_address", field="cc")
    return found


def copy_in(ticket: Ticket, addresses: Sequence[str], *, by: User, at: datetime) -> list[Participant]:
    """Add those of `addresses` that are neither the requester's nor copied in yet, in the caller's transaction.

    Who waits to be confirmed is confirmed by being added.
    """
    wanted = dict.fromkeys(check_address(address) for address in addresses)
    wanted.pop(ticket.requester.email, None)
    already = _already(ticket)
    waiting = [already[address] for address in wanted if address in already and already[address].is_pending]
    new = [address for address in wanted if address not in already]
    confirmed = sum(not copy.is_pending for copy in already.values())
    check_count([*new, *(copy.email for copy in waiting)], already=confirmed)
    for copy in waiting:
        _confirm(copy, by=by, at=at)
    return [*waiting, *_add(ticket, new, by=by, at=at)]


def _already(ticket: Ticket) -> dict[str, Participant]:
    """Who is copied in or waits to be, by address."""
    return {copy.email: copy for copy in Participant.objects.filter(ticket=ticket, removed_at=None)}


def _add(
    ticket: Ticket, addresses: Sequence[str], *, by: User, at: datetime, pending: bool = False
) -> list[Participant]:
    known = {user.email: user for user in User.objects.active().filter(email__in=addresses)}
    return Participant.objects.bulk_create(
        Participant(ticket=ticket, email=address, user=known.get(address), added_by=by, added_at=at, is_pending=pending)
        for address in addresses
    )


@transaction.atomic
def add_cc(ticket: Ticket, *, by: User, addresses: Sequence[str], at: datetime) -> list[Participant]:
    """Copy people in; who already is stays so. Raises Invalid for bad or too many addresses, NotAllowed, Conflict."""
    ticket = locked(ticket, by=by)
    require(access.may_add_cc(by, ticket), "add people to this request")
    if ticket.is_closed:
        raise Conflict("This request is Closed.", code="wrong_status")
    added = copy_in(ticket, addresses, by=by, at=at)
    for participant in added:
        record(ticket, EventKind.CC_ADDED, by=by, at=at, email=participant.email)
    if added:
        write(ticket, at=at, public_updated_at=at)
    return added


@transaction.atomic
def remove_cc(participant: Participant, *, by: User, at: datetime) -> None:
    """Take somebody off; people may also take themselves off. Doing it twice is doing it once."""
    ticket = locked(participant.ticket, by=by)
    if not (access.may_add_cc(by, ticket) or participant.user_id == by.pk):
        raise NotAllowed("You may not remove people from this request.")
    taken = Participant.objects.filter(pk=participant.pk, removed_at=None).update(removed_at=at)
    if taken:
        record(ticket, EventKind.CC_REMOVED, by=by, at=at, email=participant.email)
        write(ticket, at=at, public_updated_at=at)


# --- Copied in by mail ---------------------------------------------------------------------------------------------


@transaction.atomic
def propose_cc(
    ticket: Ticket, addresses: Sequence[str], *, by: User, at: datetime
) -> tuple[list[Participant], list[Participant]]:
    """Take up whom a mail of `by`, who is verified, was copied to: who is copied in at once, and who waits.

    A sender who may add people vouches for active colleagues of the ticket's organisation, but for those that somebody
    took off before. Everybody else gets nothing until it is confirmed (S004). What is no address of a person, the
    requester's, or there already is passed over; more than fit on a ticket are none (S013), and so is anybody on a
    Closed one. Raises NotAllowed when `by` no longer sees the ticket.
    """
    ticket = locked(ticket, by=by)
    already = _already(ticket)
    wanted = [address for address in _readable(addresses) if address not in already]
    wanted = [address for address in wanted if address != ticket.requester.email]
    if not wanted or ticket.is_closed or len(already) + len(wanted) > settings.CC_MAX_COUNT:
        return [], []
    vouched = _vouched_for(ticket, wanted, by=by)
    copied = _add(ticket, [address for address in wanted if address in vouched], by=by, at=at)
    waiting = _add(ticket, [address for address in wanted if address not in vouched], by=by, at=at, pending=True)
    for copy in (*copied, *waiting):
        kind = EventKind.CC_PROPOSED if copy.is_pending else EventKind.CC_ADDED
        record(ticket, kind, by=by, at=at, email=copy.email)
    write(ticket, at=at, public_updated_at=at)
    return copied, waiting


def _readable(addresses: Sequence[str]) -> list[str]:
    """Those that are addresses of others, each once."""
    found = {}
    for address in addresses:
        try:
            found[check_address(address)] = True
        except Invalid:
            continue
    return [address for address in found if not is_ours(address)]


def _vouched_for(ticket: Ticket, addresses: Sequence[str], *, by: User) -> set[str]:
    if ticket.organization is None or not access.may_add_cc(by, ticket):
        return set()
    members = Membership.objects.active().filter(organization=ticket.organization, user__is_active=True)
    colleagues = members.filter(user__email__in=addresses).values_list("user__email", flat=True)
    taken_off = Participant.objects.filter(ticket=ticket, email__in=addresses).exclude(removed_at=None)
    return set(colleagues) - set(taken_off.values_list("email", flat=True))


@transaction.atomic
def confirm_cc(participant: Participant, *, by: User, at: datetime) -> None:
    """Let somebody whom a mail copied in have what comes from now on. Doing it twice is doing it once.

    Raises NotAllowed, Conflict when somebody took them off meanwhile or the request is Closed, Invalid when it has as
    many people as it may have.
    """
    ticket = locked(participant.ticket, by=by)
    require(access.may_add_cc(by, ticket), "add people to this request")
    if ticket.is_closed:
        raise Conflict("This request is Closed.", code="wrong_status")
    copy = Participant.objects.filter(pk=participant.pk, removed_at=None).first()
    if copy is None:
        raise Conflict(f"{participant.email} was taken off meanwhile.", code="removed_meanwhile")
    if not copy.is_pending:
        return
    check_count(
        [copy.email], already=Participant.objects.filter(ticket=ticket, removed_at=None, is_pending=False).count()
    )
    _confirm(copy, by=by, at=at)
    record(ticket, EventKind.CC_ADDED, by=by, at=at, email=copy.email)
    write(ticket, at=at, public_updated_at=at)


def _confirm(copy: Participant, *, by: User, at: datetime) -> None:
    """`added_at` becomes now: what came before is not theirs to get."""
    copy.is_pending, copy.added_by, copy.added_at = False, by, at
    copy.save(update_fields=["is_pending", "added_by", "added_at"])


# --- Accounts ------------------------------------------------------------------------------------------------------


def recognise(user: User, *, email: str) -> None:
    """Let somebody who has proved that `email` is theirs see the requests that it is copied in on."""
    address = UserManager.normalize_email(email)
    Participant.objects.filter(email=address, user=None, removed_at=None).update(user=user)
