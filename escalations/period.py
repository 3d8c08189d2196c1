"""The stretch of time that numbers are about."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Period:
    since: datetime
    until: datetime

    @property
    def bounds(self) -> dict[str, Any]:
        return {"since": self.since, "until": self.until}
