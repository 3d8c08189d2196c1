"""How a text will look, while it is being written."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_POST

from supportdesk.lib import text
from supportdesk.lib.errors import DomainError
from supportdesk.lib.html import render_markdown
from tickets.views.gate import signed_in


@signed_in
@require_POST
def markdown_preview(request: HttpRequest) -> HttpResponseBase:
    """The sanitised HTML of `text`, by the renderer that the message itself will go through."""
    try:
        source = text.body(request.POST.get("text", ""), field="text", most_bytes=settings.DESCRIPTION_MAX_BYTES)
    except DomainError as refusal:
        return HttpResponse(refusal.sentence, status=refusal.status, content_type="text/plain; charset=utf-8")
    return HttpResponse(render_markdown(source))
