"""Named points at which a test kills the engine, to prove that nothing is lost there."""

import os
from collections import Counter

from django.conf import settings

NAMES = ("after_insert", "mid_fan_out", "after_claim", "after_call", "before_record")
_KILLED = 137
_passed: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """Die as by kill -9 when the test named this point; `name:3` means the third time it is passed."""
    if settings.DESK_ENV != "test" or not settings.PAGING_CRASH_POINT:
        return
    wanted, _, times = settings.PAGING_CRASH_POINT.partition(":")
    _passed[name] += 1
    if name == wanted and _passed[name] >= int(times or 1):
        os._exit(_KILLED)
