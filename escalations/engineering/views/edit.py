"""The door to what is known of a problem: a form with all of it. Nothing typed is lost when somebody was quicker."""

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from accounts.models import User
from escalations.engineering import access, actions
from escalations.engineering.forms.records import EditForm
from escalations.engineering.views.gate import find, only, viewer
from escalations.models import Escalation
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, DomainError, NotAllowed
from supportdesk.lib.http import page
from supportdesk.lib.toasts import say


@only(access.may_word, "edit this escalation")
@require_http_methods(["GET", "HEAD", "POST"])
def escalation_edit(request: HttpRequest, ref: str) -> HttpResponseBase:
    """Agents change the facts; who may move it also says whose it is."""
    me = viewer(request)
    escalation = find(me, ref)
    data = request.POST if request.method == "POST" else None
    form = EditForm(data, escalation=escalation, by=me, initial=EditForm.of(escalation))
    if not form.is_valid():
        return _show(request, escalation, form, status=400 if form.is_bound else 200)
    try:
        changed = _save(escalation, form, by=me, seen=seen_version(request))
    except NotAllowed:
        raise
    except DomainError as refusal:
        form.refuse(refusal)
        return _show(request, find(me, ref), form, status=refusal.status)
    say(request, "Saved." if changed else "Nothing was changed.")
    return HttpResponseRedirect(escalation.get_absolute_url(), status=303)


def seen_version(request: HttpRequest) -> int | None:
    """Which version of the record the form was made from."""
    given = request.POST.get("seen_version", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None


def version_of_words(request: HttpRequest, escalation: Escalation, *, status: int) -> int:
    """Which version the words in a form belong to: it comes back with that, until a conflict has told of a newer."""
    seen = seen_version(request)
    return escalation.version if seen is None or status == Conflict.status else seen


@transaction.atomic
def _save(escalation: Escalation, form: EditForm, *, by: User, seen: int | None) -> list[str]:
    """Both verbs or none; they are two because other people may do each."""
    now, data = clock.now(), form.cleaned_data
    changed = actions.edit(escalation, form.problem, by=by, at=now, seen_version=seen)
    if "owner" in data:
        changed += actions.give_to(escalation, owner=data["owner"], backup=data["backup"], by=by, at=now)
    return changed


def _show(request: HttpRequest, escalation: Escalation, form: EditForm, *, status: int) -> HttpResponseBase:
    context = {
        "escalation": escalation,
        "form": form,
        "seen_version": version_of_words(request, escalation, status=status),
        "meanwhile": form.now_different(escalation) if status == 409 else [],
    }
    return page(request, "escalations/engineering/edit.html", context, status=status)
