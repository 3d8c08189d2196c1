"""What customers are told before they ask: guidance of the categories."""

from functools import lru_cache

from django.db.models import Q
from django.utils.safestring import SafeString

from supportdesk.lib.html import markup, render_markdown
from supportdesk.lib.kept import Kept
from tickets.models import Category


@lru_cache(maxsize=256)
def guidance_html(source: str) -> SafeString:
    """A category's guidance rendered; kept, because each form shows all of them."""
    return render_markdown(source)


@Kept
def guides() -> list[Category]:
    """The categories that are offered and say what we need to know."""
    return list(Category.objects.filter(~Q(guidance="") | ~Q(guide_url=""), is_active=True))


_GUIDE = (
    '<section class="card {}" data-shown-when="category={}"{}><h2>{}: what helps us</h2>'
    '<div class="prose small">{}</div>{}</section>'
)
_LINK = '<a class="link small" href="{}" rel="noopener" target="_blank">Troubleshooting guide</a>'
_HIDDEN = SafeString(" hidden")


def guides_html(chosen: int | None, *, look: str) -> SafeString:
    """All guides as cards of the class `look`, hidden but for that of the chosen category; a form shows them twice."""
    return SafeString(
        "".join(
            markup(
                _GUIDE,
                look,
                one.pk,
                "" if one.pk == chosen else _HIDDEN,
                one.name,
                guidance_html(one.guidance),
                markup(_LINK, one.guide_url) if one.guide_url else "",
            )
            for one in guides()
        )
    )
