"""{% load figures %}: lengths of time and shares as the paging pages write them."""

from django import template

register = template.Library()

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@register.filter
def lasting(seconds: float | None) -> str:
    """`0.8 s`, `42 s`, `5 min 10 s`, `2 h 5 min`, `3 d 4 h`; nothing is a dash."""
    if seconds is None:
        return "–"
    if 0.05 <= seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, rest, smaller in ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "min"), (_MINUTE, "min", 1, "s")):
        if whole >= size:
            more = whole % size // rest
            return f"{whole // size} {unit} {more} {smaller}" if more else f"{whole // size} {unit}"
    return f"{whole} s"


@register.filter
def percent(share: float | None) -> str:
    """`99.8 %`; 100 only where it is all of them, nothing is a dash."""
    if share is None:
        return "–"
    shown = f"{share * 100:.1f}"
    if shown == "100.0":
        return "100 %" if share == 1 else "99.9 %"
    return f"{shown} %"
