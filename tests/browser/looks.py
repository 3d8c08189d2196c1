"""Looking at pages at both sizes in both themes."""

from collections.abc import Callable

from accounts.models import User
from tests.browser.conftest import DESKTOP, PHONE, Window

LOOKS = [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark")]


def check(window: Callable[..., Window], user: User | None, paths: list[str]) -> None:
    """Each of `paths` is accessible, no wider than its window, quiet, and asks nobody else."""
    wrong = []
    for size, theme in LOOKS:
        seen = window(user, size=size, theme=theme)
        for path in paths:
            seen.open(path)
            label = f"{path} at {size['width']}, {theme}"
            wrong += [f"{label}: {fault}" for fault in seen.accessibility_faults()]
            if seen.overflow() > 0:
                wrong.append(f"{label}: {seen.overflow()} px wider than the window")
        wrong += seen.faults
        foreign = [url for url in seen.asked if not url.startswith(("data:", "http://localhost", "http://127.0.0.1"))]
        wrong += foreign
    assert not wrong, "\n".join(wrong)
