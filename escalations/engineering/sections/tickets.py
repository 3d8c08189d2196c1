"""The tickets of a record: whose they are, what their customers were told last and what not, what they answered."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Exists, OuterRef, Q
from django.http import HttpRequest, QueryDict
from django.middleware.csrf import get_token
from django.utils.safestring import SafeString

from escalations.engineering import access
from escalations.engineering.board import unseen
from escalations.engineering.ticket_menus import Menus
from escalations.engineering.unread import unread_among
from escalations.engineering.views.gate import viewer
from escalations.models import CustomerNotice, Escalation, EscalationLink
from supportdesk.lib import keyset
from supportdesk.lib.errors import Invalid

State = CustomerNotice.State
_AT_ONCE = 12
_LONGEST = 100
SHOWN = {"": "All", "replied": "New replies", "held": "Held back", "solved": "Solved"}


@dataclass
class Row:
    """`told` is what the customer was told last; `held` what they were not told, each with its reason.

    `unread` says why nobody reads what is told there, and is empty where somebody does; `menu` is what may be done.
    """

    link: EscalationLink
    unread: str = ""
    told: CustomerNotice | None = None
    held: list[CustomerNotice] = field(default_factory=list)
    menu: SafeString | None = None

    @property
    def new_reply_at(self) -> datetime | None:
        """When the customer wrote what nobody has looked at yet."""
        wrote, seen = self.link.replied_at, self.link.seen_reply_at
        return wrote if wrote is not None and (seen is None or seen < wrote) else None


def context(escalation: Escalation, request: HttpRequest) -> dict[str, Any]:
    """Five queries: the numbers, a page of tickets, who has gone, what was told last and what is held back."""
    asked, me = _asked(request), viewer(request)
    words = asked.get("find", "").replace("\x00", "").strip()[:_LONGEST]
    show = asked.get("show", "") if asked.get("show", "") in SHOWN else ""
    standing = EscalationLink.objects.standing().filter(escalation=escalation)
    page = _page_of(_narrowed(standing, words, show), asked.get("tickets", ""))
    kept = {name: value for name, value in (("find", words), ("show", show)) if value}
    here = _query(kept, asked.get("tickets", ""))
    rows = _rows(page.rows)
    if access.may_word(me):
        _add_menus(rows, Menus(escalation.get_absolute_url(), escalation.reference, get_token(request), here))
    return {
        "rows": rows,
        "numbers": standing.aggregate(**_NUMBERS),
        "find": words,
        "show": show,
        "shown": SHOWN.items(),
        "previous": _query(kept, page.newer),
        "next": _query(kept, page.older),
        "refused": getattr(request, "_refused_at", None),
    }


def refused_at(request: HttpRequest, ticket: int, sentence: str) -> None:
    """Show the refusal of a verb at its ticket, when the section is rendered for this request."""
    request._refused_at = (ticket, sentence)  # type: ignore[attr-defined]


_SHOWN_OF_A_ROW = (
    *("is_active", "finish_as", "replied_at", "seen_reply_at", "ticket__subject", "ticket__status"),
    *("ticket__product_version", "ticket__requester__name", "ticket__requester__email", "ticket__requester__is_active"),
    *("ticket__organization__name", "ticket__organization__is_active", "ticket__organization__plan__name"),
)
_HELD = Exists(CustomerNotice.objects.filter(link=OuterRef("pk"), state=State.HELD))
_SOLVED = Q(ticket__status__in=("solved", "closed"))
_NUMBERS = {
    "tickets": Count("pk"),
    "organizations": Count("ticket__organization", distinct=True),
    "replied": Count("pk", filter=unseen()),
    "solved": Count("pk", filter=_SOLVED),
}


def _asked(request: HttpRequest) -> QueryDict:
    """The address's filters and page; of a verb's form those of the page that it stood on."""
    return QueryDict(request.POST.get("shown", "")) if request.method == "POST" else request.GET


def _narrowed(rows: Any, words: str, show: str) -> Any:
    wanted = {"replied": unseen(), "held": Q(_HELD), "solved": _SOLVED}.get(show, Q())
    named = Q()
    if words:
        named = Q(ticket__subject__icontains=words) | Q(ticket__organization__name__icontains=words)
        named |= Q(ticket__requester__name__icontains=words)
        number = words.removeprefix("#")
        named |= Q(ticket=int(number)) if number.isascii() and number.isdigit() and len(number) < 19 else Q()
    return rows.filter(wanted & named)


def _page_of(rows: Any, cursor: str) -> keyset.Page[EscalationLink]:
    rows = rows.select_related("ticket__organization__plan", "ticket__requester").only(*_SHOWN_OF_A_ROW)
    try:
        return keyset.page_of(rows, by="id", size=_AT_ONCE, cursor=cursor, ascending=True)
    except Invalid:
        return keyset.page_of(rows, by="id", size=_AT_ONCE, ascending=True)


def _rows(links: list[EscalationLink]) -> list[Row]:
    unread = unread_among(link.ticket for link in links)
    rows = {link.pk: Row(link, unread.get(link.ticket_id, "")) for link in links}
    notices = CustomerNotice.objects.filter(link__in=rows).select_related("update_of")
    notices = notices.only("link", "sent_at", "held_why", "update_of__step")
    for notice in notices.filter(state=State.SENT).order_by("link_id", "-sent_at", "-id").distinct("link_id"):
        rows[notice.link_id].told = notice
    for notice in notices.filter(state=State.HELD).order_by("id"):
        rows[notice.link_id].held.append(notice)
    return list(rows.values())


def _add_menus(rows: list[Row], menus: Menus) -> None:
    for row in rows:
        row.menu = menus.of(row.link, has_new_reply=row.new_reply_at is not None)


def _query(kept: dict[str, str], cursor: str) -> str:
    asked = {**kept, "tickets": cursor} if cursor else kept
    return urlencode(asked)
