"""Looking at pages at both sizes in both themes."""

from collections.abc import Callable

from accounts.models import User
from tests.browser.conftest import DESKTOP, PHONE, Window

SIZES = (DESKTOP, PHONE)
THEMES = ("light", "dark")


def check(window: Callable[..., Window], user: User | None, paths: list[str]) -> None:
    """Each of `paths` is accessible, no wider than its window, quiet, and asks nobody else."""
    wrong = []
    for size in SIZES:
        seen = window(user, size=size)
        for path in paths:
            seen.open(path)
            wrong += [f"{path} at {size['width']}, {fault}" for fault in _faults(seen)]
        wrong += seen.faults
        foreign = [url for url in seen.asked if not url.startswith(("data:", "http://localhost", "http://127.0.0.1"))]
        wrong += foreign
    assert not wrong, "\n".join(wrong)


def _faults(seen: Window) -> list[str]:
    """Of the page that is open, in both themes."""
    wrong = []
    for theme in THEMES:
        seen.show(theme)
        wrong += [f"{theme}: {fault}" for fault in seen.accessibility_faults(colours_only=theme != THEMES[0])]
        if seen.overflow() > 0:
            wrong.append(f"{theme}: {seen.overflow()} px wider than the window")
    return wrong
