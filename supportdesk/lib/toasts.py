"""What just happened, said once on the next page (or at once by htmx), with *Undo* where it can be undone."""

from django.contrib import messages
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils.html import format_html, format_html_join


def say(request: HttpRequest, sentence: str, *, undo: str = "", **fields: object) -> None:
    """Show `sentence` as a toast; `undo` is the address that a POST of `fields` takes it back at."""
    if not undo:
        messages.success(request, sentence)
        return
    hidden = format_html_join("", '<input type="hidden" name="{}" value="{}">', fields.items())
    form = '{} <form method="post" action="{}"><input type="hidden" name="csrfmiddlewaretoken" value="{}">{}'
    button = '<button class="undo">Undo</button></form>'
    messages.success(request, format_html(form + button, sentence, undo, get_token(request), hidden))
