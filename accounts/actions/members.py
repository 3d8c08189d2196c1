"""Who belongs to an organisation, and as what."""

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.access import may_manage_members
from accounts.actions.sessions import end_sessions
from accounts.events import record
from accounts.models import AccountEvent, Membership, Organization, OrganizationDomain, User
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed


def locked_organization(organization: Organization) -> Organization:
    """The organisation's row, locked: all that changes its people waits here, so that counts and last managers hold."""
    return Organization.objects.select_for_update().get(pk=organization.pk)


def lock_organization_at(email: str) -> None:
    """Lock the organisation that `email` may lead to, before the person's own row: always in this order."""
    rows = Organization.objects.select_for_update(of=("self",))
    list(rows.filter(domains__in=OrganizationDomain.objects.of_address(email)))


def locked_for_managing(organization: Organization, *, by: User) -> Organization:
    """The same, for somebody who manages its people; NotAllowed when that is no longer so."""
    organization = locked_organization(organization)
    if not may_manage_members(by, organization):
        raise NotAllowed("You may not manage the members of this organisation.")
    return organization


@transaction.atomic
def add_member(organization: Organization, user: User, *, role: str, by: User, at: datetime) -> Membership:
    """Make `user` a member by hand (admins); Conflict when they are one, Invalid for staff."""
    organization = locked_organization(organization)
    if not by.is_staff:
        raise NotAllowed("Only an admin adds members by hand. Invite them instead.")
    if user.is_desk:
        raise Invalid("People of the staff can't be members of a customer.", code="is_staff", field="user")
    if Membership.objects.active().filter(user=user, organization=organization).exists():
        raise Conflict(
            f"{user} is a member already.",
            code="is_member",
        )
    return start(organization, user, role=role, via=Membership.Via.STAFF, by=by, at=at)


def start(
    organization: Organization, user: User, *, role: str, via: Membership.Via, by: User | None, at: datetime
) -> Membership:
    """Begin a membership and record it; the organisation's row is locked."""
    membership = Membership.objects.create(user=user, organization=organization, role=role, via=via, started_at=at)
    record(AccountEvent.Kind.JOINED, by=by, user=user, organization=organization, at=at, via=str(via), role=str(role))
    return membership


def _current(membership: Membership) -> Membership:
    """The membership as it is under the lock; Conflict when it has ended meanwhile."""
    fresh = Membership.objects.select_related("user", "organization").get(pk=membership.pk)
    if fresh.ended_at is not None:
        raise Conflict(f"{fresh.user} is not a member any more.", code="not_a_member")
    return fresh


def _keep_a_manager(membership: Membership, *, by: User) -> None:
    """An organisation isn't left without a manager by its own people; an admin may do so."""
    others = Membership.objects.active().filter(
        organization=membership.organization_id, role=Membership.Role.MANAGER, user__is_active=True
    )
    if by.is_staff or not membership.is_manager or others.exclude(pk=membership.pk).exists():
        return
    raise Conflict("You are the only manager. Make somebody else a manager first.", code="last_manager")


@transaction.atomic
def change_role(membership: Membership, *, role: str, by: User, at: datetime, was: str = "") -> Membership:
    """Make a member a manager or the reverse.

    `was` is the role that `by` saw: Conflict when somebody changed it since. Conflict, too, for the last manager.
    """
    organization = locked_for_managing(membership.organization, by=by)
    if role not in Membership.Role.values:
        raise Invalid("Choose a role.", code="unknown_role", field="role")
    membership = _current(membership)
    if membership.role == role:
        return membership
    if was and was != membership.role:
        label = membership.get_role_display().lower()
        raise Conflict(f"Somebody else made {membership.user} a {label} meanwhile.", code="role_changed")
    _keep_a_manager(membership, by=by)
    former, membership.role = membership.role, role
    membership.save(update_fields=["role"])
    kind = AccountEvent.Kind.ROLE_CHANGED
    record(kind, by=by, user=membership.user, organization=organization, at=at, before=former, after=role)
    return membership


@transaction.atomic
def remove_member(membership: Membership, *, by: User, at: datetime) -> None:
    """End a membership at once, with the person's sessions and their open invitations to the organisation (S054)."""
    organization = locked_for_managing(membership.organization, by=by)
    membership = _current(membership)
    _keep_a_manager(membership, by=by)
    _end(membership, at=at)
    organization.invitations.unused().filter(email=membership.user.email).update(revoked_at=at)
    end_sessions(membership.user)
    record(AccountEvent.Kind.REMOVED, by=by, user=membership.user, organization=organization, at=at)


def _end(membership: Membership, *, at: datetime) -> None:
    membership.ended_at = at
    membership.save(update_fields=["ended_at"])
    User.objects.filter(pk=membership.user_id, last_organization=membership.organization_id).update(
        last_organization=None
    )


@transaction.atomic
def join_by_domain(user: User, *, at: datetime, by_mail: bool = False) -> Membership | None:
    """Make somebody with a verified address at an organisation's open domain a member there; None where none is.

    `by_mail`: a mail whose sender was verified came from the address, which proves it as well as a link does. It makes
    no account usable that somebody else may have registered for that address.
    Who was a member before isn't taken back by the domain: they left or were removed, and need an invitation.
    """
    domain = OrganizationDomain.objects.open().of_address(user.email).select_related("organization").first()
    if domain is None or user.is_desk or not user.is_active:
        return None
    if not by_mail and not EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists():
        return None
    organization = locked_organization(domain.organization)
    if Membership.objects.filter(user=user, organization=organization).exists():
        return None
    role, via = Membership.Role.MEMBER, Membership.Via.DOMAIN
    return start(organization, user, role=role, via=via, by=user, at=at)


@transaction.atomic
def leave_by_domain(user: User, *, former: str, at: datetime) -> None:
    """End what the `former` address gave, when the present one is at none of the organisation's domains."""
    held = Membership.objects.active().filter(user=user, via=Membership.Via.DOMAIN)
    gave = OrganizationDomain.objects.of_address(former).values("organization")
    gives = OrganizationDomain.objects.open().of_address(user.email).values("organization")
    for membership in held.filter(organization__in=gave).exclude(organization__in=gives).select_related("organization"):
        organization = locked_organization(membership.organization)
        _end(membership, at=at)
        record(AccountEvent.Kind.LEFT_DOMAIN, by=user, user=user, organization=organization, at=at)


def welcome_domain(domain: OrganizationDomain, *, at: datetime) -> int:
    """Let those join who verified an address at `domain` before it was open; their number."""
    known = User.objects.active().customers().filter(email__endswith=f"@{domain.domain}")
    return sum(join_by_domain(user, at=at) is not None for user in known.order_by("pk"))
