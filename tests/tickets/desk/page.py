"""Reading the desk's pages as an agent does."""

import html
import re
from typing import Any

from django.http import HttpResponse

from tickets.models import Ticket


def text(answer: HttpResponse) -> str:
    """The words of a page, without its markup."""
    words = re.sub(r"<[^>]*>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", html.unescape(words))


def numbers(answer: HttpResponse) -> list[int]:
    """The tickets of the queue's table, in its order."""
    return [int(number) for number in re.findall(r'id="t(\d+)" data-open', answer.content.decode())]


def counts(answer: HttpResponse) -> dict[str, str]:
    """The number beside each view."""
    found = re.findall(r"</svg>([^<]+)<span class=\"count\">([^<]+)</span>", answer.content.decode())
    return {html.unescape(label): number for label, number in found}


def link(answer: HttpResponse, rel: str) -> str:
    """The address of the next or previous page, empty without one."""
    found = re.search(rf'rel="{rel}" href="([^"]*)"', answer.content.decode())
    return html.unescape(found[1]) if found else ""


def hidden(answer: HttpResponse, action: str) -> dict[str, str]:
    """The hidden fields of the form that is sent to an address ending in `action`."""
    body = answer.content.decode()
    form = next(form for form in re.findall(r"<form.*?</form>", body, re.DOTALL) if f'{action}"' in form.split(">")[0])
    pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in pairs if name != "csrfmiddlewaretoken"}


def fresh(ticket: Ticket) -> Any:
    return Ticket.objects.get(pk=ticket.pk)
