"""Letting the demo's past happen: every step by the verb that a person would use, all requests side by side in time."""

import heapq
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from itertools import count
from random import Random
from uuid import UUID

from accounts.models import Organization, User
from escalations.demo import files, people, records
from escalations.demo.plot import Case, Step
from escalations.demo.stories import fill
from escalations.models import Escalation
from tickets import actions
from tickets.models import Category, Channel, Environment, Message, MobileDevice, Priority, Ticket
from tickets.sla import sweep
from tickets.states import Status


class Play:
    """The cast, what the form offers, and what is still to happen."""

    def __init__(self, cast: dict[str, User], now: datetime) -> None:
        self.cast, self.now = cast, now
        self.organizations = {row.slug: row for row in Organization.objects.select_related("plan")}
        self.categories = {row.name: row for row in Category.objects.all()}
        self.environments = {row.name: row for row in Environment.objects.all()}
        self.devices = list(MobileDevice.objects.all())
        self.tickets: dict[int, Ticket] = {}
        self.records: dict[int, Escalation] = {}
        self._due: dict[int, Step] = {}
        self._order = count()
        self._ahead: list[tuple[datetime, int, Case, Step]] = []
        self._rng = Random("files")

    def perform(self, cases: list[Case]) -> None:
        """Everything up to now, in the order of time, and the system's own moves when they fall due."""
        for case in cases:
            for step in case.steps:
                self._plan(case, step)
        while self._ahead:
            _, _, case, step = heapq.heappop(self._ahead)
            if step.verb in _SYSTEMS and self._due.get(id(case)) is not step:
                continue  # somebody was quicker
            sweep.act(now=step.at)
            _ACTS[step.verb](self, case, step)
            if step.verb in _MOVING:
                self._plan_systems_move(case)
        sweep.act(now=self.now)

    def _plan(self, case: Case, step: Step) -> None:
        if step.at <= self.now:
            heapq.heappush(self._ahead, (step.at, next(self._order), case, step))

    def _plan_systems_move(self, case: Case) -> None:
        self._due.pop(id(case), None)
        ticket = self.tickets[id(case)]
        ticket.refresh_from_db(fields=["close_due_at", "pending_due_at"])
        if due := ticket.close_due_at or ticket.pending_due_at:
            step = Step(due, "close" if ticket.close_due_at else "remind", "")
            self._due[id(case)] = step
            self._plan(case, step)

    # --- The verbs ------------------------------------------------------------------------------------------------
    def open(self, case: Case, step: Step) -> None:
        category = self.categories[case.story.category]
        on_mobile = category.concerns_mobile
        writer = self.cast[step.by]
        request = actions.Request(
            subject=case.subject,
            body=step.text,
            priority=Priority(case.priority) if case.priority else None,
            category=category,
            environment=self.environments[case.environment],
            product_version=case.company.version,
            mobile_version=case.words["mobile"] if on_mobile else "",
            mobile_device=self._rng.choice(self.devices) if on_mobile else None,
            cc=case.cc,
            uploads=self._uploads(writer, step),
        )
        self.tickets[id(case)] = actions.submit(
            self.cast[case.requester.email],
            by=writer,
            organization=self.organizations[case.company.slug],
            request=request,
            channel=Channel(case.channel),
            at=step.at,
        )

    def answer(self, case: Case, step: Step) -> None:
        submit_as = {"ask": Status.PENDING, "say": Status.OPEN, "solve": Status.SOLVED}[step.verb]
        writer = self.cast[step.by]
        actions.answer(
            self.tickets[id(case)],
            by=writer,
            body=step.text,
            submit_as=submit_as,
            at=step.at,
            uploads=self._uploads(writer, step),
        )

    def note(self, case: Case, step: Step) -> None:
        actions.add_note(self.tickets[id(case)], by=self.cast[step.by], body=step.text, at=step.at)

    def reply(self, case: Case, step: Step) -> Message:
        writer = self.cast[step.by]
        channel = Channel.EMAIL if case.channel == "email" else Channel.PORTAL
        return actions.reply(
            self.tickets[id(case)],
            by=writer,
            body=step.text,
            at=step.at,
            channel=channel,
            uploads=self._uploads(writer, step),
        )

    def follow_up(self, case: Case, step: Step) -> None:
        """From here on the case's steps are the new request's."""
        self.tickets[id(case)] = self.reply(case, step).ticket

    def thank(self, case: Case, step: Step) -> None:
        actions.mark_solved(self.tickets[id(case)], by=self.cast[step.by], at=step.at)

    def assign(self, case: Case, step: Step) -> None:
        to = self.cast[case.agent]
        actions.assign(self.tickets[id(case)], by=self.cast[step.by], to=to, at=step.at)

    def hold(self, case: Case, step: Step) -> None:
        actions.hold(self.tickets[id(case)], by=self.cast[step.by], reason=step.text, at=step.at)

    def raise_priority(self, case: Case, step: Step) -> None:
        to = Priority(step.value)
        actions.raise_priority(self.tickets[id(case)], by=self.cast[step.by], to=to, reason=step.text, at=step.at)

    def correct_version(self, case: Case, step: Step) -> None:
        changes = {"product_version": step.text}
        actions.change_fields(self.tickets[id(case)], by=self.cast[step.by], changes=changes, at=step.at)

    def copy_in(self, case: Case, step: Step) -> None:
        actions.add_cc(self.tickets[id(case)], by=self.cast[step.by], addresses=[step.text], at=step.at)

    def keep(self, case: Case, step: Step) -> None:
        actions.set_do_not_close(self.tickets[id(case)], by=self.cast[step.by], to=True, at=step.at)

    def close(self, case: Case, step: Step) -> None:
        """What the sweep would have done."""
        actions.close_solved(self.tickets[id(case)].number, now=step.at)

    def remind(self, case: Case, step: Step) -> None:
        """What the sweep would have done: remind, or solve in the end."""
        actions.follow_up_pending(self.tickets[id(case)].number, now=step.at)

    def _uploads(self, writer: User, step: Step) -> list[UUID]:
        return [
            actions.upload(writer, file=BytesIO(files.make(name, self._rng, step.at)), name=name, at=step.at).pk
            for name in step.files
        ]


_ACTS: dict[str, Callable[[Play, Case, Step], object]] = {
    "open": Play.open,
    "ask": Play.answer,
    "say": Play.answer,
    "solve": Play.answer,
    "note": Play.note,
    "reply": Play.reply,
    "reopen": Play.reply,
    "follow_up": Play.follow_up,
    "thanks": Play.thank,
    "assign": Play.assign,
    "hold": Play.hold,
    "raise": Play.raise_priority,
    "version": Play.correct_version,
    "cc": Play.copy_in,
    "keep": Play.keep,
    "close": Play.close,
    "remind": Play.remind,
    "escalate": records.escalate,
    "engineer": records.engineer,
}
_SYSTEMS = {"close", "remind"}
_MOVING = {"ask", "say", "solve", "reply", "reopen", "thanks", "hold", "remind", "escalate", "engineer"}
"""After these the system's next move is another."""
_RINGING = """For ten minutes **nobody** has been able to log in, and those who are in can't send.
All @users@ people are affected.

- both nodes answer with 500
- the database is up, `psql` from the node connects only now and then

```
FATAL: sorry, too many clients already
```

Please call if that is quicker."""


def ring(play: Play) -> Ticket:
    """rita's urgent request of this minute: it pages whoever is on call, by the engine itself."""
    rita = play.cast["rita@northwind.example"]
    northwind = next(company for company in people.COMPANIES if company.slug == "northwind")
    name = "too-many-clients.png"
    shot = actions.upload(rita, file=BytesIO(files.make(name, Random(name), play.now)), name=name, at=play.now)
    request = actions.Request(
        subject="Nobody can log in: database connections used up",
        body=fill(_RINGING, {"users": northwind.users}),
        priority=Priority.URGENT,
        category=play.categories["Database"],
        environment=play.environments["Production"],
        product_version=northwind.version,
        cc=["tom@northwind.example"],
        uploads=[shot.pk],
    )
    organization = play.organizations[northwind.slug]
    return actions.submit(
        rita, by=rita, organization=organization, request=request, channel=Channel.PORTAL, at=play.now
    )
