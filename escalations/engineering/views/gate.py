"""Who comes in: the desk's people and stakeholders; for everybody else these addresses don't exist."""

import re
from collections.abc import Callable, Iterable
from functools import wraps

from django.http import Http404, HttpRequest, HttpResponseBase

from accounts.models import User
from escalations.engineering import access
from escalations.models import Escalation
from supportdesk.lib.errors import NotAllowed
from tickets.views.gate import denied, signed_in

View = Callable[..., HttpResponseBase]
Allowed = Callable[[User], bool]
_REFERENCE = re.compile(r"SET-([1-9]\d{0,17})", re.ASCII | re.IGNORECASE)


def on_the_board(view: View) -> View:
    """Log-in for strangers; who doesn't see the board gets the 404 of an address that isn't there."""

    @wraps(view)
    def gated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not access.sees_board(request.user):
            denied(request.user, "path", request.path)
            raise Http404
        return view(request, *args, **kwargs)

    return signed_in(gated)


def only(may: Allowed, what: str) -> Callable[[View], View]:
    """The same, and 403 for who sees records but may not `what`."""

    def gate(view: View) -> View:
        @wraps(view)
        def gated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            if not may(viewer(request)):
                raise NotAllowed(f"You may not {what}.")
            return view(request, *args, **kwargs)

        return on_the_board(gated)

    return gate


def viewer(request: HttpRequest) -> User:
    """The signed-in person, whom the gate let in."""
    assert isinstance(request.user, User)  # noqa: S101 - `signed_in` saw to it
    return request.user


def find(user: User, ref: str) -> Escalation:
    """The record as far as `user` may see it; unknown and forbidden are the same 404 (S048)."""
    number = number_of(ref)
    rows = Escalation.objects.visible_to(user).select_related("owner", "backup", "requested_by", "area")
    found = rows.filter(pk=number).first() if number else None
    if found is None:
        denied(user, "escalation", ref)
        raise Http404
    return found


def seen_among(user: User, keys: Iterable[int | None]) -> set[int]:
    """Which of the records with these keys `user` may see: what leads to another one names it to nobody else."""
    wanted = {key for key in keys if key is not None}
    rows = Escalation.objects.visible_to(user).filter(pk__in=wanted)
    return set(rows.values_list("pk", flat=True)) if wanted else set()


def number_of(ref: str) -> int | None:
    """The key behind `SET-123`; None for what is no reference."""
    match = _REFERENCE.fullmatch(ref.strip())
    return int(match[1]) if match else None
