"""What a lead makes of a mail: each parses its form, calls one verb, and shows what was refused beside the mail."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError, Invalid
from supportdesk.lib.http import next_path
from supportdesk.lib.toasts import say
from tickets import actions
from tickets.forms.mailroom import BlockForm, BlockPatternForm, PutOnForm
from tickets.mail import receive
from tickets.models import BlockedSender, IncomingMail, Ticket
from tickets.slots import forget_count
from tickets.views.agent.gate import mail_sorters_only
from tickets.views.agent.mail import Forms, find_mail, show_blocked, show_mail


@mail_sorters_only
@require_POST
def mail_recover(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Take it as sent."""
    mail = find_mail(request, pk)

    def act() -> None:
        taken = receive.recover(mail, by=request.user, at=clock.now())
        say(request, f"It is on #{taken.ticket_id} now." if taken.message_id else "It was read.")

    return _carry_out(request, mail, act)


@mail_sorters_only
@require_POST
def mail_assign(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Put it on the ticket `number`; `add_sender` copies its sender in first."""
    mail = find_mail(request, pk)
    form = PutOnForm(request.POST, auto_id="put_on_%s")
    if not form.is_valid():
        return show_mail(request, mail, Forms(put_on=form), status=400)

    def act() -> None:
        number = form.cleaned_data["number"]
        ticket = Ticket.objects.visible_to(request.user).filter(pk=number).first()
        if ticket is None:
            raise Invalid(f"There is no request #{number}.", code="unknown_ticket", field="number")
        wants_sender = bool(request.POST.get("add_sender"))
        message = receive.assign(mail, ticket, by=request.user, at=clock.now(), add_sender=wants_sender)
        how = "an internal note" if message.is_note else "a reply"
        say(request, f"It is on #{message.ticket_id} now, as {how}.")

    def refuse(refusal: DomainError) -> Forms:
        if refusal.field != "number":
            return Forms(refusals=[refusal.sentence])
        form.refuse(refusal)
        return Forms(put_on=form)

    return _carry_out(request, mail, act, refuse)


@mail_sorters_only
@require_POST
def mail_dismiss(request: HttpRequest, pk: int) -> HttpResponseBase:
    mail = find_mail(request, pk)

    def act() -> None:
        actions.dismiss(mail, by=request.user, at=clock.now())
        say(request, "Nothing is done about it.", undo=reverse("mail_undo_dismiss", args=[pk]))

    return _carry_out(request, mail, act)


@mail_sorters_only
@require_POST
def mail_undo_dismiss(request: HttpRequest, pk: int) -> HttpResponseBase:
    mail = find_mail(request, pk)

    def act() -> None:
        actions.undo_dismiss(mail, by=request.user)
        say(request, "It waits to be sorted again.")

    return _carry_out(request, mail, act)


@mail_sorters_only
@require_POST
def mail_block(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Block the mail's sender, or all of their domain."""
    mail = find_mail(request, pk)
    form = BlockForm(request.POST, sender=mail.sender, auto_id="block_%s")
    if not form.is_valid():
        return show_mail(request, mail, Forms(block=form), status=400)

    def act() -> None:
        _block(request, form.pattern, form.cleaned_data["why"])

    def refuse(refusal: DomainError) -> Forms:
        refusal.field = "whole" if refusal.field == "pattern" else refusal.field
        form.refuse(refusal)
        return Forms(block=form)

    return _carry_out(request, mail, act, refuse)


@mail_sorters_only
@require_http_methods(["GET", "HEAD", "POST"])
def blocked_senders(request: HttpRequest) -> HttpResponseBase:
    """Who is kept out; another is added here, too."""
    form = BlockPatternForm(request.POST if request.method == "POST" else None, auto_id="pattern_%s")
    if not form.is_bound:
        return show_blocked(request, form)
    if not form.is_valid():
        return show_blocked(request, form, status=400)
    try:
        _block(request, form.cleaned_data["pattern"], form.cleaned_data["why"])
    except DomainError as refusal:
        form.refuse(refusal)
        return show_blocked(request, form, status=refusal.status)
    return HttpResponseRedirect(reverse("blocked_senders"), status=303)


def _block(request: HttpRequest, pattern: str, why: str) -> None:
    blocked = actions.block_sender(pattern, by=request.user, at=clock.now(), why=why)
    undo = reverse("sender_unblock", args=[blocked.pk])
    say(request, f"Mail from {blocked.pattern} is quarantined from now on.", undo=undo)


@mail_sorters_only
@require_POST
def sender_unblock(request: HttpRequest, pk: int) -> HttpResponseBase:
    blocked = get_object_or_404(BlockedSender, pk=pk)
    actions.unblock_sender(blocked, by=request.user, at=clock.now())
    say(request, f"Mail from {blocked.pattern} is taken again.")
    return HttpResponseRedirect(next_path(request, reverse("blocked_senders")), status=303)


def _beside(refusal: DomainError) -> Forms:
    return Forms(refusals=[refusal.sentence])


def _carry_out(
    request: HttpRequest, mail: IncomingMail, act: Callable[[], None], refuse: Callable[[DomainError], Forms] = _beside
) -> HttpResponse:
    """`act`; what it refuses stands on the page, with the mail as it is by now."""
    try:
        act()
    except DomainError as refusal:
        return show_mail(request, find_mail(request, mail.pk), refuse(refusal), status=refusal.status)
    finally:
        forget_count()
    return HttpResponseRedirect(reverse("mail_detail", args=[mail.pk]), status=303)
