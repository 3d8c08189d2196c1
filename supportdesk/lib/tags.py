"""{% load desk %}: the small parts that every page is made of, quick enough for a table of fifty rows.

None of them queries; `user`, `dt` and the rest are what the page has loaded already.
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, Select, Textarea
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from lucide.templatetags.lucide import lucide as draw

from supportdesk.lib import clock
from supportdesk.lib.html import markup

register = template.Library()

STATUSES = {
    "new": ("new", "New"),
    "open": ("open", "Open"),
    "pending": ("pending", "Pending"),
    "on_hold": ("hold", "On-hold"),
    "solved": ("solved", "Solved"),
    "closed": ("closed", "Closed"),
}
PRIORITIES = {
    1: ("urgent", "Urgent", "chevrons-up"),
    2: ("high", "High", "chevron-up"),
    3: ("normal", "Normal", "minus"),
    4: ("low", "Low", "chevron-down"),
}
_MINUTE, _HOUR = 60, 3600
_WEEK = 7
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, size: int = 16) -> SafeString:
    """A lucide drawing that screen readers pass over: a word stands with it, or the button is labelled."""
    drawn = " ".join(draw(str(name), size=size, aria_hidden="true").split())
    return mark_safe(drawn.replace("<svg", '<svg class="icon"', 1).replace("> <", "><"))  # noqa: S308 - from a package


@register.simple_tag
def status_chip(status: str, audience: str = "staff") -> SafeString:
    """The status as a chip; customers see On-hold as Open (`audience="customer"`)."""
    if audience == "customer" and status == "on_hold":
        status = "open"
    return _chip(str(status))


@lru_cache(maxsize=16)
def _chip(status: str) -> SafeString:
    look, word = STATUSES[status]
    return format_html('<span class="chip {}">{}</span>', look, word)


@register.simple_tag
@lru_cache(maxsize=16)
def priority_mark(priority: int | None) -> SafeString:
    """The priority by icon, word and colour; None is a ticket that has none yet."""
    if priority is None:
        return format_html('<span class="prio unset">{}No priority yet</span>', icon("circle-dashed"))
    look, word, drawing = PRIORITIES[int(priority)]
    return format_html('<span class="prio {}">{}{}</span>', look, icon(drawing), word)


@register.simple_tag
def plan_badge(plan_name: Any) -> SafeString:
    """The support plan; nothing when there is none."""
    return _badge(str(plan_name)) if plan_name else SafeString("")


@lru_cache(maxsize=64)
def _badge(plan_name: str) -> SafeString:
    look = "badge premier" if plan_name.casefold() == "premier" else "badge"
    return format_html('<span class="{}">{}</span>', look, plan_name)


@register.simple_tag
def face(user: Any, size: str = "", *, alone: bool = False) -> SafeString:
    """The person's initials; `alone=True` where no name stands beside it, `size="l"` in conversations."""
    if not user:
        return mark_safe('<span class="face none" title="Nobody">–<span class="vh">Nobody</span></span>')
    name = getattr(user, "display_name", "") or str(user)
    looks = " ".join(filter(None, ("face", size, "" if getattr(user, "is_desk", False) else "c")))
    if not alone:
        return markup('<span class="{}" aria-hidden="true">{}</span>', looks, initials(name))
    shown = '<span class="{}" title="{}"><span aria-hidden="true">{}</span><span class="vh">{}</span></span>'
    return markup(shown, looks, name, initials(name), name)


def initials(name: str) -> str:
    """Two letters: of the first and last word, or the first two of the only one."""
    words = [word for word in name.replace(".", " ").replace("_", " ").split() if word[0].isalnum()]
    if not words:
        return name[:2] or "?"
    return words[0][:2] if len(words) == 1 else words[0][0] + words[-1][0]


# --- Times, in the zone that is current (the viewer's) -------------------------------------------------------------


@register.simple_tag
def server_now() -> str:
    """The desk's present instant, so that scripts count from it and not from the reader's own clock."""
    return clock.now().isoformat(timespec="seconds")


@register.simple_tag
def ago(dt: datetime | None, *, short: bool = False) -> SafeString:
    """`6 min ago`, with the exact local time on hover; `short=True` leaves out the word, for table cells."""
    if dt is None:
        return SafeString("")
    zone = timezone.get_current_timezone()
    local = dt.astimezone(zone)
    return markup(
        '<time datetime="{}" title="{}" data-ago="{}">{}</time>',
        dt.isoformat(timespec="seconds"),
        exact(local),
        "short" if short else "long",
        relative(local, clock.now().astimezone(zone), short=short),
    )


@register.simple_tag
def when(dt: datetime | None) -> SafeString:
    """The exact local time, with its weekday and zone on hover."""
    if dt is None:
        return SafeString("")
    local = timezone.localtime(dt)
    shown = f"{_day(local)} {local.year}, {local.hour:02}:{local.minute:02}"
    return markup('<time datetime="{}" title="{}">{}</time>', dt.isoformat(timespec="seconds"), exact(local), shown)


@register.simple_tag
def hours(starts: datetime, ends: datetime) -> SafeString:
    """`Mon 23 Nov, 09:00 to 17:00`, with the day of the end where it is another; exact on hover."""
    first, last = timezone.localtime(starts), timezone.localtime(ends)
    until = f"{last:%H:%M}" if first.date() == last.date() else _weekday_and_time(last, first.year)
    return markup(
        '<time datetime="{}" title="{} to {}">{} to {}</time>',
        starts.isoformat(timespec="seconds"),
        exact(first),
        exact(last),
        _weekday_and_time(first, timezone.localtime(clock.now()).year),
        until,
    )


def _weekday_and_time(local: datetime, year: int) -> str:
    named = f"{_WEEKDAYS[local.weekday()]} {_day(local)}"
    return f"{named}, {local:%H:%M}" if local.year == year else f"{named} {local.year}, {local:%H:%M}"


@register.simple_tag
def clock_time(dt: datetime | None) -> SafeString:
    """`14:30` today, else with its day, and the exact local time on hover."""
    if dt is None:
        return SafeString("")
    zone = timezone.get_current_timezone()
    local = dt.astimezone(zone)
    shown = deadline(local, clock.now().astimezone(zone))
    return markup('<time datetime="{}" title="{}">{}</time>', dt.isoformat(timespec="seconds"), exact(local), shown)


def deadline(local: datetime, now: datetime) -> str:
    """`14:30` today, `Tue 14:30` within the week, `Tue 24 Nov, 14:30` beyond: both in the viewer's zone."""
    clock_time = f"{local.hour:02}:{local.minute:02}"
    days = (local.date() - now.date()).days
    if days == 0:
        return clock_time
    weekday = _WEEKDAYS[local.weekday()]
    return f"{weekday} {clock_time}" if abs(days) < _WEEK else f"{weekday} {_day(local)}, {clock_time}"


def exact(local: datetime) -> str:
    """`Mon 23 Nov 2026, 14:02 CET`"""
    clock_time = f"{local.hour:02}:{local.minute:02} {local.tzname() or ''}"
    return f"{_WEEKDAYS[local.weekday()]} {_day(local)} {local.year}, {clock_time.rstrip()}"


def relative(local: datetime, now: datetime, *, short: bool = False) -> str:
    """How long before (or after) `now`; by the calendar of their zone from a day on."""
    seconds = (now - local).total_seconds()
    size = abs(seconds)
    if size < _MINUTE:
        return "now" if short else "just now"
    if size < 24 * _HOUR:
        length = f"{int(size // _MINUTE)} min" if size < _HOUR else f"{int(size // _HOUR)} h"
        if seconds < 0:
            return f"in {length}"
        return length if short else f"{length} ago"
    return _by_calendar(local.date(), now.date(), short=short)


def _by_calendar(day: date, today: date, *, short: bool) -> str:
    days = (today - day) // timedelta(days=1)
    if days == 1:
        return "yesterday"
    if days == -1:
        return "tomorrow"
    if 1 < days < _WEEK:
        return f"{days} days" if short else f"{days} days ago"
    if -_WEEK < days < -1:
        return f"in {-days} days"
    return _day(day) if day.year == today.year else f"{_day(day)} {day.year}"


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]}"


# --- Forms ---------------------------------------------------------------------------------------------------------


@register.simple_tag
def field(bound: BoundField, **attrs: Any) -> SafeString:
    """A form field with label above, help under and errors beside it, wired together for screen readers.

    `label`, `help` and `wrap` (further classes of the box) replace the form's own; anything else becomes an
    attribute of the input, underscores as dashes: `{% field form.body rows=6 data_key="r" %}`.
    """
    label = attrs.pop("label", bound.label)
    help_text = attrs.pop("help", bound.help_text)
    wrap = attrs.pop("wrap", "")
    if bound.is_hidden:
        return bound.as_widget()
    parts = {
        "label": label,
        "optional": _optional(bound),
        "help": _help(bound, help_text),
        "errors": _errors(bound),
        "widget": bound.as_widget(attrs=_input_attrs(bound, attrs, help_text)),
        "described": _described(bound, help_text),
        "wrap": wrap,
        "id": bound.id_for_label,
    }
    if isinstance(bound.field.widget, CheckboxInput):
        return format_html(_CHECK, **parts)
    return format_html(_GROUP if bound.use_fieldset else _FIELD, **parts)


_FIELD = '<div class="field {wrap}"><label for="{id}">{label}{optional}</label>{widget}{help}{errors}</div>'
_CHECK = '<div class="field check {wrap}">{widget}<label for="{id}">{label}</label>{help}{errors}</div>'
_GROUP = (
    '<fieldset class="field {wrap}" aria-describedby="{described}"><legend>{label}{optional}</legend>'
    '<div class="choices">{widget}</div>{help}{errors}</fieldset>'
)


def _input_attrs(bound: BoundField, attrs: dict[str, Any], help_text: str) -> dict[str, Any]:
    made = {name.replace("_", "-"): value for name, value in attrs.items() if value is not None}
    widget = bound.field.widget
    if not bound.use_fieldset and not isinstance(widget, CheckboxInput):
        made["class"] = " ".join(filter(None, (widget.attrs.get("class"), "in", made.get("class"))))
        if described := _described(bound, help_text):
            made["aria-describedby"] = described
    if widget.attrs.get("placeholder") == bound.label and "placeholder" not in made:
        made["placeholder"] = ""  # the label stands above: a placeholder that repeats it only disappears
    if isinstance(widget, Textarea) and "rows" not in made:
        made["rows"] = widget.attrs.get("rows", 6)
    if isinstance(widget, Select):
        made.pop("placeholder", None)
    return made


def _optional(bound: BoundField) -> SafeString:
    return SafeString("") if bound.field.required else mark_safe(' <span class="opt">optional</span>')


def _help(bound: BoundField, text: str) -> SafeString:
    return format_html('<div class="help" id="{}_help">{}</div>', bound.auto_id, text) if text else SafeString("")


def _errors(bound: BoundField) -> SafeString:
    if not bound.errors:
        return SafeString("")
    lines = format_html_join(" ", "<span>{}</span>", ((error,) for error in bound.errors))
    return format_html(
        '<div class="error" id="{}_error">{}<div>{}</div></div>', bound.auto_id, icon("circle-alert"), lines
    )


def _described(bound: BoundField, help_text: str) -> str:
    ids = [f"{bound.auto_id}_help"] if help_text else []
    return " ".join([*ids, f"{bound.auto_id}_error"] if bound.errors else ids)


@register.simple_tag
def form_errors(form: Any) -> SafeString:
    """What is wrong with the form as a whole; each field says its own."""
    errors = form.non_field_errors() if form is not None and form.is_bound else ()
    if not errors:
        return SafeString("")
    lines = format_html_join("", "<p>{}</p>", ((error,) for error in errors))
    return format_html('<div class="errors" role="alert" tabindex="-1">{}</div>', lines)
