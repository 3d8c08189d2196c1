"""The options of selects, written at once: a template would take longer for two hundred agents than for the page."""

from collections.abc import Iterable

from django.utils.safestring import SafeString, mark_safe

from supportdesk.lib.html import escaped
from tickets.staffing import Shift


def options(pairs: Iterable[tuple[object, str]], chosen: object = "") -> SafeString:
    """`<option>`s of (value, label) pairs."""
    return mark_safe("".join(_option(value, label, chosen) for value, label in pairs))  # noqa: S308 - escaped


def agent_options(shifts: Iterable[Shift], chosen: object = "") -> SafeString:
    """The agents by region, those on shift first."""
    groups = [
        f'<optgroup label="{escaped(shift.label)}">'
        + "".join(_option(agent.pk, agent.display_name, chosen) for agent in shift.agents)
        + "</optgroup>"
        for shift in shifts
    ]
    return mark_safe("".join(groups))  # noqa: S308 - escaped


def _option(value: object, label: str, chosen: object) -> str:
    selected = " selected" if str(value) == str(chosen) else ""
    return f'<option value="{escaped(value)}"{selected}>{escaped(label)}</option>'
