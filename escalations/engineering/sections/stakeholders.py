"""Who is in: the teams and people that were brought into a record, and whether the viewer wants to hear of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest

from accounts.models import Role, User
from escalations.engineering import access
from escalations.engineering.querysets import teams_of
from escalations.engineering.views.gate import viewer
from escalations.models import Escalation, Follower, Involved, TeamInvolved
from supportdesk.lib.errors import DomainError, Invalid


@dataclass(frozen=True)
class TeamIn:
    """A team that is in, and how many people it has; `because` says how it came."""

    team: Involved
    members: int
    because: str


@dataclass(frozen=True)
class Stakeholders:
    """`mine` is the viewer's own row, `is_member` that a team of theirs is in; `form` invites, for who may."""

    teams: Sequence[TeamIn]
    people: Sequence[Follower]
    mine: Follower | None
    is_member: bool
    form: "InviteForm | None"

    @property
    def is_told(self) -> bool:
        return not self.mine.is_muted if self.mine else self.is_member


class InviteForm(forms.Form):
    """One choice among the teams and people who aren't in yet; `who` is such as `team:product` or `person:12`."""

    who = forms.ChoiceField(
        label="Bring in",
        error_messages={
            "required": "Choose a team or somebody.",
            "invalid_choice": "Choose a team or somebody of the staff who isn't in yet.",
        },
    )

    def __init__(self, asked: Any, *, staff: Iterable[User], is_in: Iterable[str]) -> None:
        super().__init__(asked, auto_id="invite_%s")
        known = set(is_in)
        people = [(f"person:{one.pk}", one) for one in staff]
        groups: list[tuple[str, list[tuple[str, str]]]] = [
            ("Teams", [(f"team:{team}", team.label) for team in Involved if f"team:{team}" not in known])
        ]
        for role in Role:
            names = [(key, one.display_name) for key, one in people if one.role == role and key not in known]
            groups.append((role.label, names))
        choices = [("", "Choose a team or somebody"), *((name, rows) for name, rows in groups if rows)]
        self.fields["who"].choices = choices  # type: ignore[attr-defined]

    def refuse(self, refusal: DomainError) -> None:
        self.add_error("who", refusal.sentence)


def context(escalation: Escalation, request: HttpRequest, *, shown: Stakeholders | None = None) -> dict[str, Any]:
    """In three queries."""
    return {"stakeholders": shown or stakeholders(escalation, viewer(request))}


def stakeholders(escalation: Escalation, user: User, *, asked: Any = None) -> Stakeholders:
    """All of it for `user`; `asked` are the data of an invitation that was sent."""
    staff = list(User.objects.desk().active().order_by("name", "email").only("name", "email", "role"))
    sizes = Counter(one.role for one in staff)
    teams = list(escalation.teams.select_related("invited_by"))
    people = list(escalation.followers.select_related("user"))
    is_in = [*(f"team:{row.team}" for row in teams), *(f"person:{row.user_id}" for row in people)]
    return Stakeholders(
        teams=[_team_in(row, sizes) for row in teams],
        people=people,
        mine=next((row for row in people if row.user_id == user.pk), None),
        is_member=any(row.team in teams_of(user) for row in teams),
        form=InviteForm(asked, staff=staff, is_in=is_in) if access.may_invite(user) else None,
    )


def _team_in(row: TeamInvolved, sizes: Counter[str]) -> TeamIn:
    team = Involved(row.team)
    by_hand = f"by {row.invited_by.display_name}" if row.invited_by else ""
    return TeamIn(team, sum(sizes[role] for role in team.roles), "by a rule" if row.rule_id else by_hand)


def whom(chosen: str) -> Involved | User:
    """The team or the member of the staff behind `team:product` or `person:12`; Invalid (`who`) for anything else."""
    kind, _, key = chosen.partition(":")
    if kind == "team" and key in Involved.values:
        return Involved(key)
    if kind == "person" and key.isascii() and key.isdigit() and len(key) < 10:
        found = User.objects.desk().filter(pk=int(key)).first()
        if found is not None:
            return found
    raise Invalid("Choose a team or somebody of the staff.", code="nobody", field="who")
