"""How far the telling of customers has come, in numbers and in words."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q

from accounts.models import User
from escalations.models import CustomerNotice, CustomerUpdate

State = CustomerNotice.State


@dataclass
class Progress:
    """Of one update: the number of notices by state; `failing` are those of the due that failed at least once."""

    owed: int = 0
    held: int = 0
    due: int = 0
    sent: int = 0
    failing: int = 0
    dismissed: int = 0

    @property
    def all(self) -> int:
        """All whom it is for: not those who are not to be told."""
        return self.owed + self.held + self.due + self.sent

    @property
    def to_tell(self) -> int:
        """Those who are not held back."""
        return self.all - self.held

    @property
    def is_running(self) -> bool:
        return self.due > 0

    @property
    def is_stuck(self) -> bool:
        """All that is left failed before and rests: there is nothing to be seen every second."""
        return 0 < self.due <= self.failing

    @property
    def words(self) -> str:
        parts = [f"Told {self.sent} of {self.all}"]
        parts += [f"{self.held} held back"] if self.held else []
        parts += [f"{self.dismissed} not to be told"] if self.dismissed else []
        parts += [f"{self.failing} could not be told yet"] if self.failing else []
        return ", ".join(parts)


def of(updates: Iterable[CustomerUpdate], user: User) -> dict[int, Progress]:
    """The progress of each update by its key, as far as `user` sees its tickets, in one query."""
    rows = (
        CustomerNotice.objects.visible_to(user)
        .filter(update_of__in=[update.pk for update in updates])
        .order_by()
        .values_list("update_of", "state")
        .annotate(number=Count("pk"), failing=Count("pk", filter=Q(state=State.DUE) & ~Q(last_error="")))
    )
    found: dict[int, Progress] = defaultdict(Progress)
    for update, state, number, failing in rows:
        if state != State.DROPPED:
            setattr(found[update], state, number)
            found[update].failing += failing
    return found
