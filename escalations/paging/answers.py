"""What an answer to a message came to, in words for a phone's screen and for the ear."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from accounts.models import User
from escalations.models import Page

HELP = "Reply A and a page's code to acknowledge it, E and its code to escalate."


@dataclass
class Answered:
    """The pages of a message by what an answer did to them."""

    by: User
    escalated: list[Page] = field(default_factory=list)
    held: list[tuple[Page, User]] = field(default_factory=list)
    over: list[Page] = field(default_factory=list)

    def written(self) -> str:
        return self._words(lambda page: page.subject)

    def spoken(self) -> str:
        return self._words(lambda page: f"ticket {' '.join(str(page.ticket_id))}", between=", and ")

    def _words(self, name: Callable[[Page], str], *, between: str = ", ") -> str:
        pages = [*self.escalated, *(page for page, _ in self.held), *self.over]
        if all(page.kind in Page.PRACTICE for page in pages):
            return "It was only a test. Thank you: it arrived." if not self.over else "That test is over."

        def listed(some: Sequence[Page]) -> str:
            return between.join(name(page) for page in some)

        holders: dict[User, list[Page]] = defaultdict(list)
        for page, holder in self.held:
            holders[holder].append(page)
        mine = holders.pop(self.by, [])
        said = [f"You have {listed(mine)}."] if mine else []
        for holder, some in holders.items():
            about = f": {listed(some)}" if len(pages) > 1 else ""
            said.append(f"Already taken by {holder.display_name}{about}.")
        if self.escalated:
            said.append(f"Escalated: {listed(self.escalated)}. The next step rings now.")
        if self.over:
            said.append(f"Over: {listed(self.over)}." if len(pages) > 1 else "That page is over.")
        return " ".join(said)
