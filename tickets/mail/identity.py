"""Whether a mail comes from whom it says: by what our own last hop found out (RFC 8601, RFC 7489)."""

from dataclasses import dataclass

import authres
from authres.core import AuthenticationResult

_ANYBODYS = 2  # labels of a domain that others may stand under, such as co.uk


@dataclass(frozen=True)
class Belief:
    """Whether the sender is who they say, and by what, or why not: a clause for the staff."""

    is_verified: bool
    why: str


def believe(verdict: str, sender: str, *, shared_domains: frozenset[str] = frozenset()) -> Belief:
    """What `verdict`, the value of our own Authentication-Results header, says of the address `sender`.

    DMARC decides where it was looked at: pass for the very domain of the address. Where a domain has no DMARC, a DKIM
    signature or an SPF sender of the same domain, or of one it is part of, will do; but at `shared_domains`, where
    anybody gets an address, only the very domain. Anything else, an unreadable verdict too, is unverified.
    """
    domain = sender.rpartition("@")[2].lower()
    if not verdict:
        return Belief(False, "no mail server of ours has looked at its sender")
    try:
        results = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {verdict}").results
    except Exception:  # the library's own errors, and what it raises for text that is none of the kind
        return Belief(False, "what our mail server says of its sender can't be read")
    by_dmarc = [result for result in results if result.method == "dmarc" and result.result != "none"]
    if by_dmarc:
        passed = any(_says(result, "pass", "from", domain, exact=True) for result in by_dmarc)
        return Belief(passed, "by DMARC" if passed else f"DMARC says {by_dmarc[0].result}")
    exact = domain in shared_domains
    for method, name in (("dkim", "d"), ("spf", "mailfrom")):
        if any(result.method == method and _says(result, "pass", name, domain, exact=exact) for result in results):
            return Belief(True, f"by {method.upper()}")
    return Belief(False, "neither DMARC nor an aligned DKIM or SPF vouches for its sender")


def _says(result: AuthenticationResult, outcome: str, name: str, domain: str, *, exact: bool) -> bool:
    if (result.result or "").lower() != outcome:
        return False
    vouched = [(prop.value or "").rpartition("@")[2].strip().lower() for prop in result.properties if prop.name == name]
    return bool(domain) and any(one == domain or (not exact and _is_above(one, domain)) for one in vouched)


def _is_above(parent: str, domain: str) -> bool:
    """Whether `parent` is a whole organisation's domain that `domain` is part of, by counting labels.

    Without the public suffix list a parent of two labels may be anybody's (co.uk), so a short pair is not enough.
    """
    labels = parent.split(".")
    if not domain.endswith(f".{parent}") or len(labels) < _ANYBODYS:
        return False
    return len(labels) > _ANYBODYS or len(labels[0]) > 3
