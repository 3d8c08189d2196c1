"""Markdown to HTML that is safe to show: CommonMark rendered, then sanitised by an allow-list parser, last of all."""

import html
import logging
import re
from functools import lru_cache

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

logger = logging.getLogger(__name__)

RENDERER_VERSION = 1
"""Raise it when rendering changes: stored HTML of another version is rendered again."""

_TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "code", "pre", "blockquote"),
    *("ul", "ol", "li", "a", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "code": {"class"}, "ol": {"start"}}
_DEEP = re.compile(r"^(?:\s*>){40,}", re.MULTILINE)


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    # Raw HTML is text, images are links (opening a ticket must not reach a third party: S045).
    return (
        MarkdownIt("commonmark", {"html": False, "linkify": True, "breaks": True, "maxNesting": 20})
        .enable(["table", "strikethrough", "linkify"])
        .disable("image")
    )


def render_markdown(source: str) -> SafeString:
    """Sanitised HTML of `source`; source that can't be rendered cheaply is shown as escaped text (S105)."""
    if not source.strip():
        return SafeString("")
    if _is_costly(source):
        return _as_text(source)
    try:
        rendered = _markdown().render(source)
    except Exception:
        logger.exception("markdown could not be rendered")
        return _as_text(source)
    return mark_safe(sanitise(rendered))  # noqa: S308 - sanitised in the line itself


def markup(form: str, *values: object) -> SafeString:
    """Django's `format_html` for what a page is full of: the same, without its long way round for translated texts."""
    return SafeString(form.format(*[value if isinstance(value, SafeString) else escaped(value) for value in values]))


def escaped(value: object) -> str:
    """The value as text that is safe in an element or a quoted attribute, even if it was safe before."""
    return html.escape(str(value))


def sanitise(source: str) -> str:
    """`source` with nothing in it but formatting and http, https and mailto links."""
    return nh3.clean(
        source,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer ugc",
        strip_comments=True,
    )


def _as_text(source: str) -> SafeString:
    return mark_safe(f"<pre>{escape(source)}</pre>")  # noqa: S308 - escaped in the line itself


def _is_costly(source: str) -> bool:
    """Whether the source looks made to slow a renderer down rather than to be read."""
    brackets = source.count("[") + source.count("*") + source.count("_") + source.count("`") + source.count("<")
    return bool(_DEEP.search(source)) or brackets > 8_000
