"""Drafts that stories of schedules begin with, and the form that the editor would send of them."""

from datetime import date, time
from typing import Any

from accounts.models import User
from escalations.editor.typed import typed
from escalations.paging.drafts import EVERY_DAY, LayerDraft, ScheduleDraft, WindowDraft

ANCHOR = date(2026, 11, 23)


def window(starts: int, ends: int, *, weekdays: str = EVERY_DAY) -> WindowDraft:
    """Full hours; one that ends by the time it starts ends the next day."""
    return WindowDraft(weekdays, time(starts), time(ends), int(ends <= starts))


def layer(name: str, *members: User, zone: str = "UTC", hours: WindowDraft | None = None, **fields: Any) -> LayerDraft:
    made = {"days": 7, "anchor": ANCHOR, "hand_over": time(9)} | fields
    return LayerDraft(
        name=name,
        zone=zone,
        members=tuple(member.pk for member in members),
        windows=(hours,) if hours else (),
        **made,
    )


def schedule(*layers: LayerDraft, name: str = "Support", purpose: str = "") -> ScheduleDraft:
    return ScheduleDraft(name, purpose, layers)


def bare_local_hours(sydney: User, berlin: User, new_york: User) -> ScheduleDraft:
    """Eight local hours each, which meet exactly in the northern winter: 0, 8 and 16 o'clock UTC."""
    return schedule(
        layer("Asia-Pacific", sydney, zone="Australia/Sydney", hours=window(11, 19)),
        layer("Europe", berlin, zone="Europe/Berlin", hours=window(9, 17)),
        layer("Americas", new_york, zone="America/New_York", hours=window(11, 19)),
    )


def form(draft: ScheduleDraft, *, version: int = 0, **more: Any) -> dict[str, Any]:
    """What the browser sends of it; further fields, such as a button, by name (`l0_zone` for `l0-zone`)."""
    text = typed(draft)
    data: dict[str, Any] = {"name": text.name, "purpose": text.purpose, "gaps_why": "", "version": version}
    data["layers"] = len(text.layers)
    for number, row in enumerate(text.layers):
        data |= {f"l{number}-{name}": getattr(row, name) for name in ("name", "zone", "days", "anchor", "hand_over")}
        data |= {f"l{number}-members": len(row.members), f"l{number}-windows": len(row.windows)}
        data |= {f"l{number}-m{place}-person": member for place, member in enumerate(row.members)}
        for place, hours in enumerate(row.windows):
            data |= {f"l{number}-w{place}-{name}": value for name, value in vars(hours).items()}
    return data | more
