"""How ada edits promises: the matrix's form as a browser would send it."""

from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tickets.models import PolicyDraft, SlaPolicy

MATRIX = "/admin/tickets/slapolicy/matrix/"
Cells = dict[tuple[str, str, int], tuple[str, str]]
"""Number and unit, by plan, promise and priority."""


class _Fields(HTMLParser):
    """What the page's form would send if nothing were touched."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "input" and name.startswith("p") and given.get("type") in {"text", "hidden"}:
            self.fields[name] = given.get("value") or ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self.fields[self._select] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""


def fields_of(page: HttpResponse) -> dict[str, str]:
    parser = _Fields()
    parser.feed(page.content.decode())
    return parser.fields


def cell(plan: str, promise: str, priority: int) -> str:
    return f"p{SlaPolicy.objects.get(plan__slug=plan).pk}-{promise}-{priority}"


def typed(cells: Cells) -> dict[str, str]:
    """The fields of some cells."""
    fields = {}
    for (plan, promise, priority), (number, unit) in cells.items():
        name = cell(plan, promise, priority)
        fields |= {f"{name}_number": number, f"{name}_unit": unit}
    return fields


def send(admin: Client, cells: Cells, url: str = MATRIX, **more: str) -> HttpResponse:
    """Open the matrix, type into some cells, press Preview."""
    return admin.post(url, {**fields_of(admin.get(url)), **typed(cells), **more})


def draft_of(admin: Client, cells: Cells, **more: str) -> PolicyDraft:
    answer = send(admin, cells, **more)
    assert answer.status_code == 302, errors_in(answer)
    draft = PolicyDraft.objects.latest("pk")
    assert answer["Location"] == address(draft)
    return draft


def address(draft: PolicyDraft) -> str:
    return reverse("admin:tickets_slapolicy_draft", args=[draft.pk])


def errors_in(answer: HttpResponse) -> Any:
    return answer.context["refusal"], [form.errors for form in answer.context["forms"] if form.errors]


def apply(admin: Client, draft: PolicyDraft, scope: str, tickets: Any = (), **more: Any) -> HttpResponse:
    chosen = {"scope": scope, "tickets": [ticket.pk for ticket in tickets], "action": "apply"}
    return admin.post(address(draft), {**chosen, **more})
