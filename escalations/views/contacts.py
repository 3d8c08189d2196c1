"""Doors to one's own contacts and rules; somebody else's contact is a 404."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from escalations import actions, contact_kinds, my_contacts
from escalations.access import is_responder
from escalations.models import ContactMethod
from escalations.paging import vapid
from escalations.paging.decide import Rule
from escalations.signals import PUSH_CONTACT
from escalations.views.gate import responders_only, viewer
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError, Invalid
from supportdesk.lib.http import page as answer
from supportdesk.lib.toasts import say


class AddForm(forms.Form):
    kind = forms.ChoiceField(label="Kind")
    value = forms.CharField(
        max_length=500, label="Address or number", error_messages={"required": "Enter the address or number."}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = contact_kinds.offered()
        self.fields["kind"].choices = [(kind, ContactMethod.Kind(kind).label.capitalize()) for kind in kinds]
        self.fields["value"].help_text = " ".join(dict.fromkeys(known.help for known in kinds.values()))


@require_http_methods(["GET", "HEAD", "POST"])
@responders_only
def own_contacts(request: HttpRequest) -> HttpResponseBase:
    """My contacts and rules; a POST adds a contact and sends it a code. For htmx: how a test goes on."""
    if request.method != "POST":
        return _show(request)
    form = AddForm(request.POST)
    if not form.is_valid():
        return _show(request, add=form, status=400)
    me, now = viewer(request), clock.now()
    try:
        contact = actions.add_contact(me, **form.cleaned_data, by=me, at=now)
    except DomainError as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.sentence)
        return _show(request, add=form, status=refusal.status)
    return _send(request, contact)


@require_POST
@responders_only
def contact_code(request: HttpRequest, contact: int) -> HttpResponseBase:
    return _send(request, _own(request, contact))


def _send(request: HttpRequest, contact: ContactMethod) -> HttpResponseBase:
    try:
        actions.send_code(contact, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        return _show(request, code=(contact.pk, refusal.sentence), status=refusal.status)
    return _back(request, f"A code went to {contact.value}. Enter it within 10 minutes.", f"contact-{contact.pk}")


@require_POST
@responders_only
def contact_verify(request: HttpRequest, contact: int) -> HttpResponseBase:
    row = _own(request, contact)
    try:
        actions.verify(row, code=request.POST.get("code", ""), by=viewer(request), at=clock.now())
    except DomainError as refusal:
        return _show(request, code=(row.pk, refusal.sentence), status=refusal.status)
    return _back(request, f"Verified: pages can reach you at {row.value}.", f"contact-{row.pk}")


@require_POST
@responders_only
def contact_remove(request: HttpRequest, contact: int) -> HttpResponseBase:
    row = _own(request, contact)
    try:
        actions.remove_contact(row, by=viewer(request), at=clock.now(), confirmed="confirmed" in request.POST)
    except DomainError as refusal:
        return _show(request, removal=(row.pk, refusal.sentence), status=refusal.status)
    return _back(request, f"Removed: {row.value}.")


@require_POST
@responders_only
def contact_test(request: HttpRequest, contact: int) -> HttpResponseBase:
    row = _own(request, contact)
    try:
        actions.page_me(row, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        return _show(request, code=(row.pk, refusal.sentence), status=refusal.status)
    return _back(request, f"A test page is on its way to {row.value}.", "test")


@require_POST
@responders_only
def contact_rules(request: HttpRequest) -> HttpResponseBase:
    """Replace the rules for one urgency: two lists of the same length, contacts and minutes."""
    pairs = zip(request.POST.getlist("contact"), request.POST.getlist("minutes"), strict=False)
    rows = [my_contacts.Row(contact, minutes.strip()) for contact, minutes in pairs if contact]
    priority = request.POST.get("priority", "")
    me = viewer(request)
    try:
        rules = [_rule(row) for row in rows]
        actions.save_rules(me, priority=int(priority) if priority.isdecimal() else 0, rules=rules, by=me)
    except DomainError as refusal:
        return _show(request, rules=(priority, rows, refusal.sentence), status=refusal.status)
    return _back(request, "Your rules are saved.", "rules")


def _rule(row: my_contacts.Row) -> Rule:
    try:
        seconds = round(Decimal(row.minutes.replace(",", ".") or "0") * 60)
        return Rule(int(row.contact), seconds)
    except (InvalidOperation, ValueError, OverflowError):
        raise Invalid("Give each rule its minutes as a number: 0 is at once.", field="rules", code="number") from None


@require_POST
@responders_only
def contact_defaults(request: HttpRequest) -> HttpResponseBase:
    try:
        actions.use_default_rules(viewer(request), by=viewer(request))
    except DomainError as refusal:
        return _show(request, rules=("1", (), refusal.sentence), status=refusal.status)
    return _back(request, "The suggested rules are yours now.", "rules")


@require_POST
@responders_only
def contact_push(request: HttpRequest) -> HttpResponseBase:
    """This browser shows pages from now on."""
    me, now = viewer(request), clock.now()
    fields = {name: request.POST.get(name, "") for name in ("name", "endpoint", "p256dh", "auth")}
    try:
        contact = actions.subscribe(me, **fields, by=me, at=now)
        request.session[PUSH_CONTACT] = contact.pk
        actions.greet(contact, at=now)
    except DomainError as refusal:
        return _show(request, push=refusal.sentence, status=refusal.status)
    return _back(request, "This device shows pages from now on. A first notification is on its way.", "contacts")


@require_safe
@responders_only
def contacts_of(request: HttpRequest, person: int) -> HttpResponse:
    """How somebody is reached, for leads and admins: kinds and states, and no address to use."""
    found = User.objects.active().filter(pk=person).first() if viewer(request).is_lead else None
    if found is None or not is_responder(found):
        raise Http404
    shown = my_contacts.cards(found, clock.now())
    context = {"person": found, "cards": shown, "missing": my_contacts.floor_notice(found, shown)}
    return answer(request, "escalations/contacts_of.html", context)


def _own(request: HttpRequest, pk: int) -> ContactMethod:
    found = ContactMethod.objects.kept().filter(pk=pk, user=viewer(request)).first()
    if found is None:
        raise Http404
    return found


def _show(request: HttpRequest, *, status: int = 200, **typed: Any) -> HttpResponse:
    """The page, with what was typed and refused: `add` a form, `code` and `removal` by contact, `rules`, `push`."""
    me, now = viewer(request), clock.now()
    test = my_contacts.last_test(me, now)
    if getattr(request, "htmx", False):
        return answer(request, "escalations/_contact_test.html", {"test": test}, status=status)
    shown = my_contacts.cards(me, now)
    sets = my_contacts.rule_sets(me)
    if "rules" in typed:
        priority, rows, sentence = typed["rules"]
        refused = {str(known.priority): known for known in sets}.get(priority, sets[0])
        sets[sets.index(refused)] = my_contacts.RuleSet(refused.priority, refused.label, rows or refused.rows, sentence)
    context = {
        "cards": shown,
        "usable": [card for card in shown if card.contact.is_usable],
        "missing": my_contacts.floor_notice(me, shown),
        "rule_sets": sets,
        "test": test,
        "add": typed.get("add") or AddForm(),
        "refused": dict([typed["code"]]) if "code" in typed else {},
        "removal": dict([typed["removal"]]) if "removal" in typed else {},
        "push_error": typed.get("push", ""),
        "push_key": _push_key(),
    }
    return answer(request, "escalations/my_contacts.html", context, status=status)


def _push_key() -> str:
    key = vapid.private_key()
    return vapid.public_key(key) if key else ""


def _back(request: HttpRequest, sentence: str, anchor: str = "") -> HttpResponseBase:
    say(request, sentence)
    response = HttpResponseRedirect(reverse("my_contacts") + (f"#{anchor}" if anchor else ""))
    response.status_code = 303
    return response
