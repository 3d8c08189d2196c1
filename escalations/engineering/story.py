"""An escalation as one ticket's customer was told it: never further than their own messages went.

What was held back from them, and what others were told, isn't in it; nor is anything of the record itself but the
version that they were told to upgrade to.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import OuterRef, Prefetch, Subquery
from django.db.models.fields.json import KeyTextTransform

from escalations.engineering.steps import TO_RELEASE, Stage, Step
from escalations.engineering.versions import what_to_do
from escalations.models import CustomerNotice, EscalationEvent, EscalationLink
from tickets.models import Ticket

_MEANINGS = {
    Stage.REPORTED: "Our engineers look into it.",
    Stage.CONFIRMED: "It is a fault, and it is ours to mend.",
    Stage.PLAN: "We know how to mend it.",
    Stage.FIX_TESTED: "The fix has passed our own tests.",
    Stage.RELEASED: "You can download the fix.",
    Stage.ANSWERED: "The answer stands in the conversation.",
}


@dataclass(frozen=True)
class Mark:
    """One stage of the timeline; `at` None where they were told of a later one only."""

    stage: Stage
    at: datetime | None
    look: str

    @property
    def label(self) -> str:
        return self.stage.label

    @property
    def meaning(self) -> str:
        return _MEANINGS[self.stage]

    @property
    def is_current(self) -> bool:
        return self.look == "now"


@dataclass
class Story:
    """`failed`: a fix that they were told of did not hold. `is_over`: they were told that nothing more comes."""

    began_at: datetime
    reached: dict[Stage, datetime] = field(default_factory=dict)
    failed: bool = False
    is_over: bool = False
    version: str = ""
    upgrade: str = ""

    @property
    def current(self) -> Stage:
        return max(self.reached, key=list(Stage).index)

    @property
    def marks(self) -> list[Mark]:
        stages = (Stage.REPORTED, Stage.ANSWERED) if Stage.ANSWERED in self.reached else TO_RELEASE
        here = stages.index(self.current)
        looks = ["done"] * here + ["" if self.is_over else "now"] + ["todo"] * (len(stages) - here - 1)
        return [Mark(stage, self.reached.get(stage), look) for stage, look in zip(stages, looks, strict=True)]


def stories_of(tickets: Sequence[Ticket]) -> dict[int, list[Story]]:
    """The stories of those of `tickets` that have any, by number, the latest first: one query, two where there are."""
    released = EscalationEvent.objects.filter(
        escalation=OuterRef("update_of__escalation"),
        kind=EscalationEvent.Kind.MOVED,
        to_step=Step.RELEASED,
        at=OuterRef("update_of__created_at"),
    )
    # By the event: the record itself may name another version by now, which they were not told of.
    told = CustomerNotice.objects.told().select_related("update_of").order_by("sent_at", "pk")
    told = told.annotate(version=Subquery(released.values(version=KeyTextTransform("version", "data"))[:1]))
    links = EscalationLink.objects.standing().filter(ticket__in=tickets).select_related("linked_by")
    links = links.prefetch_related(Prefetch("notices", queryset=told)).order_by("-pk")
    versions = {ticket.pk: ticket.product_version for ticket in tickets}
    found: dict[int, list[Story]] = defaultdict(list)
    for link in links:
        if story := _story(link, link.notices.all(), running=versions[link.ticket_id]):
            found[link.ticket_id].append(story)
    return dict(found)


def _story(link: EscalationLink, told: Iterable[CustomerNotice], *, running: str) -> Story | None:
    """What the customer of `link` knows of it; None where they know of nothing."""
    told = list(told)
    by_customer = link.linked_by is not None and not link.linked_by.is_desk
    if not told and not by_customer:
        return None
    began = link.linked_at if by_customer else min(filter(None, (notice.sent_at for notice in told)))
    story = Story(began, {Stage.REPORTED: began})
    for notice in told:
        _tell(story, notice)
    story.upgrade = what_to_do(running, story.version)
    return story


def _tell(story: Story, notice: CustomerNotice) -> None:
    """The story goes on by one message."""
    update, stage, at = notice.update_of, notice.update_of.stage, notice.sent_at
    assert at is not None  # noqa: S101 - set with the state
    if update.failed:
        known = (Stage.REPORTED, Stage.CONFIRMED)
        story.reached = {stage: told for stage, told in story.reached.items() if stage in known}
        story.reached.setdefault(Stage.CONFIRMED, at)
        story.failed, story.version = True, ""
        return
    story.is_over = update.at_step is Step.WITHDRAWN
    if stage is None:
        return
    story.reached.setdefault(stage, at)
    if stage in {Stage.FIX_TESTED, Stage.RELEASED}:
        story.failed = False
    if stage is Stage.RELEASED:
        story.version = notice.version or ""  # type: ignore[attr-defined]
