"""Offers to join an organisation, by mail."""

from datetime import datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts import mail, tokens
from accounts.access import may_invite
from accounts.actions.members import locked_for_managing, locked_organization, start
from accounts.addresses import folded
from accounts.events import record
from accounts.models import AccountEvent, Invitation, Membership, Organization, User
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed

MOST_PER_DAY = 20


@transaction.atomic
def invite(organization: Organization, *, email: str, role: str, by: User, at: datetime) -> Invitation:
    """Mail a link that lets whoever has `email` join within 72 hours; one that was sent before stops working.

    Raises Invalid for an address or role that is none, Conflict for a member, and after 20 within a day.
    """
    organization = locked_for_managing(organization, by=by)
    if not may_invite(by, organization):
        raise NotAllowed("You may not invite to this organisation.")
    email = folded(email)
    if role not in Membership.Role.values:
        raise Invalid("Choose a role.", code="unknown_role", field="role")
    if Membership.objects.active().filter(organization=organization, user__email=email).exists():
        raise Conflict("This person is a member already.", code="is_member", field="email")
    if organization.invitations.of_day_before(at).count() >= MOST_PER_DAY:
        sentence = f"At most {MOST_PER_DAY} invitations may be sent within a day. Try again tomorrow."
        raise Conflict(sentence, code="too_many_invitations", field="email")
    organization.invitations.unused().filter(email=email).update(revoked_at=at)
    secret = tokens.new_secret()
    invitation = Invitation.objects.create(
        organization=organization,
        email=email,
        role=role,
        token_hash=tokens.digest(secret),
        invited_by=by,
        created_at=at,
        expires_at=at + tokens.INVITATION_LASTS,
    )
    record(AccountEvent.Kind.INVITED, by=by, organization=organization, at=at, email=email, role=str(role))
    # Written here and not from the event: only its hash is kept, so nobody can write the link later.
    link = settings.SITE_URL + reverse("invitation_accept", args=[secret])
    mail.post("accounts/email/invitation", to=email, link=link)
    return invitation


@transaction.atomic
def revoke_invitation(invitation: Invitation, *, by: User, at: datetime) -> None:
    """Take an offer back; Conflict when it was accepted or taken back meanwhile."""
    organization = locked_for_managing(invitation.organization, by=by)
    revoked = organization.invitations.unused().filter(pk=invitation.pk).update(revoked_at=at)
    if not revoked:
        raise Conflict("This invitation was accepted or taken back meanwhile.", code="invitation_used")
    record(AccountEvent.Kind.INVITATION_REVOKED, by=by, organization=organization, at=at, email=invitation.email)


@transaction.atomic
def accept_invitation(invitation: Invitation, *, by: User, at: datetime) -> Membership:
    """Join by an invitation to one's own verified address.

    Raises NotAllowed, always in the same words, when it is for somebody else; Conflict when it has ended meanwhile.
    """
    organization = locked_organization(invitation.organization)
    if not Invitation.objects.pending(now=at).filter(pk=invitation.pk).exists():
        raise Conflict("This invitation does not work any more. Ask for a new one.", code="invitation_used")
    owns = EmailAddress.objects.filter(user=by, email=invitation.email, verified=True).exists()
    if not owns or by.is_desk:
        sentence = "This invitation is for another address. Log in with the address that it was sent to."
        raise NotAllowed(sentence, code="not_yours")
    Invitation.objects.filter(pk=invitation.pk).update(accepted_at=at)
    if present := Membership.objects.active().filter(user=by, organization=organization).first():
        return present
    return start(organization, by, role=invitation.role, via=Membership.Via.INVITATION, by=by, at=at)
