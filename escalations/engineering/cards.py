"""The board's cards, written without a template: three hundred of them are most of what the page costs."""

from collections.abc import Mapping

from django.utils.safestring import SafeString, mark_safe

from escalations.engineering.board import Card, Reported
from escalations.engineering.steps import RULES, Move, Step
from escalations.engineering.tags import counted, severity_mark
from supportdesk.lib.html import markup
from supportdesk.lib.tags import ago, face, icon, plan_badge

_CARD = (
    '<li class="slip" data-card{}><div class="slip-top"><span class="num">{}</span>{}<span class="push">{}</span></div>'
    '<a class="lead" href="{}" id="{}" data-open draggable="false">{}</a><p class="tiny muted">{}</p>'
    '<div class="slip-foot"><span>{}</span>{}</div>{}</li>\n'
)
_MENU = (
    '<details class="menu slip-moves"><summary class="btn quiet short" data-key="m" data-key-label="Move">{}Move'
    '<span class="vh"> {}</span></summary><div class="sheet-in">{}</div></details>'
)
_CHOICE = '<a href="{}"{}>{}</a>'
_REASON = mark_safe(' data-refuses="Its customers are still to be told."')


def card_html(card: Card, *, prefix: str, may_move: bool) -> SafeString:
    """One card; with its menu of moves for who may make them. `prefix` is the board's own address."""
    escalation = card.escalation
    address = f"{prefix}{escalation.reference}/"
    return markup(
        _CARD,
        _REASON if escalation.owes_update else "",
        escalation.reference,
        severity_mark(escalation.severity),
        ago(escalation.step_since, short=True),
        address,
        escalation.reference,
        escalation.title,
        _from_whom(card),
        _badges(card),
        face(escalation.owner, alone=True),
        _menu(card, address) if may_move else "",
    )


def _from_whom(card: Card) -> str:
    reported, area = card.reported, card.escalation.area
    number = f"{counted(reported.tickets, 'ticket')}, {counted(reported.organizations, 'organisation')}"
    return f"{area.name} · {number}" if area else number


def _badges(card: Card) -> SafeString:
    escalation, reported = card.escalation, card.reported
    owed = [("hot", "megaphone", "Update owed")] if escalation.owes_update else []
    late = [("hot", "clock-alert", words) for words in card.overdue]
    news = [*owed, *late, *_from_customers(reported)]
    version = _version(card)
    shown = [markup('<span class="badge {}">{}{}</span>', *_drawn(*badge)) for badge in [*news, *version]]
    return mark_safe("".join([*shown, _best_plan(reported.plans)]))  # noqa: S308 - each is escaped


def _drawn(look: str, drawing: str, words: str) -> tuple[str, SafeString, str]:
    return look, icon(drawing, 12), words


def _from_customers(reported: Reported) -> list[tuple[str, str, str]]:
    wrote = [("warn", "message-square", f"{reported.replied} new")] if reported.replied else []
    return [*wrote, ("ok", "check", "customer says solved")] if reported.solved else wrote


def _version(card: Card) -> list[tuple[str, str, str]]:
    escalation = card.escalation
    if escalation.fixed_version:
        return [("ok", "package-check", escalation.fixed_version)]
    return [("", "package", f"comes with {escalation.comes_with}")] if escalation.comes_with else []


def _best_plan(plans: Mapping[str, int]) -> SafeString:
    """The plan that gives most: it is what a card is looked at for."""
    return plan_badge(next(iter(plans), ""))


def _menu(card: Card, address: str) -> SafeString:
    owed = [_choice(f"{address}update/", None, "Tell the customers…")] if card.escalation.owes_update else []
    moves = [_choice(f"{address}move/{move.value}/", to, _label(move, to)) for move, to in card.moves]
    if not owed and not moves:
        return SafeString("")
    choices = mark_safe("".join([*owed, *moves]))  # noqa: S308 - each is escaped
    return markup(_MENU, icon("move-right", 12), card.escalation.reference, choices)


def _choice(address: str, to: Step | None, words: str) -> SafeString:
    return markup(_CHOICE, address, markup(' data-to="{}"', to.value) if to else "", words)


def _label(move: Move, to: Step) -> str:
    return f"{move.label} to {RULES[to].label}" if move is Move.RESUME else f"{move.label}…"
