"""Markdown to HTML that is safe to show: CommonMark rendered, then sanitised by an allow-list parser, last of all."""

import html
import logging
import re
from functools import lru_cache
from html.parser import HTMLParser

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


def with_images_named(sanitised: str) -> SafeString:
    """`sanitised` HTML with `[image: name]` for each image, for where they can't be shown."""
    if "<img" not in sanitised:
        return SafeString(sanitised)
    reader = _ImagesNamed(convert_charrefs=False)
    reader.feed(sanitised)
    reader.close()
    return SafeString("".join(reader.parts))


class _ImagesNamed(HTMLParser):
    """Repeats what it is fed, which has been sanitised, but for images."""

    def reset(self) -> None:
        super().reset()
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.parts.append(f"[image: {escaped(dict(attrs).get('alt') or 'without a name')}]")
        else:
            self.parts.append(self.get_starttag_text() or "")

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_entityref(self, name: str) -> None:
        self.parts.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.parts.append(f"&#{name};")


def _as_text(source: str) -> SafeString:
    return mark_safe(f"<pre>{escape(source)}</pre>")  # noqa: S308 - escaped in the line itself


def _is_costly(source: str) -> bool:
    """Whether the source looks made to slow a renderer down rather than to be read."""
    brackets = source.count("[") + source.count("*") + source.count("_") + source.count("`") + source.count("<")
    return bool(_DEEP.search(source)) or brackets > 8_000
