"""What the board and the list of records are narrowed by, as it stands in their address."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q

from accounts.models import User
from escalations.engineering.querysets import EscalationQuerySet
from escalations.engineering.steps import Step
from escalations.engineering.views.gate import number_of
from escalations.models import EscalationLink, Severity

MINE, NOBODY = "mine", "nobody"
_LONGEST = 200


@dataclass(frozen=True)
class Filters:
    """Each empty where it narrows nothing; what no form of ours would send counts as empty."""

    severity: str = ""
    area: str = ""
    owner: str = ""
    plan: str = ""
    step: str = ""
    q: str = ""

    @property
    def narrows(self) -> bool:
        return any(asdict(self).values())

    def query(self, **changes: str) -> str:
        """The query string of the same filters with `changes`; empty without any."""
        kept = {name: value for name, value in {**asdict(self), **changes}.items() if value}
        return f"?{urlencode(kept)}" if kept else ""


def read(asked: Mapping[str, str]) -> Filters:
    """The filters of a query string."""
    owner = asked.get("owner", "")
    severity = asked.get("severity", "")
    step = asked.get("step", "")
    return Filters(
        severity=severity if severity in map(str, Severity.values) else "",
        area=_number(asked.get("area", "")),
        owner=owner if owner in {MINE, NOBODY} else _number(owner),
        plan=_number(asked.get("plan", "")),
        step=step if step in set(Step) else "",
        q=asked.get("q", "").replace("\x00", "").strip()[:_LONGEST],
    )


def narrowed(rows: EscalationQuerySet, filters: Filters, *, by: User) -> EscalationQuerySet:
    """Those of `rows` that the filters leave."""
    wanted = Q()
    if filters.severity:
        wanted &= Q(severity=filters.severity)
    if filters.area:
        wanted &= Q(area=filters.area)
    if filters.step:
        wanted &= Q(step=filters.step)
    if filters.owner:
        mine = {MINE: Q(owner=by) | Q(backup=by), NOBODY: Q(owner=None)}
        wanted &= mine.get(filters.owner) or Q(owner=filters.owner)
    if filters.plan:
        links = EscalationLink.objects.standing().filter(escalation=OuterRef("pk"))
        wanted &= Q(Exists(links.filter(ticket__organization__plan=filters.plan)))
    return rows.filter(wanted & _said(filters.q))


def _said(words: str) -> Q:
    """A reference finds its record; anything else what has every word in its title or versions."""
    if number := number_of(words):
        return Q(pk=number)
    wanted = Q()
    for word in words.split()[:8]:
        wanted &= Q(title__icontains=word) | Q(affected_versions__icontains=word) | Q(fixed_version__icontains=word)
    return wanted


def _number(given: str) -> str:
    """A key of a column, as text; empty for what is none."""
    return given if given.isascii() and given.isdigit() and len(given) < 10 else ""
