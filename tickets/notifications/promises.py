"""Warnings and breaches of promises: notices are taken down per event and person, and mailed many at a time.

A person's first notice is mailed at once; what comes within `settings.SLA_BUNDLE_SECONDS` after a mail waits for the
next. Whatever dies in between leaves notices that aren't settled, for the next pass.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache, cached_property

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from accounts.models import Region, Role, User
from supportdesk.lib.mail import message_id
from tickets import access
from tickets.actions.submit import region_on_shift
from tickets.models import EventKind, OutgoingMail, SlaClock, SlaNotice, SlaNoticeChoice, Ticket, TicketEvent
from tickets.notifications.audience import Kind, team_on_shift
from tickets.notifications.promise_wording import Told, letter_to, subject_of
from tickets.notifications.readers import locked_reader, mail_each
from tickets.sla.clocks import target_of

KINDS = (EventKind.SLA_WARNED, EventKind.SLA_BREACHED)


# --- Who -----------------------------------------------------------------------------------------------------------


def take_down(events: Iterable[TicketEvent], *, now: datetime) -> None:
    """Note for whom warnings and breaches are: once for each, however often this is done. In the caller's transaction.

    The events come with their tickets' assignees and teams' leads.
    """
    desk = _Desk()
    notices = [SlaNotice(event=event, user=user, created_at=now) for event in events for user in desk.recipients(event)]
    SlaNotice.objects.bulk_create(notices, ignore_conflicts=True)


class _Desk:
    """Who leads, who is on shift and who chose what: looked up once for many events."""

    def __init__(self) -> None:
        self._region_on_shift = cache(region_on_shift)
        self._on_shift: dict[tuple[int | None, Region | None], list[User]] = {}

    @cached_property
    def _choices(self) -> dict[int, SlaNoticeChoice]:
        return {choice.user_id: choice for choice in SlaNoticeChoice.objects.all()}

    @cached_property
    def _support_leads(self) -> list[User]:
        return list(User.objects.active().filter(role=Role.LEAD))

    def recipients(self, event: TicketEvent) -> Iterable[User]:
        """The assignee, or else the team on shift; and the lead. Each as they chose, and only who works in the desk."""
        return {
            person.pk: person
            for circle, people in self._circles(event)
            for person in people
            if _wants(self._choices.get(person.pk) or SlaNoticeChoice(), circle, event)
        }.values()

    def _circles(self, event: TicketEvent) -> Iterator[tuple[str, list[User]]]:
        """Whom it concerns, by the field of `SlaNoticeChoice` that they are asked by."""
        ticket = event.ticket
        lead = ticket.team.lead if ticket.team else None
        if ticket.assignee is not None and access.sees_desk(ticket.assignee):
            yield "own", [ticket.assignee]
        else:
            yield "team", self._team(ticket, event.at)
        yield "led", [lead] if lead is not None and access.sees_desk(lead) else self._support_leads

    def _team(self, ticket: Ticket, at: datetime) -> list[User]:
        """The team on shift; admins are in it to look after it, not to answer."""
        key = ticket.team_id, self._region_on_shift(at)
        if key not in self._on_shift:
            people = team_on_shift(ticket, key[1])
            self._on_shift[key] = [one for one in people if access.sees_desk(one) and one.role != Role.ADMIN]
        return self._on_shift[key]


def _wants(choice: SlaNoticeChoice, circle: str, event: TicketEvent) -> bool:
    chosen = getattr(choice, circle)
    is_breach = event.kind == EventKind.SLA_BREACHED
    return chosen == SlaNoticeChoice.Choice.ALL or (is_breach and chosen == SlaNoticeChoice.Choice.BREACHES)


# --- Mails ---------------------------------------------------------------------------------------------------------


def mail_notices(*, now: datetime) -> int:
    """Write the mail of everybody who has notices and had none lately; the number of mails."""
    waiting = SlaNotice.objects.filter(settled_at=None).order_by("user").values_list("user", flat=True).distinct()
    return mail_each(waiting, _mail_to, what="notices", now=now)


@transaction.atomic
def _mail_to(pk: int, *, now: datetime) -> bool:
    """Settle one person's notices, by a mail if any is news still; False when there is none, now or yet."""
    reader = locked_reader(pk)
    if reader is None or _was_told_lately(reader, now):
        return False
    rows = SlaNotice.objects.filter(user=reader, settled_at=None).order_by("pk")
    notices = list(rows.select_related("event__ticket__organization", "event__ticket__requester"))
    news = _news(notices, now) if access.sees_desk(reader) else []
    if news:
        mail = _mail(reader, news, now=now)
        SlaNotice.objects.filter(pk__in=[told.notice.pk for told in news]).update(mail=mail, settled_at=now)
    done = {told.notice.pk for told in news}
    dropped = [notice.pk for notice in notices if notice.pk not in done]
    SlaNotice.objects.filter(pk__in=dropped).update(settled_at=now)
    return bool(news)


def _was_told_lately(reader: User, now: datetime) -> bool:
    mailed = SlaNotice.objects.filter(user=reader, mail__isnull=False).order_by("-pk")
    last = mailed.values_list("settled_at", flat=True).first()
    return last is not None and last > now - timedelta(seconds=settings.SLA_BUNDLE_SECONDS)


def _news(notices: Sequence[SlaNotice], now: datetime) -> list[Told]:
    """The notices that still say something, with their clocks: three queries, however many they are."""
    keys = {notice.pk: _clock_of(notice.event) for notice in notices}
    clocks = SlaClock.objects.filter(pk__in=keys.values()).select_related("terms__plan").defer("spans").in_bulk()
    found = [(notice, clocks.get(keys[notice.pk])) for notice in notices]
    return [Told(notice, clock) for notice, clock in found if clock is not None and _is_news(notice.event, clock, now)]


def _clock_of(event: TicketEvent) -> int:
    """The key of the clock; one that no row has where the event doesn't say, so that it keeps nobody's mail back."""
    key = event.data.get("clock") if isinstance(event.data, dict) else None
    return key if isinstance(key, int) else 0


def _is_news(event: TicketEvent, clock: SlaClock, now: datetime) -> bool:
    """A breach stays one. A warning is over once its clock has ended, or isn't promised any more, or has broken: then
    the breach has a notice of its own, or will have."""
    if event.kind == EventKind.SLA_BREACHED:
        return clock.breached_at is not None
    is_kept = clock.is_open and clock.breached_at is None and target_of(clock) is not None
    return is_kept and (clock.due_at is None or clock.due_at > now)


def _mail(reader: User, news: Sequence[Told], *, now: datetime) -> OutgoingMail:
    letter = letter_to(reader, news, now=now)
    tickets = {told.notice.event.ticket_id for told in news}
    return OutgoingMail.objects.create(
        ticket_id=tickets.pop() if len(tickets) == 1 else None,
        event=news[0].notice.event if len(news) == 1 else None,
        kind=Kind.STAFF_PROMISES,
        to_email=reader.email,
        to_user=reader,
        subject=subject_of(news),
        text=letter.as_text(),
        html=letter.as_html(),
        message_id=message_id("promises", reader.pk, news[0].notice.pk),
        next_attempt_at=Now(),
        created_at=now,
    )
