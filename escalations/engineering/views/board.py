"""The board: every record in the column of its step; and the list of all there ever were."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from accounts.models import SupportPlan, User
from escalations.engineering import access, filters
from escalations.engineering.board import Column, cards, columns, light
from escalations.engineering.cards import card_html
from escalations.engineering.filters import MINE, NOBODY, Filters
from escalations.engineering.steps import ACTIVE, RULES, Step
from escalations.engineering.views.gate import on_the_board, viewer
from escalations.models import Escalation, Severity
from supportdesk.lib import clock, keyset
from supportdesk.lib.errors import Invalid
from supportdesk.lib.http import page
from supportdesk.lib.kept import Kept
from tickets.choices import lists
from tickets.views.agent.options import options

_AT_ONCE = 50


@dataclass(frozen=True)
class Lane:
    """A column as the page draws it; `is_chosen` on phones, which have room for one.

    `more` aren't drawn: `all` leads to where they are, for what is over the list, else this column in full.
    """

    step: Step
    count: int
    more: int
    cards: SafeString
    is_ended: bool
    is_chosen: bool
    tab: str
    all: str


@on_the_board
@require_safe
def escalation_board(request: HttpRequest) -> HttpResponseBase:
    """Columns by step, narrowed by the address's filters; `step` chooses the one that a phone shows, `whole` is
    shown in full.
    """
    me, asked = viewer(request), filters.read(request.GET.dict())
    narrowed = Filters(**{**vars(asked), "step": ""})
    rows = filters.narrowed(Escalation.objects.visible_to(me), narrowed, by=me)
    whole = request.GET.get("whole", "")
    found = columns(rows, now=clock.now(), whole=whole if whole in ACTIVE else "")
    context = {
        "lanes": _lanes(found, asked, me),
        "total": sum(column.count for column in found),
        "may_move": access.may_move(me),
        **_selects(narrowed, me),
    }
    return page(request, "escalations/engineering/board.html", context)


def _lanes(found: list[Column], asked: Filters, me: User) -> list[Lane]:
    prefix, may_move = reverse("escalation_board"), access.may_move(me)
    chosen = next((column.step.value for column in found if column.cards), found[0].step.value)
    return [
        Lane(
            column.step,
            column.count,
            column.count - len(column.cards),
            _joined(card_html(card, prefix=prefix, may_move=may_move) for card in column.cards),
            column.is_ended,
            column.step.value == (asked.step or chosen),
            asked.query(step=column.step.value),
            _all_of(column, asked),
        )
        for column in found
    ]


def _all_of(column: Column, asked: Filters) -> str:
    step = column.step.value
    if column.is_ended:
        return reverse("escalation_list") + asked.query(step=step)
    return reverse("escalation_board") + asked.query(step=step, whole=step)


def _joined(parts: Iterable[str]) -> SafeString:
    return mark_safe("".join(parts))  # noqa: S308 - each part is escaped


@on_the_board
@require_safe
def escalation_list(request: HttpRequest) -> HttpResponseBase:
    """All records, the merged ones too, newest first, page by page."""
    me, asked = viewer(request), filters.read(request.GET.dict())
    rows = light(filters.narrowed(Escalation.objects.visible_to(me), asked, by=me))
    found = _page_of(rows, request.GET.get("page", ""))
    context = {
        "cards": cards(found.rows, now=clock.now()),
        "newer": asked.query(page=found.newer) if found.newer else "",
        "older": asked.query(page=found.older) if found.older else "",
        "steps": options([("", "Any step"), *((step.value, rule.label) for step, rule in RULES.items())], asked.step),
        **_selects(asked, me),
    }
    return page(request, "escalations/engineering/list.html", context)


def _page_of(rows: Any, cursor: str) -> keyset.Page[Escalation]:
    try:
        return keyset.page_of(rows, by="id", size=_AT_ONCE, cursor=cursor)
    except Invalid:
        return keyset.page_of(rows, by="id", size=_AT_ONCE)


# --- The filters' form ---------------------------------------------------------------------------------------------

_plans = Kept(lambda: [(str(plan.pk), plan.name) for plan in SupportPlan.objects.order_by("-rank")])


@Kept
def _owners() -> list[tuple[str, str]]:
    """Whom records may belong to."""
    people = User.objects.active().filter(role__in=access.MOVERS).order_by("name", "email")
    return [(str(person.pk), person.display_name) for person in people]


def _selects(asked: Filters, me: User) -> dict[str, Any]:
    areas = [(str(entry.pk), entry.name) for entry in lists()["category"]]
    mine = [(MINE, "Mine")] if access.may_own(me) else []
    return {
        "filters": asked,
        "severities": options([("", "Any severity"), *Severity.choices], asked.severity),
        "areas": options([("", "Any area"), *areas], asked.area),
        "owners": options([("", "Any owner"), *mine, (NOBODY, "Nobody"), *_owners()], asked.owner),
        "plans": options([("", "Any plan"), *_plans()], asked.plan),
    }
