"""{% load tickets %}: messages, countdowns and deadlines, written without templates: pages are full of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from supportdesk.lib import clock
from supportdesk.lib.html import markup
from supportdesk.lib.tags import ago, deadline, exact, face, icon
from tickets.mail.remarks import SENTENCES
from tickets.models import Channel, IncomingMail, Message
from tickets.models.sla import span_in_words
from tickets.sla.countdown import Countdown
from tickets.sla.countdown import duration as in_words
from tickets.sla.explain import Explanation
from tickets.sla.terms import Target
from tickets.standing import Owed

register = template.Library()

_MESSAGE = (
    '<article class="msg{}" id="message-{}">{}<div><header><b>{}</b>{} <span class="small muted">{}{}{}</span></header>'
    '{}<div class="body prose">{}</div>{}{}{}</div></article>\n'
)
_MAILED = (
    '<div class="came-by"><span class="row wrap">{}from {}, {} · <a class="link" href="{}">Download the original'
    '<span class="vh"> mail of {}</span></a></span>{}</div>'
)
_QUOTED = '<details class="more quoted"><summary>Show quoted text</summary><div class="prose">{}</div></details>'
_REMARK = '<span class="row top-line">{}<span>{}</span></span>'
_NOTE_BADGE = mark_safe(' <span class="badge warn">Internal note</span>')
_STAFF_BADGE = ' <span class="badge">{} Support</span>'


@register.simple_tag
def message(said: Message, audience: str, below: str = "") -> SafeString:
    """A message with its author and attachments loaded; `audience` "staff" adds the door that it came through, and of
    a mail (`original`, to be loaded too) whom it was from and what there is to say about it; "stakeholder" doesn't.

    `below` is HTML to stand under it.
    """
    return markup(
        _MESSAGE,
        " note" if said.is_note else "",
        said.pk,
        face(said.author, "l"),
        said.author.display_name if said.author else settings.SITE_NAME,
        _badge(said),
        _by_itself(said),
        f"by {said.get_channel_display()} · " if audience == "staff" and not said.is_note else "",
        ago(said.created_at),
        _mailed(said) if audience == "staff" else "",
        said.html,
        markup(_QUOTED, mark_safe(said.quoted_html)) if said.quoted_html else "",  # noqa: S308 - sanitised when stored
        _attached(said),
        below,
    )


def _by_itself(said: Message) -> str:
    if not said.is_automatic:
        return ""
    return "sent by a machine · " if said.channel == Channel.EMAIL else "automatic · "


def remarks_of(said: Message) -> Sequence[str]:
    """The remarks on the mail that it came by; none where it came by another door."""
    mail = getattr(said, "original", None)
    return mail.remarks if mail is not None else ()


def _mailed(said: Message) -> SafeString:
    mail: IncomingMail | None = getattr(said, "original", None)
    if mail is None:
        return SafeString("")
    told = [markup(_REMARK, icon("info"), SENTENCES[remark]) for remark in mail.remarks if remark in SENTENCES]
    return markup(
        _MAILED,
        icon("mail"),
        mail.sender or "nobody",
        "verified" if mail.is_verified else "not verified",
        reverse("mail_original", args=[mail.pk]),
        mail.sender or "nobody",
        mark_safe("".join(told)),  # noqa: S308 - each is escaped
    )


def _badge(said: Message) -> SafeString:
    if said.is_note:
        return _NOTE_BADGE
    return markup(_STAFF_BADGE, settings.VENDOR_NAME) if said.from_staff else SafeString("")


def _attached(said: Message) -> Any:
    shown = said.body_html + said.quoted_html
    files = [file for file in said.attachments.all() if not (file.is_inline and str(file.pk) in shown)]
    return render_to_string("tickets/_attachments.html", {"attachments": files}) if files else ""


# --- Promises ------------------------------------------------------------------------------------------------------

DRAWINGS = {"calm": "clock", "warning": "triangle-alert", "breached": "flame", "paused": "circle-pause"}
_TIME = '<time datetime="{}" title="{}">{}</time>'
_TICKING = '<time datetime="{}" data-left="{}" data-until="{}"{}>{}</time>'


@register.simple_tag
def due(dt: datetime | None) -> SafeString:
    """`14:30`, `Tue 14:30` or `Tue 24 Nov, 14:30` in the viewer's zone, exact on hover."""
    if dt is None:
        return SafeString("")
    local = timezone.localtime(dt)
    shown = deadline(local, timezone.localtime(clock.now()))
    return markup(_TIME, dt.isoformat(timespec="seconds"), exact(local), shown)


@register.simple_tag
def moment(dt: datetime | None) -> SafeString:
    """`Fri 20 Nov 2026, 16:30 EST`, in the viewer's zone."""
    if dt is None:
        return SafeString("")
    return markup('<time datetime="{}">{}</time>', dt.isoformat(timespec="seconds"), exact(timezone.localtime(dt)))


@register.simple_tag
def owed(what: Sequence[Owed]) -> SafeString:
    """`a first answer by Tue 14:30 and a solution by Fri 14:30`; what is late is `overdue since`."""
    parts = [_owed(one) for one in what]
    return mark_safe(" and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts))  # noqa: S308 - each is escaped


def _owed(one: Owed) -> SafeString:
    if one.due_at is None:
        return markup("{}", one.what)
    return markup("{}{} {}", one.what, ", overdue since" if one.is_late else " by", due(one.due_at))


@register.simple_tag
def countdown(told: Countdown | None) -> SafeString:
    """`1 h 12 m left` by icon, word and colour; counts on by itself while its hours run."""
    if told is None:
        return SafeString("")
    return markup('<span class="sla {}">{}{}</span>', told.look, icon(DRAWINGS[told.look]), ticking(told))


def ticking(told: Countdown) -> SafeString:
    """The time that is left, which scripts count on; it stands still while its hours are closed, or it is paused."""
    if not told.runs or told.clock.due_at is None:
        return markup("{}", told.time)
    until = told.until.isoformat(timespec="seconds") if told.until else ""
    days = mark_safe(" data-days") if told.in_days else ""
    return markup(_TICKING, told.clock.due_at.isoformat(timespec="seconds"), told.seconds, until, days, told.time)


_WENT = '<span class="sla {}">{}{}</span>'
_ENDS = {
    "met": ("met", "circle-check", "Met"),
    "met_late": ("breached", "flame", "Met late"),
    "ended": ("paused", "circle-stop", "Ended"),
    "unpromised": ("paused", "timer-off", "Not promised"),
}


@register.simple_tag
def how_it_went(one: Explanation) -> SafeString:
    """How a promise stands, or went: by icon, word and colour."""
    if one.countdown is not None:
        return countdown(one.countdown)
    look, drawing, word = _ENDS[one.state]
    return markup(_WENT, look, icon(drawing), word)


@register.filter
def target(promised: Target) -> str:
    """`8 business hours`; `1 hour`"""
    return span_in_words(promised.minutes, promised.kind)


@register.filter
def duration(length: Any) -> str:
    """A length of time: `1 h 12 m`; nothing is a dash."""
    return in_words(int(length.total_seconds())) if length else "–"
