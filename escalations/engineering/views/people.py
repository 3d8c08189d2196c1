"""Bringing teams and people into a record, taking them out, and choosing for oneself whether to hear of it."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from escalations.engineering import access, actions
from escalations.engineering.sections.stakeholders import stakeholders, whom
from escalations.engineering.views import parts
from escalations.engineering.views.gate import find, on_the_board, only, viewer
from escalations.models import Escalation, Involved
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.toasts import say

_PART = "stakeholders"


@only(access.may_invite, "bring anybody in")
@require_POST
def escalation_invite(request: HttpRequest, ref: str) -> HttpResponseBase:
    """Bring in `who`, a team or somebody."""
    user = viewer(request)
    escalation = find(user, ref)
    shown = stakeholders(escalation, user, asked=request.POST)
    form = shown.form
    assert form is not None  # noqa: S101 - the gate saw to it
    if form.is_valid():
        try:
            invited = whom(form.cleaned_data["who"])
            if isinstance(invited, Involved):
                actions.invite_team(escalation, invited, by=user, at=clock.now())
            else:
                actions.invite_person(escalation, invited, by=user, at=clock.now())
        except DomainError as refusal:
            form.refuse(refusal)
        else:
            _say(request, escalation, invited, "is in, and is told.", "escalation_dismiss")
            return parts.done(request, escalation, _PART)
    return parts.show(request, escalation, _PART, shown=shown, status=400)


@only(access.may_invite, "take anybody out")
@require_POST
def escalation_dismiss(request: HttpRequest, ref: str) -> HttpResponseBase:
    """Take out `who`, a team or somebody."""
    user = viewer(request)
    escalation = find(user, ref)
    gone = whom(request.POST.get("who", ""))
    if isinstance(gone, Involved):
        actions.dismiss_team(escalation, gone, by=user, at=clock.now())
    else:
        actions.dismiss_person(escalation, gone, by=user, at=clock.now())
    _say(request, escalation, gone, "is out.", "escalation_invite")
    return parts.done(request, escalation, _PART)


def _say(request: HttpRequest, escalation: Escalation, whom: object, what: str, back: str) -> None:
    if isinstance(whom, Involved):
        name, key = whom.label, f"team:{whom}"
    else:
        name, key = str(whom), f"person:{whom.pk}"  # type: ignore[attr-defined]
    say(request, f"{name} {what}", undo=reverse(back, args=[escalation.reference]), who=key)


_CHOICES = {
    "follow": (actions.follow, "You are told of what happens here."),
    "mute": (actions.mute, "You are told of nothing here but what names you."),
    "unfollow": (actions.unfollow, "You follow this no more."),
}


@on_the_board
@require_POST
def escalation_follow(request: HttpRequest, ref: str) -> HttpResponseBase:
    """`to`: follow, mute or unfollow; by the last a stakeholder may leave the record, and is led to their list."""
    user = viewer(request)
    escalation = find(user, ref)
    verb, sentence = _CHOICES.get(request.POST.get("to", ""), _CHOICES["follow"])
    verb(escalation, by=user, at=clock.now())
    say(request, sentence)
    if Escalation.objects.visible_to(user).filter(pk=escalation.pk).exists():
        return parts.done(request, escalation, _PART)
    board = reverse("escalation_board")
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204, headers={"HX-Redirect": board})
    return HttpResponseRedirect(board, status=303)
