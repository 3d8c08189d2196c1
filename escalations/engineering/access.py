"""Who may do what to an engineering escalation: rows of the domain's role table.

Each predicate presumes that the person sees the record (`Escalation.objects.visible_to`).
"""

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from accounts.models import AGENT_ROLES, Role, Team, User
from accounts.querysets import UserQuerySet

MOVERS = (Role.SET, Role.LEAD, Role.ADMIN)


def sees_board(user: User | AnonymousUser) -> bool:
    """The desk's people and stakeholders; these see on it what they were brought into."""
    return isinstance(user, User) and user.is_active and user.is_desk


def sees_queues(user: User) -> bool:
    """What is owed and overdue, and engineering's numbers: the desk's own people, who see every record."""
    return user.role in (*AGENT_ROLES, Role.SET)


def may_request(user: User) -> bool:
    """Escalate a ticket, and add one to a record."""
    return user.role in AGENT_ROLES


def may_move(user: User) -> bool:
    """Take a record from step to step, give it to somebody, merge it, send what its step owes."""
    return user.role in MOVERS


def may_word(user: User) -> bool:
    """Change what is known of it, what a ticket's customer is told and what becomes of the ticket: SET and agents."""
    return user.role in (*AGENT_ROLES, Role.SET)


def may_invite(user: User) -> bool:
    """Bring teams and people in."""
    return user.role in (*AGENT_ROLES, Role.SET)


def may_publish(user: User) -> bool:
    """Decide what customers read of it as a known issue."""
    return user.role in MOVERS


def may_comment(user: User) -> bool:
    """Write into the internal discussion: everybody who sees it."""
    return user.is_desk


def may_own(user: User) -> bool:
    """Whom a record may be given to."""
    return user.is_active and user.role in MOVERS


def leads() -> UserQuerySet:
    """Who looks after queues and deadlines: support's leads, and whoever leads a team of engineering."""
    led = Team.objects.filter(kind=Team.Kind.ENGINEERING, lead__isnull=False).values("lead")
    return User.objects.active().filter(Q(role=Role.LEAD) | Q(pk__in=led))
