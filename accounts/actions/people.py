"""People: entered by an address, claimed by its owner, sent away and taken back by an admin."""

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction

from accounts.actions.members import join_by_domain, lock_organization_at
from accounts.actions.sessions import end_sessions
from accounts.addresses import folded
from accounts.events import record
from accounts.models import AccountEvent, Role, User
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from supportdesk.lib.text import person_name


def person_for_address(email: str, *, name: str = "", at: datetime) -> User:
    """The one person of an address, entered without a password if it is new (its owner claims the account later).

    A known person keeps the name they have. Raises Invalid for an address that is none or a name that may not be.
    """
    email = folded(email)
    if known := User.objects.filter(email=email).first():
        return known
    name = person_name(name) if name else ""
    try:
        with transaction.atomic():
            return User.objects.create_user(email, None, name=name, created_at=at)
    except IntegrityError:
        return User.objects.get(email=email)


@transaction.atomic
def claim(user: User, *, at: datetime) -> None:
    """The person has shown that the address is theirs, by a link that was mailed there and a new password.

    The account with its requests is theirs from now on; whoever was logged in before is not.
    """
    lock_organization_at(user.email)
    user = User.objects.select_for_update().get(pk=user.pk)
    end_sessions(user)
    address, _ = EmailAddress.objects.get_or_create(user=user, email=user.email)
    if address.verified:
        return
    EmailAddress.objects.filter(user=user, primary=True).exclude(pk=address.pk).update(primary=False)
    address.verified = address.primary = True
    address.save(update_fields=["verified", "primary"])
    record(AccountEvent.Kind.CLAIMED, by=user, user=user, at=at)
    join_by_domain(user, at=at)


@transaction.atomic
def deactivate(user: User, *, by: User, at: datetime) -> None:
    """Shut an account at once, with all its sessions; its requests and history stay."""
    user = _locked_for_admin(user, by=by)
    if user.pk == by.pk:
        raise Conflict("You can't deactivate your own account.", code="own_account")
    if not user.is_active:
        raise Conflict(f"{user} is not active any more.", code="not_active")
    user.is_active = False
    user.save(update_fields=["is_active"])
    end_sessions(user)
    record(AccountEvent.Kind.DEACTIVATED, by=by, user=user, at=at)


@transaction.atomic
def reactivate(user: User, *, by: User, at: datetime) -> None:
    """Open a deactivated account again, with the password and memberships that it had."""
    user = _locked_for_admin(user, by=by)
    if user.is_active:
        raise Conflict(f"{user} is active.", code="is_active")
    user.is_active = True
    user.save(update_fields=["is_active"])
    record(AccountEvent.Kind.REACTIVATED, by=by, user=user, at=at)


@transaction.atomic
def change_staff_role(user: User, *, role: str, by: User, at: datetime) -> None:
    """Make somebody a member of the staff, of another kind, or a customer (""). Nobody does it to themselves."""
    user = _locked_for_admin(user, by=by)
    if role and role not in Role.values:
        raise Invalid("Choose a role.", code="unknown_role", field="role")
    if user.pk == by.pk:
        raise Conflict("You can't change your own role.", code="own_account")
    if user.role == role:
        return
    former, user.role = user.role, role
    user.save(update_fields=["role"])
    end_sessions(user)
    record(AccountEvent.Kind.STAFF_ROLE_CHANGED, by=by, user=user, at=at, before=former, after=role)


def _locked_for_admin(user: User, *, by: User) -> User:
    if not by.is_staff:
        raise NotAllowed("Only an admin may do this.")
    return User.objects.select_for_update().get(pk=user.pk)
