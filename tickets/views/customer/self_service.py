"""Where people without the portal find answers."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from supportdesk.lib.http import page


def self_service_options() -> list[dict[str, str]]:
    """Documentation, forum, community: as far as the desk is configured to name them."""
    options = [
        (
            "book-open",
            "Documentation",
            "Install, configure and use it.",
            settings.DOCUMENTATION_URL,
        ),
        ("messages-square", "Forum", "Questions that others had, and their answers.", settings.FORUM_URL),
        ("users", "Community", "Talk to users and contributors.", settings.COMMUNITY_URL),
    ]
    return [{"picture": picture, "name": name, "text": text, "url": url} for picture, name, text, url in options if url]


def self_service(request: HttpRequest, *, status: int = 200) -> HttpResponse:
    """The page for somebody whose plan comes without the portal."""
    return page(request, "tickets/customer/self_service.html", {"options": self_service_options()}, status=status)
