"""Who else is told: CCs."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts.addresses import folded
from accounts.models import User, UserManager
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
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
    """Add those of `addresses` that are neither the requester's nor copied in yet, in the caller's transaction."""
    wanted = dict.fromkeys(check_address(address) for address in addresses)
    wanted.pop(ticket.requester.email, None)
    already = set(Participant.objects.filter(ticket=ticket, removed_at=None).values_list("email", flat=True))
    new = [address for address in wanted if address not in already]
    check_count(new, already=len(already))
    known = {user.email: user for user in User.objects.active().filter(email__in=new)}
    return Participant.objects.bulk_create(
        Participant(ticket=ticket, email=address, user=known.get(address), added_by=by, added_at=at) for address in new
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


def recognise(user: User, *, email: str) -> None:
    """Let somebody who has proved that `email` is theirs see the requests that it is copied in on."""
    address = UserManager.normalize_email(email)
    Participant.objects.filter(email=address, user=None, removed_at=None).update(user=user)
