"""What engineering's escalations put on every page of the desk: the way to the queues, and what waits in them."""

from collections.abc import Hashable, Sequence
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import User
from escalations.engineering import queues
from escalations.engineering.access import sees_queues
from supportdesk.lib.tags import icon

_HERE = SafeString(' aria-current="page"')


def queue_links(objects: Sequence[Any], request: HttpRequest) -> dict[Hashable, SafeString]:
    """For the slot `desk.side`: all queues, and each that isn't empty with its number."""
    if not isinstance(request.user, User) or not sees_queues(request.user):
        return {}
    match = request.resolver_match
    here = {"escalation_queues": ""}.get(match.url_name or "", match.kwargs.get("slug")) if match else None
    is_ours = match is not None and (match.url_name or "").startswith("escalation_queue")
    counts = queues.counts()
    links = format_html_join(
        "",
        '<a href="{}"{}>{}{}<span class="count">{}</span></a>',
        (
            (
                queue.address,
                _HERE if is_ours and here == queue.slug else "",
                icon(queue.picture),
                queue.title,
                queues.in_words(counts[queue.slug]),
            )
            for queue in queues.QUEUES
            if counts[queue.slug]
        ),
    )
    first = format_html(
        '<h2>Engineering</h2><a href="{}"{}>{}Owed and overdue</a>',
        reverse("escalation_queues"),
        _HERE if is_ours and here == "" else "",
        icon("list-todo"),
    )
    return {subject.pk: first + links for subject in objects}
