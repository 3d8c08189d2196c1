"""The lists that people choose their zone, country and region from (tz database, ISO 3166)."""

from functools import lru_cache
from typing import Any

import pycountry

from supportdesk.lib.fields import time_zones

_PLACES = "Africa America Antarctica Arctic Asia Atlantic Australia Europe Indian Pacific"
Choices = list[tuple[str, Any]]


@lru_cache(maxsize=1)
def _zones() -> list[tuple[str, list[tuple[str, str]]]]:
    zones = sorted(time_zones())
    return [
        (place, [(zone, zone.partition("/")[2].replace("_", " ")) for zone in zones if zone.startswith(f"{place}/")])
        for place in _PLACES.split()
    ]


def zone_choices(blank: str = "", present: str = "") -> Choices:
    """All zones by continent, and UTC; `blank` is what choosing none is called, `present` one that stays on offer."""
    plain = [("UTC", "UTC")] + ([(present, present)] if present not in {"", "UTC"} and not _is_listed(present) else [])
    return [*([("", blank)] if blank else []), *plain, *_zones()]


def _is_listed(zone: str) -> bool:
    return zone.partition("/")[0] in _PLACES.split()


@lru_cache(maxsize=1)
def _countries() -> list[tuple[str, str]]:
    named = ((country.alpha_2, getattr(country, "common_name", country.name)) for country in pycountry.countries)
    return sorted(named, key=lambda country: country[1])


def country_choices(blank: str = "") -> Choices:
    return [*([("", blank)] if blank else []), *_countries()]


@lru_cache(maxsize=64)
def _subdivisions(country: str) -> list[tuple[str, str]]:
    found = pycountry.subdivisions.get(country_code=country) or []  # type: ignore[no-untyped-call]
    named = ((place.code.partition("-")[2], place.name) for place in found)
    return sorted(named, key=lambda place: place[1])


def subdivision_choices(country: str, blank: str = "") -> Choices:
    """The states or regions of a country by their ISO 3166-2 codes without the country's."""
    return [*([("", blank)] if blank else []), *(_subdivisions(country) if country else [])]


def is_subdivision(country: str, code: str) -> bool:
    return any(code == known for known, _ in _subdivisions(country))
