"""What an answer to a message came to, in words for a phone's screen and for the ear."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from accounts.models import User
from escalations.models import Page

HELP = "Reply A and a page's code to acknowledge it, E and its code to escalate."


@dataclass
class Answered:
    """The pages of a message by what an answer did to them; those that ring on had been answered by it before."""

    by: User
    escalated: list[Page] = field(default_factory=list)
    held: list[tuple[Page, User]] = field(default_factory=list)
    over: list[Page] = field(default_factory=list)
    rings_on: list[Page] = field(default_factory=list)

    @property
    def pages(self) -> list[Page]:
        return [*self.escalated, *(page for page, _ in self.held), *self.over, *self.rings_on]

    def written(self) -> str:
        return self._words(Manner(lambda page: page.subject, 20, "You have "))

    def spoken(self) -> str:
        return self._words(Manner(lambda page: f"ticket {' '.join(str(page.ticket_id))}", 5, "You have it: "))

    def _words(self, manner: "Manner") -> str:
        pages = self.pages
        if all(page.kind in Page.PRACTICE for page in pages):
            return "That test is over." if self.over else "It was only a test. Thank you: it arrived."
        holders: dict[User, list[Page]] = defaultdict(list)
        for page, holder in self.held:
            holders[holder].append(page)
        mine = holders.pop(self.by, [])
        said = [f"{manner.yours}{manner.listed(mine)}."] if mine else []
        for holder, some in holders.items():
            about = f": {manner.listed(some)}" if len(pages) > 1 else ""
            said.append(f"Already taken by {holder.display_name}{about}.")
        if self.escalated:
            said.append(f"Escalated: {manner.listed(self.escalated)}. The next step rings now.")
        if self.over:
            said.append(f"Over: {manner.listed(self.over)}." if len(pages) > 1 else "That page is over.")
        if self.rings_on:
            said.append(f"Answered before, and ringing anew: {manner.listed(self.rings_on)}. Open the page.")
        return " ".join(said)


@dataclass(frozen=True)
class Manner:
    """How pages are named for the eye or the ear, and how many before it is enough."""

    name: Callable[[Page], str]
    most: int
    yours: str

    def listed(self, pages: Sequence[Page]) -> str:
        more = f" and {len(pages) - self.most} more" if len(pages) > self.most else ""
        return ", ".join(self.name(page) for page in pages[: self.most]) + more
