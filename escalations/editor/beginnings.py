"""Ways to begin a schedule: drafts with the hours filled in and the people of each region offered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Region, User
from escalations.access import RESPONDERS
from escalations.editor.forms import monday
from escalations.editor.typed import Typed, TypedLayer, TypedWindow, typed
from escalations.paging.drafts import EVERY_DAY, LayerDraft, ScheduleDraft, WindowDraft, in_one_zone, widened

WEEKEND_ZONE = "America/Los_Angeles"


@dataclass(frozen=True)
class Beginning:
    """A way to begin: what it is called, and what it fills in."""

    key: str
    name: str
    text: str
    picture: str
    fill: Callable[[datetime], Typed]


def follow_the_sun(at: datetime) -> Typed:
    """A layer for each region, in turns by the week, with its hours in UTC: they tile the day whatever clocks do."""
    return typed(_regions(at))


def follow_the_sun_locally(at: datetime) -> Typed:
    """The same hours on each region's own clock, begun an hour earlier and ended an hour later."""
    draft = _regions(at)
    local = (
        in_one_zone(ScheduleDraft("", "", (layer,)), zone, at=at).layers[0]
        for layer, zone in zip(draft.layers, _zones(), strict=True)
    )
    return typed(widened(ScheduleDraft(draft.name, draft.purpose, tuple(local))))


def one_rotation(at: datetime) -> Typed:
    layer = TypedLayer(name="Weekly rotation", anchor=monday(at))
    return Typed(name="", purpose="", layers=[layer])


def nothing(at: datetime) -> Typed:
    return Typed()


def add_weekend(form: Typed, at: datetime) -> None:
    """A layer on top from Friday 17:00 to Monday 9:00 US Pacific; its people are still to be named."""
    window = TypedWindow(["5"], "17:00", "09:00", "3")
    friday = (datetime.fromisoformat(monday(at)) + timedelta(days=4)).date().isoformat()
    form.layers.insert(0, TypedLayer("Weekend", WEEKEND_ZONE, "7", friday, "17:00", windows=[window]))


BEGINNINGS: Sequence[Beginning] = (
    Beginning(
        "sun",
        "Follow the sun",
        "A layer for each region. The hours are kept in UTC, so that they meet whatever clocks do.",
        "sun",
        follow_the_sun,
    ),
    Beginning(
        "local",
        "Follow the sun, local hours",
        "A layer for each region, on its own clock, with an hour more at both ends for changes of clocks.",
        "clock",
        follow_the_sun_locally,
    ),
    Beginning("weekly", "One weekly rotation", "A few people take turns, a week each.", "repeat", one_rotation),
    Beginning("nothing", "From nothing", "An empty schedule, to which you add layers.", "plus", nothing),
)


def _regions(at: datetime) -> ScheduleDraft:
    people: dict[int, list[int]] = {}
    for user in User.objects.active().filter(role__in=RESPONDERS, region__isnull=False).order_by("name", "email"):
        people.setdefault(user.region_id or 0, []).append(user.pk)
    layers = (_region(region, tuple(people.get(region.pk, [])), at) for region in Region.objects.all())
    return ScheduleDraft("", "", tuple(layers))


def _region(region: Region, people: tuple[int, ...], at: datetime) -> LayerDraft:
    over_midnight = region.shift_ends <= region.shift_starts
    return LayerDraft(
        name=region.name,
        zone="UTC",
        days=7,
        anchor=datetime.fromisoformat(monday(at)).date(),
        hand_over=region.shift_starts,
        members=people,
        windows=(WindowDraft(EVERY_DAY, region.shift_starts, region.shift_ends, int(over_midnight)),),
    )


def _zones() -> list[str]:
    return list(Region.objects.values_list("time_zone", flat=True))
