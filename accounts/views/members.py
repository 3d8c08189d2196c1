"""The people of an organisation, for those who manage them."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts import actions
from accounts.access import may_manage_members
from accounts.forms import InvitationForm
from accounts.models import Invitation, Membership, Organization, User
from accounts.views.gate import signed_in
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError, Invalid
from supportdesk.lib.keyset import page_of
from supportdesk.lib.toasts import say

PAGE_SIZE = 100


def find_organization(user: User, slug: str) -> Organization:
    """The organisation whose members the person manages; any other is the same 404."""
    found = Organization.objects.managed_by(user).select_related("plan").filter(slug=slug).first()
    if found is None:
        raise Http404
    return found


@require_safe
@signed_in
def organization_members(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, find_organization(request.user, slug), InvitationForm())


def _page(request: HttpRequest, organization: Organization, form: InvitationForm, *, status: int = 200) -> HttpResponse:
    rows = Membership.objects.active().filter(organization=organization).select_related("user")
    try:
        members = page_of(rows, by="started_at", size=PAGE_SIZE, cursor=request.GET.get("page", ""))
    except Invalid:
        raise Http404 from None
    context = {
        "organization": organization,
        "members": members,
        "newer": members.newer and f"?page={members.newer}",
        "older": members.older and f"?page={members.older}",
        "invitations": organization.invitations.pending(now=clock.now()).order_by("-created_at"),
        "form": form,
    }
    return render(request, "accounts/members.html", context, status=status)


@require_POST
@signed_in
def invitation_new(request: HttpRequest, slug: str) -> HttpResponse:
    organization = find_organization(request.user, slug)
    form = InvitationForm(request.POST)
    if form.is_valid():
        try:
            actions.invite(organization, **form.cleaned_data, by=request.user, at=clock.now())
        except DomainError as refusal:
            form.add_error(refusal.field, refusal.sentence)
    if form.errors:
        return _page(request, organization, form, status=400)
    say(request, f"An invitation is on its way to {form.cleaned_data['email']}.")
    return redirect("organization_members", slug)


@require_POST
@signed_in
def invitation_revoke(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    invitation = Invitation.objects.managed_by(request.user).filter(organization__slug=slug, pk=pk).first()
    if invitation is None:
        raise Http404

    def revoke() -> None:
        actions.revoke_invitation(invitation, by=request.user, at=clock.now())
        say(request, f"The invitation to {invitation.email} is taken back.")

    return _carry_out(request, invitation.organization, revoke)


@require_POST
@signed_in
def member_role(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    membership = _find_membership(request.user, slug, pk)
    role, was = request.POST.get("role", ""), request.POST.get("was", "")

    def change() -> None:
        changed = actions.change_role(membership, role=role, was=was, by=request.user, at=clock.now())
        undo = reverse("member_role", args=[slug, pk]) if may_manage_members(request.user, changed.organization) else ""
        sentence = f"{changed.user} is a {changed.get_role_display().lower()} now."
        say(request, sentence, undo=undo, role=membership.role, was=changed.role)

    return _carry_out(request, membership.organization, change)


@require_POST
@signed_in
def member_remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    membership = _find_membership(request.user, slug, pk)

    def remove() -> None:
        actions.remove_member(membership, by=request.user, at=clock.now())
        if membership.user_id == request.user.pk:
            logout(request)
        say(request, f"{membership.user} is not a member of {membership.organization} any more.")

    return _carry_out(request, membership.organization, remove)


def _find_membership(user: User, slug: str, pk: int) -> Membership:
    """One that the person may change, even if it has ended meanwhile: the verb then says so."""
    rows = Membership.objects.managed_by(user).select_related("user", "organization")
    found = rows.filter(organization__slug=slug, pk=pk).first()
    if found is None:
        raise Http404
    return found


def _carry_out(request: HttpRequest, organization: Organization, verb: Callable[[], None]) -> HttpResponse:
    """Do it or say why not, on the members' page as long as the person may see it."""
    try:
        verb()
    except DomainError as refusal:
        messages.error(request, refusal.sentence)
    user = request.user
    if user.is_authenticated and may_manage_members(user, organization):
        return redirect("organization_members", organization.slug)
    return redirect("home")
