"""Lists that an admin edits now and then and that every page reads: kept in the process for a moment."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from django.conf import settings

T = TypeVar("T")


class Kept(Generic[T]):
    """Calls `load` at most every settings.LISTS_SECONDS (tests: each time); what it returns is not to be changed.

    `seconds` names another setting to go by.
    """

    def __init__(self, load: Callable[[], T], *, seconds: str = "LISTS_SECONDS") -> None:
        self._load = load
        self._seconds = seconds
        self._found: tuple[float, T] | None = None
        self.__doc__ = load.__doc__

    def __call__(self) -> T:
        found = self._found
        if found is None or time.monotonic() - found[0] >= getattr(settings, self._seconds):
            found = self._found = (time.monotonic(), self._load())
        return found[1]

    def forget(self) -> None:
        """Load at the next call: something has just been changed."""
        self._found = None
