"""Which pages somebody may see, and what the engine looks for, as QuerySet vocabulary."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, When
from django.db.models.functions import Coalesce, Now

from accounts.models import User
from escalations.access import is_responder, may_edit_schedules
from tickets.models import Channel, EventKind, Priority, SlaClock, TicketEvent
from tickets.states import UNFINISHED, Status

if TYPE_CHECKING:
    from escalations.engineering.querysets import EscalationQuerySet
    from escalations.models import (  # noqa: F401 - the querysets' parameters
        ContactMethod,
        CoverageGap,
        Leave,
        OnCallDevice,
        Override,
        Page,
        PageDelivery,
        PageEvent,
        Schedule,
        Shift,
        SwapRequest,
    )
    from tickets.sla.querysets import SlaClockQuerySet


UNSET_PAGES_AFTER = timedelta(minutes=15)
"""A ticket whose priority nobody has set for so long pages as High."""


def rings(active_from: datetime | None, prefix: str = "", *, unset_since: datetime | None = None) -> Q:
    """A ticket rings ("24x7 paging for Premier" in the domain description); `prefix` leads to it, such as "ticket__".

    Its plan pages, it is Urgent or High, New or Open, and a customer waits. What had been waiting since before
    `active_from`, or came by import, rings only for what its customer did after: a reply, a reopening, a raise.
    Without a priority it rings as High, where `unset_since` is given only if it was opened before that.
    """

    def q(**conditions: object) -> Q:
        return Q(**{f"{prefix}{name}": value for name, value in conditions.items()})

    unset = q(priority=None) if unset_since is None else q(priority=None, created_at__lte=unset_since)
    pressing = q(status__in=(Status.NEW, Status.OPEN)) & (q(priority__lte=Priority.HIGH) | unset)
    waits = q(waiting_since__isnull=False) | q(raised_at__isnull=False)
    news = Exists(_customer_acts(active_from, prefix))
    message = q(waiting_since__isnull=False) & (~q(channel=Channel.IMPORT) | news)
    raised = q(raised_at__isnull=False)
    if active_from is not None:
        message = q(waiting_since__isnull=False) & (
            q(waiting_since__gte=active_from) & ~q(channel=Channel.IMPORT) | news
        )
        raised = q(raised_at__gte=active_from)
    return pressing & waits & q(organization__plan__pages=True) & (message | raised)


def _customer_acts(active_from: datetime | None, prefix: str) -> models.QuerySet[TicketEvent]:
    """What the waiting customer did by a live door since the desk was switched on."""
    acts = TicketEvent.objects.filter(
        ticket=OuterRef(f"{prefix}pk"),
        kind__in=(EventKind.CUSTOMER_REPLIED, EventKind.REOPENED),
        at__gte=OuterRef(f"{prefix}waiting_since"),
    ).exclude(message__channel=Channel.IMPORT)
    return acts if active_from is None else acts.filter(at__gte=active_from)


def broken_promises() -> SlaClockQuerySet:
    """Promises of Urgent tickets of plans that page, which broke and are still owed: found by `clock_open_and_broken`.

    A clock that stands (the customer is away, nothing is promised any more) owes nothing now; imported tickets ring
    nobody.
    """
    clocks = SlaClock.objects.running().broken().filter(priority=Priority.URGENT)
    return clocks.filter(
        ticket__priority=Priority.URGENT, ticket__status__in=UNFINISHED, ticket__organization__plan__pages=True
    ).exclude(ticket__channel=Channel.IMPORT)


def broken_for(page: str = "") -> SlaClockQuerySet:
    """Those that an outer page, to which the prefix `page` leads, is about: broken since its policy is active."""
    since = Coalesce(OuterRef(f"{page}policy__active_from"), F("breached_at"))
    return broken_promises().filter(ticket=OuterRef(f"{page}ticket_id"), breached_at__gte=since)


def rings_engineering(prefix: str = "") -> Q:
    """A ticket for which SET's on-call is rung while nobody reviews its record; `prefix` leads to it."""
    urgent = {
        f"{prefix}priority": Priority.URGENT,
        f"{prefix}status__in": UNFINISHED,
        f"{prefix}organization__plan__pages": True,
    }
    return Q(**urgent) & ~Q(**{f"{prefix}channel": Channel.IMPORT})


def waiting_for_review() -> EscalationQuerySet:
    """Records that nobody has begun to review, with a ticket that rings engineering."""
    from escalations.models import Escalation, EscalationLink

    tickets = EscalationLink.objects.active().filter(rings_engineering("ticket__"), escalation=OuterRef("pk"))
    return Escalation.objects.standing().filter(Exists(tickets), step="requested")


class PageQuerySet(models.QuerySet["Page"]):
    def visible_to(self, user: User | AnonymousUser) -> PageQuerySet:
        """All of them for those who may answer a page: agents, leads, SET and admins; a canary is nobody's."""
        return self.exclude(kind="canary") if is_responder(user) else self.none()

    def open(self) -> PageQuerySet:
        return self.filter(state__in=("ringing", "acknowledged", "snoozed"))

    def ringing(self) -> PageQuerySet:
        return self.filter(state="ringing")

    def rang(self, person: User) -> PageQuerySet:
        """Those that `person` was rung by in their present episode, has taken, or was handed: all a device shows."""
        handed = Q(pk__in=_handed_to(person))
        return self.filter(Exists(_rings_of(person)) | handed | Q(acknowledged_by=person))

    def ringing_somebody(self, person: User) -> PageQuerySet:
        """Those that ring `person` at this moment."""
        return self.ringing().filter(Exists(_rings_of(person)))

    def real(self) -> PageQuerySet:
        """Neither tests nor canaries."""
        return self.exclude(kind__in=("test", "canary"))

    def due(self, now: datetime) -> PageQuerySet:
        return self.filter(state="ringing", next_action_at__lte=now)

    def hold_over(self, now: datetime) -> PageQuerySet:
        """Acknowledged or snoozed until an instant that has come."""
        return self.filter(state__in=("acknowledged", "snoozed"), acknowledged_until__lte=now)


def _rings_of(person: User) -> models.QuerySet[PageDelivery]:
    from escalations.models import PageDelivery

    rows = PageDelivery.objects.filter(page=OuterRef("pk"), episode=OuterRef("episode"), person=person, purpose="page")
    return rows.exclude(state="cancelled")


def _handed_to(person: User) -> models.QuerySet[PageEvent, int]:
    from escalations.models import PageEvent

    return PageEvent.objects.filter(kind="handed_over", data__to=person.pk).values_list("page", flat=True)


class PageDeliveryQuerySet(models.QuerySet["PageDelivery"]):
    def due(self, now: datetime) -> PageDeliveryQuerySet:
        """What may be sent now: `now` is the desk's time, retries are the database's own."""
        fresh = Q(state="pending") & (Q(retry_at=None) | Q(retry_at__lte=Now()))
        return self.filter(fresh | Q(state="unknown", retry_at__lte=Now()), due_at__lte=now)

    def not_gathering(self, now: datetime) -> PageDeliveryQuerySet:
        """Without new pages to a contact that was paged just now: they go together, in a while.

        What was tried before (a repeat, a retry) doesn't wait.
        """
        from escalations.models import Gathering

        gathering = Gathering.objects.filter(contact=OuterRef("contact"), kind=OuterRef("page__kind"), until__gt=now)
        return self.exclude(Exists(gathering), purpose="page", attempt=0)

    def first_pages_first(self) -> PageDeliveryQuerySet:
        """Pages before notices, first pages before repeats, phones before mail, then the oldest."""
        again = Case(When(Q(state="unknown") | Q(round__gt=1), then=1), default=0, output_field=IntegerField())
        slow = Case(When(Q(contact=None, outside=None) | Q(contact__kind="email"), then=1), default=0)
        rank = Case(When(purpose="page", then=0), default=1, output_field=IntegerField())
        return self.alias(rank=rank, again=again, slow=slow).order_by("rank", "again", "slow", "due_at", "id")

    def carried_by(self, message: uuid.UUID) -> PageDeliveryQuerySet:
        """What one message to a person carries, with all that is said of it."""
        rows = self.filter(message=message, purpose="page", person__isnull=False).order_by("page_id", "pk")
        return rows.select_related(
            "page__ticket__organization", "page__policy", "page__acknowledged_by", "person", "contact", "outside"
        )

    def lease_over(self) -> PageDeliveryQuerySet:
        return self.filter(state="sending", lease_until__lte=Now())

    def still_wanted(self) -> PageDeliveryQuerySet:
        """What may go out at this very moment: asked once more right before each provider call."""
        alive = Q(person__is_active=True, contact__disabled_at=None) | Q(
            outside__isnull=False, outside__disabled_at=None
        )
        caused = {"ticket": rings(None, "page__ticket__"), "sla_breach": Exists(broken_for("page__"))}
        reviewed = ~Exists(waiting_for_review().filter(pk=OuterRef("page__escalation")))
        wanted: Q = ~Q(page__kind__in=list(caused)) & ~Q(reviewed, page__escalation__isnull=False)
        for kind, cause in caused.items():
            wanted |= Q(page__kind=kind) & Q(cause)
        held = Q(page__state__in=("acknowledged", "snoozed"), page__episode=F("episode"))
        paging = Q(purpose="page", page__state="ringing", page__episode=F("episode")) & wanted
        over = Q(purpose="resolved", page__state="ended")
        return self.filter(alive & (paging | (held & Q(purpose__in=("taken", "acked"))) | over))


class ContactMethodQuerySet(models.QuerySet["ContactMethod"]):
    def usable(self) -> ContactMethodQuerySet:
        """Verified, and not disabled by a provider's refusal."""
        return self.filter(verified_at__isnull=False, disabled_at=None)

    def kept(self) -> ContactMethodQuerySet:
        """Without those that their owner removed."""
        return self.exclude(details__has_key="removed_at")


class OnCallDeviceQuerySet(models.QuerySet["OnCallDevice"]):
    def valid(self, now: datetime) -> OnCallDeviceQuerySet:
        """Neither expired nor taken away, of somebody who is still here."""
        return self.filter(revoked_at=None, expires_at__gt=now, user__is_active=True)


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    def by_use(self) -> ScheduleQuerySet:
        """Those that tickets page by first, then by name."""
        from escalations.models import PolicyStep

        used = PolicyStep.objects.filter(policy__is_default=True, schedule=OuterRef("pk"))
        return self.alias(is_used=Exists(used)).order_by("-is_used", "name")


class OverrideQuerySet(models.QuerySet["Override"]):
    def not_over(self, at: datetime) -> OverrideQuerySet:
        return self.filter(ends_at__gt=at)


class LeaveQuerySet(models.QuerySet["Leave"]):
    def visible_to(self, user: User) -> LeaveQuerySet:
        """Why somebody is away is theirs and the leads' to know."""
        return self if may_edit_schedules(user) else self.filter(user=user)

    def not_over(self, at: datetime) -> LeaveQuerySet:
        return self.filter(ends_at__gt=at)


class SwapRequestQuerySet(models.QuerySet["SwapRequest"]):
    def visible_to(self, user: User) -> SwapRequestQuerySet:
        """The two colleagues', and the leads'."""
        return self if may_edit_schedules(user) else self.filter(Q(asked_by=user) | Q(asked_of=user))


class ShiftQuerySet(models.QuerySet["Shift"]):
    def between(self, since: datetime, until: datetime) -> ShiftQuerySet:
        """Those of which some part lies in between."""
        return self.filter(ends_at__gt=since, starts_at__lt=until)


class CoverageGapQuerySet(models.QuerySet["CoverageGap"]):
    def between(self, since: datetime, until: datetime) -> CoverageGapQuerySet:
        return self.filter(ends_at__gt=since, starts_at__lt=until)

    def unaccepted(self) -> CoverageGapQuerySet:
        """Without those that were confirmed when their schedule was saved."""
        return self.exclude(why="planned", schedule__gaps_accepted_at__isnull=False)
