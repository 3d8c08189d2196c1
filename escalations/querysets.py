"""Which pages somebody may see, and what the engine looks for, as QuerySet vocabulary."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, When
from django.db.models.functions import Coalesce, Now

from accounts.models import User
from escalations.access import is_responder
from tickets.models import Channel, EventKind, Priority, SlaClock, TicketEvent
from tickets.states import UNFINISHED, Status

if TYPE_CHECKING:
    from escalations.models import (  # noqa: F401 - the querysets' parameters
        ContactMethod,
        Override,
        Page,
        PageDelivery,
    )
    from tickets.sla.querysets import SlaClockQuerySet


def rings(active_from: datetime | None, prefix: str = "") -> Q:
    """A ticket rings ("24x7 paging for Premier" in the domain description); `prefix` leads to it, such as "ticket__".

    Its plan pages, it is Urgent or High, New or Open, and a customer waits. What had been waiting since before
    `active_from`, or came by import, rings only for what its customer did after: a reply, a reopening, a raise.
    """

    def q(**conditions: object) -> Q:
        return Q(**{f"{prefix}{name}": value for name, value in conditions.items()})

    pressing = q(status__in=(Status.NEW, Status.OPEN), priority__lte=Priority.HIGH)
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


class PageQuerySet(models.QuerySet["Page"]):
    def visible_to(self, user: User | AnonymousUser) -> PageQuerySet:
        """All of them for those who may answer a page: agents, leads, SET and admins."""
        return self if is_responder(user) else self.none()

    def open(self) -> PageQuerySet:
        return self.filter(state__in=("ringing", "acknowledged"))

    def ringing(self) -> PageQuerySet:
        return self.filter(state="ringing")

    def due(self, now: datetime) -> PageQuerySet:
        return self.filter(state="ringing", next_action_at__lte=now)

    def acknowledgement_over(self, now: datetime) -> PageQuerySet:
        return self.filter(state="acknowledged", acknowledged_until__lte=now)


class PageDeliveryQuerySet(models.QuerySet["PageDelivery"]):
    def due(self, now: datetime) -> PageDeliveryQuerySet:
        """What may be sent now: `now` is the desk's time, retries are the database's own."""
        fresh = Q(state="pending") & (Q(retry_at=None) | Q(retry_at__lte=Now()))
        return self.filter(fresh | Q(state="unknown", retry_at__lte=Now()), due_at__lte=now)

    def first_pages_first(self) -> PageDeliveryQuerySet:
        """Pages before notices, first pages before repeats, phones before mail, then the oldest."""
        again = Case(When(Q(state="unknown") | Q(round__gt=1), then=1), default=0, output_field=IntegerField())
        slow = Case(When(contact__kind="demo_phone", then=0), default=1, output_field=IntegerField())
        return self.alias(again=again, slow=slow).order_by("purpose", "again", "slow", "due_at", "id")

    def lease_over(self) -> PageDeliveryQuerySet:
        return self.filter(state="sending", lease_until__lte=Now())

    def still_wanted(self) -> PageDeliveryQuerySet:
        """What may go out at this very moment: asked once more right before each provider call."""
        alive = Q(page__episode=F("episode"), person__is_active=True, contact__disabled_at=None)
        caused = {"ticket": rings(None, "page__ticket__"), "sla_breach": Exists(broken_for("page__"))}
        wanted = ~Q(page__kind__in=list(caused))
        for kind, cause in caused.items():
            wanted |= Q(page__kind=kind) & Q(cause)
        paging = Q(purpose="page", page__state="ringing") & wanted
        notice = Q(purpose="taken", page__state="acknowledged")
        return self.filter(alive & (paging | notice))


class ContactMethodQuerySet(models.QuerySet["ContactMethod"]):
    def usable(self) -> ContactMethodQuerySet:
        """Verified, and not disabled by a provider's refusal; demo phones exist in the demo and in tests only."""
        usable = self.filter(verified_at__isnull=False, disabled_at=None)
        return usable.exclude(kind="demo_phone") if settings.DESK_ENV == "production" else usable


class OverrideQuerySet(models.QuerySet["Override"]):
    def not_over(self, at: datetime) -> OverrideQuerySet:
        return self.filter(ends_at__gt=at)
