"""What each customer of an update gets, as its page shows it before and after it is sent."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils.safestring import SafeString

from accounts.models import User
from escalations.engineering.unread import unread_among
from escalations.engineering.wording import written_to
from escalations.models import CustomerNotice, CustomerUpdate, Escalation
from supportdesk.lib.html import render_markdown
from tickets.models import Ticket

State = CustomerNotice.State
_ACTS: dict[State, tuple[str, ...]] = {
    State.OWED: ("change", "hold", "dismiss"),
    State.HELD: ("tell", "change", "dismiss"),
    State.DISMISSED: ("tell",),
}


@dataclass(frozen=True)
class Letter:
    """One customer's part; `is_late` where the others were told and this one was held back.

    `unread` says why nobody reads it, and is empty where somebody does.
    """

    notice: CustomerNotice
    html: SafeString
    is_late: bool
    unread: str

    @property
    def ticket(self) -> Ticket:
        return self.notice.link.ticket

    @property
    def acts(self) -> tuple[str, ...]:
        """What may be decided about it now: each is a form of its line."""
        return ("change", "dismiss") if self.has_failed else _ACTS.get(State(self.notice.state), ())

    @property
    def has_failed(self) -> bool:
        return self.notice.state == State.DUE and bool(self.notice.last_error)


def notices(escalation: Escalation, user: User) -> QuerySet[CustomerNotice]:
    """All of a record that stand and that `user` may read, with what a letter needs."""
    return every_notice(escalation, user).exclude(state=State.DROPPED)


def every_notice(escalation: Escalation, user: User) -> QuerySet[CustomerNotice]:
    """Also those that were overtaken."""
    return (
        CustomerNotice.objects.visible_to(user)
        .filter(update_of__escalation=escalation)
        .select_related(
            *("update_of", "message", "held_by", "told_by"),
            *("link__ticket__organization__plan", "link__ticket__requester"),
        )
    )


def named(words: str) -> Q:
    """Those whose organisation, requester or number the words name."""
    if not words:
        return Q()
    number = words.removeprefix("#")
    found = Q(link__ticket__organization__name__icontains=words) | Q(link__ticket__requester__name__icontains=words)
    if number.isascii() and number.isdigit() and len(number) < 19:
        found |= Q(link__ticket=int(number))
    return found


def letters(rows: Iterable[CustomerNotice], escalation: Escalation) -> list[Letter]:
    """A letter for each, of a record that is loaded. One query; a second one where somebody has gone."""
    notices = list(rows)
    unread = unread_among(notice.link.ticket for notice in notices)
    return [_letter(notice, escalation, unread.get(notice.link.ticket_id, "")) for notice in notices]


def _letter(notice: CustomerNotice, escalation: Escalation, unread: str) -> Letter:
    """What was sent as it was sent; else what would be sent now."""
    update = notice.update_of
    update.escalation = escalation
    is_late = notice.state in {State.HELD, State.DISMISSED} and update.state == CustomerUpdate.State.SENT
    if notice.message is not None:
        return Letter(notice, notice.message.html, is_late, unread)
    html = render_markdown(written_to(update, notice.link, own_text=notice.own_text))
    return Letter(notice, html, is_late, unread)
