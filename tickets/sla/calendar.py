"""Working-time arithmetic. Pure: naive local dates, converted once by `zoneinfo`."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_SATURDAY = 5


def add_business_days(start: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The instant `days` (≥ 0) business days after `start` (aware), at the same local time in `zone`, Monday to Friday.

    From a weekend it counts from the Monday's same time.
    """
    local = start.astimezone(zone).replace(tzinfo=None)
    while local.weekday() >= _SATURDAY:
        local += timedelta(days=1)
    while days > 0:
        local += timedelta(days=1)
        if local.weekday() < _SATURDAY:
            days -= 1
    return local.replace(tzinfo=zone).astimezone(start.tzinfo)
