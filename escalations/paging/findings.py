"""What a look at an invariant finds."""

from dataclasses import dataclass

CAPPED = 20
"""So many are named; beyond that their number is no news."""


@dataclass(frozen=True)
class Offence:
    """One thing that breaks an invariant: in words, where to look, and `about` whom or what an alarm of its own is."""

    text: str
    path: str = ""
    about: str = ""
