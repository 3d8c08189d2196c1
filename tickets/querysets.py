"""Which tickets, messages and files somebody may see, and the filters of lists, as QuerySet vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce, Now

from accounts.models import Membership, Role, SupportPlan, User
from tickets import sight
from tickets.states import UNFINISHED, Status

if TYPE_CHECKING:
    from tickets.models import (  # noqa: F401 - the querysets' parameters
        Attachment,
        BlockedSender,
        IncomingMail,
        Message,
        Participant,
        Survey,
        Ticket,
    )

_SEE_ALL = (Role.AGENT, Role.LEAD, Role.SET, Role.ADMIN)
# The order of triage, indexed as these expressions: without a priority yet a ticket counts as High (2), and one that
# nobody waits for comes after those that somebody does.
TRIAGE_RANK = Coalesce(F("priority"), Value(2))
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
TRIAGE_WAIT = Coalesce(F("waiting_since"), Value(_NEVER))
NEXT_DUE = Coalesce(F("next_due_at"), Value(_NEVER))
"""What breaches next comes first, what nothing is owed for last."""


class TicketQuerySet(models.QuerySet["Ticket"]):
    def visible_to(self, user: User) -> TicketQuerySet:
        """The role table: own, CC'd, and for managers their organisation's; agents, leads, SET and admins see all.

        A requester keeps a request only while still a member of its organisation (S054). Stakeholders see what they
        are brought into (`sight`).
        """
        if not user.is_active:
            return self.none()
        if user.is_desk:
            return self if user.role in _SEE_ALL else self.filter(sight.brought_into(user))
        return self.filter(self._mine(user) | self._managed(user) | self._copied(user))

    def visible_parts(self, user: User) -> Iterator[TicketQuerySet]:
        """What `visible_to` holds, cut so that an index answers each part: for long lists of all somebody may see.

        The parts come one by one, the likeliest first: who looks for one ticket may stop where it is found.
        """
        if user.is_desk or not user.is_active:
            yield self.visible_to(user)
            return
        yield self.filter(self._mine(user))
        yield from (self.filter(organization=pk) for pk in _organizations(user, role=Membership.Role.MANAGER))
        yield self.filter(self._copied(user))

    def of_person(self, user: User) -> TicketQuerySet:
        """Those the person follows: as requester or in copy."""
        return self.filter(self._mine(user) | self._copied(user))

    @staticmethod
    def _mine(user: User) -> Q:
        return Q(requester=user) & (Q(organization=None) | Q(organization__in=_organizations(user)))

    @staticmethod
    def _managed(user: User) -> Q:
        return Q(organization__in=_organizations(user, role=Membership.Role.MANAGER))

    @staticmethod
    def _copied(user: User) -> Q:
        from tickets.models import Participant

        return Q(pk__in=Participant.objects.current().filter(user=user).values("ticket_id"))

    def heard(self) -> TicketQuerySet:
        """Those of whose customers' side somebody is mailed what is said: its requester, while they still see it, or a
        copy (as `notifications.audience` has it)."""
        from tickets.models import Participant

        belongs = Membership.objects.active().filter(
            user=OuterRef("requester"), organization=OuterRef("organization"), organization__is_active=True
        )
        sees = Q(requester__is_active=True) & (~Q(requester__role="") | Q(organization=None) | Q(Exists(belongs)))
        return self.filter(sees | Q(Exists(Participant.objects.reachable().filter(ticket=OuterRef("pk")))))

    def unfinished(self) -> TicketQuerySet:
        return self.filter(status__in=UNFINISHED)

    def unassigned(self) -> TicketQuerySet:
        return self.filter(assignee=None)

    def close_due(self, now: datetime) -> TicketQuerySet:
        return self.filter(close_due_at__lte=now, status=Status.SOLVED, do_not_close=False)

    def pending_due(self, now: datetime) -> TicketQuerySet:
        return self.filter(pending_due_at__lte=now, status=Status.PENDING, do_not_close=False)

    def with_triage(self) -> TicketQuerySet:
        """`due`, `rank` and `waits`, which never are null: the orders of the queue are by them and the id."""
        return self.annotate(due=NEXT_DUE, rank=TRIAGE_RANK, waits=TRIAGE_WAIT)

    def with_row_data(self) -> TicketQuerySet:
        """What a row of a list shows, in one query."""
        return self.select_related("organization__plan", "requester", "assignee", "category")


def _organizations(user: User, **filters: str) -> models.QuerySet[Membership, int]:
    return (
        Membership.objects.active()
        .filter(user=user, organization__is_active=True, **filters)
        .values_list("organization_id", flat=True)
    )


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, user: User) -> MessageQuerySet:
        """The messages of visible tickets; notes for the staff only."""
        from tickets.models import Ticket

        seen = Ticket.objects.visible_to(user).filter(pk=OuterRef("ticket_id"))
        messages = self.filter(Exists(seen))
        return messages if user.is_desk else messages.public()

    def public(self) -> MessageQuerySet:
        return self.filter(is_public=True)


class ParticipantQuerySet(models.QuerySet["Participant"]):
    def current(self) -> ParticipantQuerySet:
        """Those still copied in and confirmed, without people who have since left the ticket's organisation (S054)."""
        return self.standing().filter(is_pending=False)

    def reachable(self) -> ParticipantQuerySet:
        """Those of them who are mailed: not where the account, or one with that address, is shut."""
        shut = User.objects.filter(is_active=False, email=OuterRef("email"))
        return self.current().exclude(user__is_active=False).exclude(Exists(shut))

    def standing(self) -> ParticipantQuerySet:
        """The same, and those that wait to be confirmed."""
        memberships = Membership.objects.filter(
            user=OuterRef("user"), organization=OuterRef("ticket__organization")
        ).order_by()
        left = memberships.filter(ended_at__gte=OuterRef("added_at"))
        return self.filter(removed_at=None).exclude(Exists(left) & ~Exists(memberships.active()))

    def pending(self) -> ParticipantQuerySet:
        """Those that a mail copied in and nobody has confirmed yet."""
        return self.filter(removed_at=None, is_pending=True)


class IncomingMailQuerySet(models.QuerySet["IncomingMail"]):
    def visible_to(self, user: User) -> IncomingMailQuerySet:
        """Held mail is for leads and admins (the role table of the domain)."""
        return self if user.is_active and user.is_lead else self.none()

    def readable_by(self, user: User) -> IncomingMailQuerySet:
        """Those whose original somebody may have: what they may sort, and for the staff the messages that they see."""
        from tickets.models import Message

        if user.is_lead or not user.is_desk:
            return self.visible_to(user)
        return self.filter(Exists(Message.objects.visible_to(user).filter(pk=OuterRef("message_id"))))

    def due(self) -> IncomingMailQuerySet:
        """Those to be read now, by the database's clock."""
        return self.filter(state="waiting", next_attempt_at__lte=Now())

    def unsettled(self) -> IncomingMailQuerySet:
        """Held or quarantined, and nobody of the staff has dealt with it."""
        return self.filter(state__in=["held", "quarantined"], settled_at=None)


class BlockedSenderQuerySet(models.QuerySet["BlockedSender"]):
    def current(self) -> BlockedSenderQuerySet:
        return self.filter(lifted_at=None)

    def blocks(self, address: str) -> bool:
        """Whether `address`, folded, or its whole domain is blocked."""
        domain = address.rpartition("@")[2]
        return self.current().filter(pattern__in=[address, f"@{domain}"]).exists()


class SurveyQuerySet(models.QuerySet["Survey"]):
    def due(self, now: datetime) -> SurveyQuerySet:
        return self.filter(due_at__lte=now)

    def visible_to(self, user: User) -> SurveyQuerySet:
        """A customer's own requests'; for the staff those of the tickets that they see."""
        from tickets.models import Ticket

        seen = self.filter(Exists(Ticket.objects.visible_to(user).filter(pk=OuterRef("ticket_id"))))
        return seen if user.is_desk else seen.filter(ticket__requester=user)

    def rated(self) -> SurveyQuerySet:
        return self.exclude(rated_at=None)

    def between(self, start: datetime, end: datetime) -> SurveyQuerySet:
        """Those first answered from `start` until before `end`."""
        return self.filter(rated_at__gte=start, rated_at__lt=end)

    def of_plan(self, plan: SupportPlan) -> SurveyQuerySet:
        return self.filter(ticket__organization__plan=plan)

    def of_assignee(self, user: User) -> SurveyQuerySet:
        return self.filter(ticket__assignee=user)

    def csat(self) -> float | None:
        """Customer satisfaction: good / (good + bad), from 0 to 1; None where nobody has rated."""
        good = Count("pk", filter=Q(rating="good"))
        counted = self.rated().aggregate(good=good, all=Count("pk"))
        return counted["good"] / counted["all"] if counted["all"] else None


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    def visible_to(self, user: User) -> AttachmentQuerySet:
        """Files of messages that the person sees, and own uploads not sent yet."""
        from tickets.models import Message

        seen = Message.objects.visible_to(user).filter(pk=OuterRef("message_id"))
        return self.filter(Exists(seen) | Q(message=None, uploaded_by=user))

    def unsent_by(self, user: User) -> AttachmentQuerySet:
        return self.filter(message=None, uploaded_by=user)
