"""What a customer has to do to get a fix, from the version they run and the one that brought it. Pure."""

from packaging.version import InvalidVersion, Version


def has_fix(running: str, fixed: str) -> bool | None:
    """Whether `running` is at least `fixed`; None where one of them can't be read as a version."""
    mine, needed = _read(running), _read(fixed)
    return None if mine is None or needed is None else mine >= needed


def what_to_do(running: str, fixed: str) -> str:
    """One sentence for the customer, empty while no version is known to have the fix."""
    if not fixed:
        return ""
    known = has_fix(running, fixed)
    if known is None:
        return f"To get it, upgrade to {fixed} or later."
    if known:
        return f"You told us that you run {running}, which has it already."
    return f"You told us that you run {running}: upgrade to {fixed} or later to get it."


def _read(version: str) -> Version | None:
    """`v9.11.2 (build 7)` is 9.11.2."""
    words = version.strip().split()
    try:
        return Version(words[0].rstrip(",;")) if words else None
    except InvalidVersion:
        return None
