"""What happens when, to whom: the demo's requests with all their steps. Pure; the same seed tells the same stories."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from escalations.demo import people, timing
from escalations.demo.people import Company, Customer
from escalations.demo.stories import Story, Turn, fill, stories

ENDS = {"closed": 78, "given_up": 4, "solved": 12, "pending": 15, "on_hold": 8, "open": 20, "new": 9}
"""How many requests stand where; with three follow-ups and the one that rings they are 150."""

_URGENT, _HIGH = 1, 2
_LOOKING = (
    "Thank you, that is what we needed. We are looking into it and write again today.",
    "Got it, thank you. I try the same on a server of ours and tell you what I find.",
    "That narrows it down. I'm comparing it with two similar cases and come back to you.",
)
_REASONS = ("Waits for engineering", "Waits for the release team's answer", "Waits for a test on our large cluster")
_SET_NOTES = (
    "On our list. First look this week, I need the support packet for it.",
    "Seen before on 10.4 with the same plan. Let me compare the profiles.",
)
_RAISED = (
    "It has reached a second department, about 200 people can't work.",
    "We have an audit on Thursday and need this before.",
    "The workaround stopped helping.",
)
_MORE = (
    "One more thing that may help: it began after last night's restart.",
    "We tried another browser meanwhile, with the same result.",
)


@dataclass(frozen=True)
class Step:
    """One thing to be done by somebody at some time; `by` is an address."""

    at: datetime
    verb: str
    by: str
    text: str = ""
    files: tuple[str, ...] = ()
    value: int = 0


@dataclass
class Case:
    """One request from its opening on; `then` is the follow-up that its customer opens once it is Closed."""

    story: Story
    company: Company
    requester: Customer
    subject: str
    priority: int | None
    channel: str
    environment: str
    words: dict[str, str]
    cc: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    agent: str = ""


def cases(now: datetime, *, seed: int = 2026) -> list[Case]:
    """All requests but the one that rings."""
    ends = [end for end, number in ENDS.items() for _ in range(number)]
    Random(seed).shuffle(ends)
    all_stories = stories()
    made = []
    for number, end in enumerate(ends):
        nth, which = divmod(number, len(all_stories))
        writer = _Writer(Random(f"{seed}.{number}"), now, all_stories[which], end, nth)
        made.append((end, writer.write()))
    for story in all_stories:
        closed = [case for end, case in made if case.story is story and end == "closed"]
        if story.follow_up and closed:
            _follow_up(min(closed, key=lambda case: case.steps[0].at), now)
    return [case for _, case in made]


class _Writer:
    """Writes one case."""

    def __init__(self, rng: Random, now: datetime, story: Story, end: str, nth: int) -> None:
        self.rng, self.now, self.story, self.end, self.nth = rng, now, story, end, nth
        companies = [company for company in people.COMPANIES if not (company.plan == "premier" and self._would_ring())]
        self.company = rng.choices(companies, [company.share for company in companies])[0]
        staff = [person for person in people.CUSTOMERS if person.company == self.company.slug]
        self.requester = rng.choices(staff, [person.writes for person in staff])[0]
        self.colleagues = [person for person in staff if person is not self.requester]

    def write(self) -> Case:
        rng, story = self.rng, self.story
        channel = self._channel()
        case = Case(
            story=story,
            company=self.company,
            requester=self.requester,
            subject="",
            priority=self._priority(channel),
            channel=channel,
            environment=story.environment or rng.choices(["Production", "Staging", "Test"], [8, 2, 1])[0],
            words=self._words(),
            cc=self._copies(),
        )
        case.subject = fill(story.subjects[self.nth % len(story.subjects)], case.words)
        turns = self._turns(case)
        plan = timing.Plan(
            [turn.is_staffs for turn in turns], case.priority, self.company.time_zone, rng.randrange(2**32)
        )
        times = plan.fit(*timing.window(self.end, self.now, rng))
        region = timing.region_at(times[1] if turns else times[0])
        agents = [colleague.email for colleague in people.SUPPORT if colleague.region == region]
        case.agent = rng.choice(agents)
        case.steps = list(self._steps(case, turns, times, agents))
        return case

    # --- The request ----------------------------------------------------------------------------------------------
    def _would_ring(self) -> bool:
        """A new one at Premier that can't be anything but pressing: only one is to ring."""
        return self.end == "new" and max(self.story.priorities) <= _HIGH

    def _channel(self) -> str:
        doors = {"portal": 12, "api": 1}
        if self.company.plan in {"enterprise", "premier"}:
            doors["email"] = 5
        if self.end not in {"new", "given_up"}:
            doors["agent"] = 1
        return self.rng.choices(list(doors), list(doors.values()))[0]

    def _priority(self, channel: str) -> int | None:
        if channel == "email" and self.end in {"new", "open", "pending"}:
            return None
        priority = self.rng.choice(self.story.priorities)
        if self.end == "new" and self.company.plan == "premier":
            return max(self.story.priorities)
        return priority

    def _copies(self) -> list[str]:
        copies = []
        if self.colleagues and self.rng.random() < 0.3:
            copies.append(self.rng.choice(self.colleagues).email)
        if self.rng.random() < 0.12:
            copies.append(self.rng.choice(people.OUTSIDERS))
        return copies

    def _words(self) -> dict[str, str]:
        return {
            "version": self.company.version,
            "old_version": "9.5.14" if self.company.version.startswith("10") else "8.1.9",
            "users": self.company.users,
            "host": f"chat.{self.company.domain}",
            "count": str(self.rng.randint(12, 180)),
            "time": f"{self.rng.randint(7, 16):02}:{self.rng.randrange(0, 60, 5):02}",
            "db": self.company.database,
            "mobile": self.rng.choice(["2.22.0", "2.21.1", "2.20.3"]),
        }

    # --- The conversation -----------------------------------------------------------------------------------------
    def _turns(self, case: Case) -> list[Turn]:
        """The story's turns up to where this one stands."""
        turns = [turn for turn in self.story.turns if turn.verb != "thanks"]
        asks = [at for at, turn in enumerate(turns) if turn.verb == "ask"]
        replies = [at for at, turn in enumerate(turns) if turn.verb == "reply"]
        if self.end == "new":
            return [Turn("reply", self.rng.choice(_MORE))] if self.rng.random() < 0.25 else []
        if self.end in {"pending", "given_up"}:
            return turns[: self.rng.choice(asks) + 1]
        if self.end == "on_hold":
            held = [*turns[: self.rng.choice(replies) + 1], Turn("say", self.rng.choice(_LOOKING))]
            return [*held, Turn("hold", self.story.hold or self.rng.choice(_REASONS))]
        if self.end == "open":
            begun = turns[: self.rng.choice(replies) + 1]
            would_ring = case.company.plan == "premier" and (case.priority or 4) <= _HIGH
            answered = would_ring or self.rng.random() < 0.5
            return [*begun, Turn("say", self.rng.choice(_LOOKING))] if answered else begun
        return self._ended(turns)

    def _ended(self, turns: list[Turn]) -> list[Turn]:
        """To the solution; where the customer says so themselves, it was proposed and waited for."""
        if self.story.turns[-1].verb != "thanks" or self.rng.random() < 0.6:
            return turns
        return [*turns[:-1], replace(turns[-1], verb="ask"), Turn("thanks")]

    def _steps(self, case: Case, turns: list[Turn], times: list[datetime], agents: list[str]) -> Iterator[Step]:
        yield self._opening(case, times[0])
        if turns and turns[0].is_staffs:
            yield from self._taking(case, times[1])
        for turn, at in zip(turns, times[1:], strict=True):
            by = self._who(case, turn, at, agents)
            yield Step(at, turn.verb, by, fill(turn.text, case.words), turn.files)
        yield from self._extras(case, times)

    def _opening(self, case: Case, at: datetime) -> Step:
        text = fill(self.story.opening, case.words)
        if case.channel == "agent":
            return Step(at, "open", case.agent, f"Noted from your call, please correct me:\n\n{text}")
        return Step(at, "open", case.requester.email, text, self.story.files)

    def _taking(self, case: Case, answered: datetime) -> Iterator[Step]:
        """Before the first answer: sometimes taken, sometimes given out by the lead, mostly simply answered."""
        before = answered - timedelta(minutes=self.rng.uniform(2, 6))
        kind = self.rng.random()
        if kind < 0.25:
            yield Step(before, "assign", case.agent)
        elif kind < 0.45 and case.agent != "lea@desk.example":
            yield Step(before, "assign", "lea@desk.example")

    def _who(self, case: Case, turn: Turn, at: datetime, agents: list[str]) -> str:
        if turn.is_staffs or turn.verb == "hold":
            return self.rng.choice(agents) if turn.verb == "note" and self.rng.random() < 0.4 else case.agent
        copied = [person.email for person in self.colleagues if person.email in case.cc]
        return copied[0] if turn.verb == "reply" and copied and self.rng.random() < 0.2 else case.requester.email

    def _extras(self, case: Case, times: list[datetime]) -> Iterator[Step]:
        """What happens besides: a raised priority, a corrected field, a late CC, the engineer's note."""
        if len(times) > 2:
            between = times[1] + (times[2] - times[1]) / 2
            if self.end == "closed" and (case.priority or 0) > _HIGH and self.rng.random() < 0.12:
                yield Step(between, "raise", case.requester.email, self.rng.choice(_RAISED), value=case.priority - 1)  # type: ignore[operator]
            elif self.rng.random() < 0.08:
                yield Step(between, "version", case.agent, self.rng.choice(["10.4.2", "10.5.0"]))
            elif self.rng.random() < 0.08:
                yield Step(between, "cc", case.requester.email, people.OUTSIDERS[1])
        if self.end == "on_hold":
            yield Step(times[-1] + (self.now - times[-1]) / 3, "note", "sven@desk.example", self.rng.choice(_SET_NOTES))
        if self.end == "solved" and self.rng.random() < 0.25:
            yield Step(times[-1] + timedelta(minutes=3), "keep", case.agent)


def _follow_up(case: Case, now: datetime) -> None:
    """Days after it was closed its customer writes again."""
    rng = Random(case.subject)
    closed = max(step.at for step in case.steps) + timedelta(hours=49)
    at = closed + (now - closed) * rng.uniform(0.3, 0.6)
    case.steps.append(Step(at, "follow_up", case.requester.email, fill(case.story.follow_up, case.words)))
    for turn in case.story.follow_up_turns:
        at += (now - at) * rng.uniform(0.05, 0.2)
        by = case.agent if turn.is_staffs else case.requester.email
        case.steps.append(Step(at, turn.verb, by, fill(turn.text, case.words), turn.files))
