"""The mail that came in, as leads look at it: what each became, and why. Originals go out here, too."""

from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode

from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from accounts.public_mail import PUBLIC_MAIL_DOMAINS
from supportdesk.lib import keyset
from supportdesk.lib.errors import Invalid
from supportdesk.lib.http import page, private_file
from tickets.forms.mailroom import BlockForm, BlockPatternForm, PutOnForm
from tickets.mail.identity import Belief, believe
from tickets.mail.remarks import SENTENCES
from tickets.models import BlockedSender, IncomingMail, MailReason, MailState
from tickets.querysets import IncomingMailQuerySet
from tickets.slots import to_sort
from tickets.views.agent.gate import desk_only, mail_sorters_only
from tickets.views.agent.places import places
from tickets.views.gate import denied, security

PAGE_SIZE = 50
SEARCHED = 100_000
"""Search looks at so many mails, the newest: how long it takes doesn't grow with the years."""
SORT, ALL = "sort", "all"

Row = TypeVar("Row", bound=Model)


@mail_sorters_only
@require_safe
def mail_list(request: HttpRequest) -> HttpResponseBase:
    """What is to be sorted, everything, or one state; `q` is how a sender or a subject begins."""
    show = request.GET.get("show", SORT)
    show = show if show in {ALL, *MailState.values} else SORT
    words = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    shown = _page(_searched(_of(IncomingMail.objects.visible_to(request.user), show), words), request)
    kept = [(name, value) for name, value in (("show", show if show != SORT else ""), ("q", words)) if value]
    context = {
        "rows": shown.rows,
        "tabs": _tabs(show),
        "show": show,
        "q": words,
        "newer": f"?{urlencode([*kept, ('page', shown.newer)])}" if shown.newer else "",
        "older": f"?{urlencode([*kept, ('page', shown.older)])}" if shown.older else "",
        "views": places(request.user),
    }
    return page(request, "tickets/desk/mail_list.html", context)


def _of(mails: IncomingMailQuerySet, show: str) -> QuerySet[IncomingMail]:
    rows = mails if show == ALL else mails.filter(state=show) if show in MailState.values else mails.unsettled()
    return rows.select_related("ticket", "settled_by")


def _searched(rows: QuerySet[IncomingMail], words: str) -> QuerySet[IncomingMail]:
    if not words:
        return rows
    newest = IncomingMail.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    begins = Q(sender__startswith=words.lower()) | Q(sender_name__istartswith=words) | Q(subject__istartswith=words)
    return rows.filter(begins, pk__gt=newest - SEARCHED)


def _page(rows: QuerySet[Row], request: HttpRequest) -> keyset.Page[Row]:
    """By the cursor of the address; the first page where that is none."""
    try:
        return keyset.page_of(rows, by="id", size=PAGE_SIZE, cursor=request.GET.get("page", ""))
    except Invalid:
        return keyset.page_of(rows, by="id", size=PAGE_SIZE)


def _tabs(show: str) -> list[tuple[str, str, str, bool]]:
    """Key, label, number and whether it is this one."""
    states = [(state.value, state.label.capitalize()) for state in MailState]
    pairs = [(SORT, "To sort"), (ALL, "All"), *states]
    return [(key, label, to_sort() if key == SORT else "", key == show) for key, label in pairs]


# --- One mail ------------------------------------------------------------------------------------------------------


@dataclass
class Forms:
    """The forms beside a mail; a verb that was refused puts its own in place of the empty one."""

    put_on: PutOnForm | None = None
    block: BlockForm | None = None
    refusals: list[str] = field(default_factory=list)


def find_mail(request: HttpRequest, pk: int) -> IncomingMail:
    rows = IncomingMail.objects.visible_to(request.user).select_related("ticket", "message", "user", "settled_by")
    mail = rows.filter(pk=pk).first()
    if mail is None:
        raise Http404
    return mail


@mail_sorters_only
@require_safe
def mail_detail(request: HttpRequest, pk: int) -> HttpResponseBase:
    return show_mail(request, find_mail(request, pk), Forms())


def show_mail(request: HttpRequest, mail: IncomingMail, forms: Forms, *, status: int = 200) -> HttpResponse:
    domain = f"@{mail.sender.rpartition('@')[2]}"
    context = {
        "mail": mail,
        "verdict": verdict(mail),
        "remarks": [SENTENCES[remark] for remark in mail.remarks if remark in SENTENCES],
        "may": offers(mail),
        "put_on": forms.put_on or PutOnForm(auto_id="put_on_%s"),
        "block_form": forms.block or (BlockForm(sender=mail.sender, auto_id="block_%s") if mail.sender else None),
        "blocked": list(BlockedSender.objects.current().filter(pattern__in=[mail.sender, domain]))
        if mail.sender
        else [],
        "refusals": forms.refusals,
        "views": places(request.user),
    }
    return page(request, "tickets/desk/mail_detail.html", context, status=status)


def verdict(mail: IncomingMail) -> Belief:
    """Whether the sender is who they say, as found by what our own mail server wrote on the message."""
    return believe(mail.verdict, mail.sender, shared_domains=PUBLIC_MAIL_DOMAINS)


@dataclass(frozen=True)
class Offers:
    """What can be made of a mail as it is now."""

    sort: bool
    recover: bool
    approve: bool
    dismiss: bool
    undo: bool


def offers(mail: IncomingMail) -> Offers:
    is_open = mail.settled_by_id is None and (mail.is_put_aside or mail.state == MailState.REDIRECTED)
    is_strangers = mail.reason == MailReason.NOT_PARTICIPANT
    # Nobody vouches for a colleague's mail that isn't proved, nor for one that is to be approved (S003, S005).
    may_be_believed = mail.reason not in {MailReason.NOT_PARTICIPANT, MailReason.FORGED_STAFF}
    return Offers(
        sort=is_open,
        recover=is_open and bool(mail.sender or mail.reason == MailReason.UNREADABLE) and may_be_believed,
        approve=is_open and is_strangers and mail.ticket_id is not None,
        dismiss=mail.is_unsettled,
        undo=mail.is_put_aside and mail.settled_by_id is not None,
    )


# --- The original --------------------------------------------------------------------------------------------------


@desk_only
@require_safe
def mail_original(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The raw message, always to be saved: for who sorts mail, and of a message for the staff who sees it (S029)."""
    mail = IncomingMail.objects.readable_by(request.user).filter(pk=pk).first()
    if mail is None:
        if IncomingMail.objects.filter(pk=pk).exists():
            denied(request.user, "mail", pk)
        raise Http404
    try:
        file = mail.file.open("rb")
    except FileNotFoundError:
        security.error("mail.missing mail=%s", pk)
        raise Http404 from None
    security.info("mail.downloaded user=%s mail=%s", request.user.pk, pk)
    return private_file(file, name=f"mail-{pk}.eml", content_type="message/rfc822")


# --- Who is kept out -----------------------------------------------------------------------------------------------


def show_blocked(request: HttpRequest, form: BlockPatternForm, *, status: int = 200) -> HttpResponse:
    rows = BlockedSender.objects.current().select_related("blocked_by")
    shown = _page(rows, request)
    context = {
        "rows": shown.rows,
        "form": form,
        "newer": f"?page={shown.newer}" if shown.newer else "",
        "older": f"?page={shown.older}" if shown.older else "",
        "views": places(request.user),
    }
    return page(request, "tickets/desk/mail_blocked.html", context, status=status)
