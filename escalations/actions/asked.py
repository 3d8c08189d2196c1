"""The verbs that begin a page which follows from no ticket: page on-call by hand, and test one's own contact."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from escalations import access
from escalations.events import record
from escalations.models import ContactMethod, Page, PageEvent
from escalations.paging.choose import policy_by_hand, policy_for_set
from escalations.paging.decide import START
from escalations.paging.moves import end, shape_of
from supportdesk.lib import queue
from supportdesk.lib.errors import Conflict, DomainError, Invalid, NotAllowed
from tickets.models import Priority, Ticket
from tickets.states import Status

TEST_WAITS = timedelta(minutes=10)
TESTS_AN_HOUR = 10


class TooMany(DomainError):
    status = 429
    code = "too_many"


@transaction.atomic
def page_by_hand(ticket: Ticket, *, kind: Page.Kind, priority: int, reason: str, by: User, at: datetime) -> Page:
    """Page who is on call for `ticket`: support (`by_hand`) or engineering (`set`), for a reason that they read.

    Raises NotAllowed, Conflict when the ticket is finished or such a page is open, Invalid (`reason`, `priority`).
    """
    if not access.may_page_by_hand(by):
        raise NotAllowed("You may not page anybody.")
    reason = " ".join(reason.split())
    if not reason:
        raise Invalid("Say why: it is what the person who is rung reads.", field="reason", code="required")
    if kind not in Page.ASKED_FOR:
        raise Invalid("Choose support's or SET's on-call.", field="kind", code="kind")
    if priority not in (Priority.URGENT, Priority.HIGH):
        raise Invalid("Choose Urgent or High: nothing else rings.", field="priority", code="priority")
    ticket = (
        Ticket.objects.select_for_update(of=("self",), no_key=True).select_related("organization").get(pk=ticket.pk)
    )
    if ticket.state in {Status.SOLVED, Status.CLOSED}:
        raise Conflict(f"The ticket is {ticket.state.label}: reopen it first.", code="finished")
    policy = policy_for_set() if kind == Page.Kind.SET else policy_by_hand(ticket)
    open_pages = Page.objects.open().filter(kind=kind, ticket=ticket)
    if open_pages.exists():
        raise Conflict("Somebody is being paged for it already.", code="page_open")
    page = Page.objects.create(
        kind=kind,
        ticket=ticket,
        policy=policy,
        asked_by=by,
        reason=reason[:300],
        priority=priority,
        snapshot=shape_of(policy),
        round=START.round,
        step=START.step,
        next_action_at=at,
        created_at=at,
    )
    record(page, PageEvent.Kind.BEGAN, at=at, by=by, priority=priority, reason=page.reason)
    queue.wake("page")
    return page


@transaction.atomic
def page_me(contact: ContactMethod, *, by: User, at: datetime) -> Page:
    """Ring one of `by`'s own contacts, through the whole chain; a test that is still open gives way.

    Raises NotAllowed for somebody else's, Conflict for one that isn't verified, TooMany beyond ten an hour.
    """
    if contact.user_id != by.pk or not access.is_responder(by):
        raise NotAllowed("This is somebody else's contact.")
    if not contact.is_usable:
        raise Conflict("Verify it first: pages only go to verified contacts.", code="not_verified")
    User.objects.select_for_update(no_key=True).get(pk=by.pk)  # two tests at once are one after the other
    tests = Page.objects.filter(kind=Page.Kind.TEST, person=by)
    if tests.filter(created_at__gt=at - timedelta(hours=1)).count() >= TESTS_AN_HOUR:
        raise TooMany(f"That were {TESTS_AN_HOUR} tests within an hour. Try again later.")
    for before in tests.open().select_for_update(of=("self",), no_key=True):
        end(before, why="another test began", at=at)
    target = {"kind": "contact", "key": contact.pk, "name": contact.get_kind_display()}
    page = Page.objects.create(
        kind=Page.Kind.TEST,
        person=by,
        asked_by=by,
        priority=Priority.URGENT,
        snapshot=practice([target], TEST_WAITS),
        next_action_at=at,
        created_at=at,
    )
    record(page, PageEvent.Kind.BEGAN, at=at, by=by, priority=page.priority)
    queue.wake("page")
    return page


def practice(targets: list[dict[str, object]], waits: timedelta) -> dict[str, object]:
    """The shape of a page that rings `targets` once, and is over unless it is answered within `waits`."""
    steps = [{"delay": 0, "targets": targets}]
    return {"policy": "", "steps": steps, "catch_all": [], "outside": [], "repeat_after": int(waits.total_seconds())}
