"""Public holidays by country and subdivision (ISO 3166), from the `holidays` library, observed days included. Pure."""

from datetime import date
from functools import lru_cache

import holidays


@lru_cache(maxsize=2048)
def holidays_of(country: str, subdivision: str, year: int) -> frozenset[date]:
    """The public holidays of a year; none of a country that the library doesn't know.

    A subdivision that it doesn't tell apart has the holidays of the whole country.
    """
    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        return frozenset()
    subdiv = subdivision if subdivision in known[country] else None
    return frozenset(holidays.country_holidays(country, subdiv=subdiv, years=year))


@lru_cache(maxsize=2048)
def holiday_name(country: str, subdivision: str, day: date) -> str:
    """What a public holiday is called, in English where the library has it; empty on any other day."""
    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        return ""
    subdiv = subdivision if subdivision in known[country] else None
    return holidays.country_holidays(country, subdiv=subdiv, years=day.year, language="en_US").get(day) or ""
