"""What this app adds to every page of the desk: the way to *Mail*, with how much there is to sort."""

from collections.abc import Hashable, Sequence
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from supportdesk.lib.kept import Kept
from supportdesk.lib.tags import icon
from tickets import access
from tickets.models import IncomingMail

_COUNTED_TO = 999
_unsettled = IncomingMail.objects.unsettled().order_by()[: _COUNTED_TO + 1]
_count = Kept(_unsettled.count, seconds="QUEUE_COUNTS_SECONDS")


def to_sort() -> str:
    """How many mails nobody has dealt with, empty for none; may be a moment old."""
    found = _count()
    return f"{_COUNTED_TO}+" if found > _COUNTED_TO else str(found or "")


def forget_count() -> None:
    """Count anew at the next look: a mail has just been sorted."""
    _count.forget()


def mail_link(objects: Sequence[Any], request: HttpRequest) -> dict[Hashable, SafeString]:
    """For the slot `desk.side`: for who sorts mail, and nobody else."""
    if not request.user.is_authenticated or not access.may_sort_mail(request.user):
        return {}
    here = request.resolver_match.url_name if request.resolver_match else ""
    current = SafeString(' aria-current="page"') if here in {"mail_list", "mail_detail", "blocked_senders"} else ""
    number = to_sort()
    count = format_html('<span class="count">{}<span class="vh"> to sort</span></span>', number) if number else ""
    link = format_html('<a href="{}"{}>{}Mail{}</a>', reverse("mail_list"), current, icon("mail"), count)
    return {subject.pk: link for subject in objects}
