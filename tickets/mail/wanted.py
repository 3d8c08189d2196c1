"""Kinds of mails about which a higher app says whether they are still wanted, asked when they are sent (S054)."""

from collections.abc import Callable

from tickets.models import OutgoingMail

Check = Callable[[OutgoingMail], bool]
_CHECKS: dict[str, Check] = {}


def register(kind: str, check: Check) -> None:
    """Have `check` decide on mails of `kind`; called from AppConfig.ready()."""
    _CHECKS[kind] = check


def check_of(kind: str) -> Check | None:
    return _CHECKS.get(kind)
