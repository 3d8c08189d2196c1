"""Which escalations somebody may see, and what is owed to whom, as QuerySet vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Count, Exists, F, Max, OuterRef, Q
from django.db.models.functions import Coalesce, Greatest

from accounts.models import Role, User
from escalations.engineering.steps import ACTIVE, ENDED, Step

if TYPE_CHECKING:
    from escalations.models import (  # noqa: F401 - the querysets' parameters
        CustomerNotice,
        Escalation,
        EscalationLink,
        KnownIssue,
    )

_SEE_ALL = (Role.AGENT, Role.LEAD, Role.SET, Role.ADMIN)


class EscalationQuerySet(models.QuerySet["Escalation"]):
    def visible_to(self, user: User) -> EscalationQuerySet:
        """All for agents, leads, SET and admins; stakeholders see what their team or they were brought into."""
        if not user.is_active or not user.is_desk:
            return self.none()
        if user.role in _SEE_ALL:
            return self
        from escalations.models import Follower, TeamInvolved

        teams = TeamInvolved.objects.filter(escalation=OuterRef("pk"), team__in=teams_of(user))
        follows = Follower.objects.filter(escalation=OuterRef("pk"), user=user)
        return self.filter(Q(Exists(teams)) | Q(Exists(follows)))

    def followed_by(self, user: User) -> EscalationQuerySet:
        """What somebody wants to hear of: they follow it, or their team is in and they did not mute it."""
        from escalations.models import Follower, TeamInvolved

        teams = TeamInvolved.objects.filter(escalation=OuterRef("pk"), team__in=teams_of(user))
        follows = Follower.objects.filter(escalation=OuterRef("pk"), user=user)
        wanted = Q(Exists(follows)) | Q(Exists(teams))
        return self.visible_to(user).filter(wanted).exclude(Exists(follows.filter(is_muted=True)))

    def standing(self) -> EscalationQuerySet:
        """Without those that were merged into another."""
        return self.filter(merged_into=None)

    def active(self) -> EscalationQuerySet:
        return self.standing().filter(step__in=ACTIVE)

    def to_warn(self, now: datetime) -> EscalationQuerySet:
        """Those whose clocks the sweep is to look at: found by `escalation_to_warn`."""
        return self.filter(warn_at__lte=now)

    # --- What is easily forgotten: rows of the queues, each with the instant `sort_at` that they are sorted by --------

    def owing(self) -> EscalationQuerySet:
        """Those whose step's update wasn't sent, since when: found by `escalation_owing`."""
        return self.standing().filter(owes_update=True).annotate(sort_at=F("step_since"))

    def review_overdue(self, now: datetime) -> EscalationQuerySet:
        overdue = self.active().filter(step=Step.REQUESTED, review_due_at__lte=now)
        return overdue.annotate(sort_at=F("review_due_at"))

    def plan_overdue(self, now: datetime) -> EscalationQuerySet:
        return self.active().filter(step=Step.CONFIRMED, plan_due_at__lte=now).annotate(sort_at=F("plan_due_at"))

    def without_news(self, now: datetime) -> EscalationQuerySet:
        """Engineering is to be heard of by now, and wasn't."""
        return self.active().filter(news_due_at__lte=now).annotate(sort_at=F("news_due_at"))

    def waiting_for_information(self) -> EscalationQuerySet:
        """With `answered`: how many customers wrote since they were asked, and `last_answer_at`."""
        since = Q(links__is_active=True, links__replied_at__gt=F("step_since"))
        return (
            self.active()
            .filter(step=Step.NEEDS_INFORMATION)
            .annotate(
                sort_at=Coalesce("question_due_at", "step_since"),
                answered=Count("links", filter=since),
                last_answer_at=Max("links__replied_at", filter=since),
            )
        )

    def with_card_data(self) -> EscalationQuerySet:
        """What a card of the board shows, in one query."""
        return self.select_related("owner", "area").annotate(
            tickets=Count("links", filter=Q(links__unlinked_at=None), distinct=True)
        )


def who_see(escalation: Escalation, people: Iterable[User]) -> list[User]:
    """Those of `people` who see the record, as `visible_to` has it: asked for all of them at once, in two queries."""
    teams = set(escalation.teams.values_list("team", flat=True))
    followers = set(escalation.followers.values_list("user", flat=True))
    return [
        one
        for one in people
        if one.is_active
        and one.is_desk
        and (one.role in _SEE_ALL or one.pk in followers or not teams.isdisjoint(teams_of(one)))
    ]


class LinkQuerySet(models.QuerySet["EscalationLink"]):
    def visible_to(self, user: User) -> LinkQuerySet:
        """Those of the records that the person sees."""
        from escalations.models import Escalation

        return self.filter(escalation__in=Escalation.objects.visible_to(user).order_by())

    def standing(self) -> LinkQuerySet:
        """Tickets that are in the record, or were when it ended; not those taken out of it."""
        return self.filter(unlinked_at=None)

    def active(self) -> LinkQuerySet:
        return self.filter(is_active=True)

    def joined_by_customer(self) -> LinkQuerySet:
        """*This affects me too*: they know of it before anybody told them."""
        return self.filter(linked_by__role="")


class NoticeQuerySet(models.QuerySet["CustomerNotice"]):
    def visible_to(self, user: User) -> NoticeQuerySet:
        """Of a record that the person sees: those whose ticket is theirs to see, too (S054)."""
        return self if user.role in _SEE_ALL else self.filter(link__ticket__in=tickets_of(user))

    def to_do(self, now: datetime) -> NoticeQuerySet:
        """Those with a message to be brought into the ticket, or a ticket to be given back."""
        return self.filter(next_attempt_at__lte=now)

    def untold(self) -> NoticeQuerySet:
        """What a record's present step has to say and this customer wasn't told: found by `notice_untold`.

        A question interrupts a step: what the interrupted one had to say is waited for all the same.
        """
        rows = self.filter(state__in=("owed", "held", "due"), link__unlinked_at=None)
        of = "link__escalation"
        present = Q(update_of__step=F(f"{of}__step")) | Q(update_of__step=F(f"{of}__asked_from"))
        rows = rows.filter(present, **{f"{of}__merged_into": None})
        return rows.annotate(sort_at=F("update_of__created_at"))

    def of_a_fix(self) -> NoticeQuerySet:
        return self.filter(update_of__step__in=(Step.TESTED, Step.RELEASED))

    def of_no_fix(self) -> NoticeQuerySet:
        return self.exclude(update_of__step__in=(Step.TESTED, Step.RELEASED))

    def held(self) -> NoticeQuerySet:
        return self.filter(state="held")

    def told(self) -> NoticeQuerySet:
        return self.filter(state="sent")

    def followed(self, *states: str) -> NoticeQuerySet:
        """Those whose ticket has a later one in one of `states`: told now, they would come out of their order.

        A question doesn't count: it interrupts, and takes no place of what was to be said.
        """
        from escalations.models import CustomerNotice

        later = CustomerNotice.objects.filter(link=OuterRef("link"), pk__gt=OuterRef("pk"), state__in=states)
        return self.filter(Exists(later.exclude(update_of__step=Step.NEEDS_INFORMATION)))


def tickets_of(user: User) -> models.QuerySet[EscalationLink, int]:
    """The keys of the tickets in records that a stakeholder sees: those that were taken out are theirs no more."""
    from escalations.models import Escalation, EscalationLink

    seen = Escalation.objects.visible_to(user).values("pk")
    return EscalationLink.objects.standing().filter(escalation__in=seen).values_list("ticket_id", flat=True)


class KnownIssueQuerySet(models.QuerySet["KnownIssue"]):
    def published(self) -> KnownIssueQuerySet:
        """What customers may read."""
        return self.filter(published_at__isnull=False)

    def unfixed(self) -> KnownIssueQuerySet:
        return self.exclude(state="fixed")

    def with_truth(self) -> KnownIssueQuerySet:
        """With `record_step`, a duplicate's of the record that stays, and `is_untrue`: customers read of a fix that
        isn't released, or of none although the record is over. What was returned may well have a workaround."""
        is_fixed, is_released = Q(state="fixed"), Q(record_step=Step.RELEASED)
        is_answer = Q(state="workaround", record_step=Step.RETURNED)
        is_wrong = is_fixed & ~is_released | ~is_fixed & Q(record_step__in=ENDED) & ~is_answer
        is_untrue = Q(published_at__isnull=False) & is_wrong
        return self.annotate(record_step=_of_the_record_that_stays("step")).annotate(is_untrue=is_untrue)

    def untrue(self) -> KnownIssueQuerySet:
        """Those with a text that must be changed or withdrawn, since when."""
        since = Greatest("updated_at", _of_the_record_that_stays("step_since"))
        return self.with_truth().filter(Q(is_untrue=True)).annotate(sort_at=since)


def _of_the_record_that_stays(column: str) -> Coalesce:
    return Coalesce(f"escalation__merged_into__{column}", f"escalation__{column}")


def teams_of(user: User) -> list[str]:
    """The teams of stakeholders that the person's role is in."""
    from escalations.models import Involved

    return [team.value for team in Involved if user.role in team.roles]
