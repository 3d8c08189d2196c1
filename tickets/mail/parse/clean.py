"""HTML of mails made safe to show: its own pictures as `cid:`, nothing fetched from elsewhere, no style, no script.

As in `supportdesk.lib.html` an allow-list parser comes last of all; what is done before it is for looks only.
"""

import html
import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote

import nh3
from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring, tostring

_TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "b", "i", "u", "code", "pre"),
    *("blockquote", "ul", "ol", "li", "dl", "dt", "dd", "a", "img", "div", "span", "sub", "sup"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
}
_CELL = {"colspan", "rowspan"}
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "img": {"src", "alt"}, "td": _CELL, "th": _CELL}
_DROPPED_WHOLE = {"script", "style", "title", "head", "template", "noscript", "textarea", "select", "svg", "math"}
_ALLOWED_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,3}")
_HIDDEN = re.compile(r"display\s*:\s*none|(?:width|height)\s*:\s*[01](?:px)?\s*(?:;|$)", re.IGNORECASE)
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*>")
_PIXEL = 3


def sanitise_mail(source: str) -> str:
    """`source` with formatting, links, and pictures of the mail itself (`cid:`); others are told of, not fetched."""
    document = document_of(source)
    return sanitise_document(document) if document is not None else in_html(bare_text(source))


def with_images(source: str, urls: Mapping[str, str]) -> str:
    """Sanitised HTML to show, its pictures found at `urls` by Content-ID; those that have none are left out."""
    document = document_of(source)
    if document is None:
        return in_html(bare_text(source))
    for image in list(document.iter("img")):
        url = urls.get(cid(image.get("src")))
        image.drop_tree() if url is None else image.set("src", url)
    return _allowed(inner_html(document), frozenset(urls.values()).__contains__)


def document_of(source: str) -> HtmlElement | None:
    """The body of `source`, parsed; None where there is nothing, or where it goes deeper than people's mails do."""
    source = _DECLARATION.sub("", _UNFIT.sub("", source))
    if not source.strip():
        return None
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        root = document_fromstring(source.encode(), parser=parser)
    except (etree.LxmlError, ValueError):
        return None
    # The parser stops at 256 levels, and so bounds what the recursion and the costs behind it can come to.
    if any("depth" in entry.message for entry in parser.error_log):
        return None
    bodies = root.xpath("//body")
    return bodies[0] if bodies else root


def sanitise_document(document: HtmlElement) -> str:
    """The HTML of a parsed body, sanitised; `document` is changed."""
    for image in list(document.iter("img")):
        if not cid(image.get("src")):
            _tell_of(image)
    return _allowed(inner_html(document), lambda source: bool(cid(source)))


def inner_html(element: HtmlElement) -> str:
    return html.escape(element.text or "") + "".join(tostring(child, encoding="unicode") for child in element)


def cid(source: str | None) -> str:
    """The Content-ID that a picture's source names (RFC 2392); empty where it names none."""
    scheme, _, name = (source or "").strip().partition(":")
    return unquote(name).strip("<> ") if scheme.lower() == "cid" else ""


def text_of(source: str) -> str:
    """Sanitised HTML as plain text."""
    if not source.strip():
        return ""
    config = ParserConfig(css=CSS_PROFILES["strict"].copy())
    lines = [line.rstrip() for line in get_text(source, config).replace("\xa0", " ").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def in_html(text: str) -> str:
    """Plain text as the HTML that shows it line by line."""
    return "<p>" + html.escape(text).replace("\n", "<br>") + "</p>" if text.strip() else ""


def bare_text(source: str) -> str:
    """What remains of HTML that can't be parsed when its tags are taken away."""
    return html.unescape(re.sub(r"<[^<>]*>", " ", _UNFIT.sub("", source))).strip()


def _allowed(source: str, is_picture: Callable[[str], bool]) -> str:
    def keep(tag: str, name: str, value: str) -> str | None:
        if name == "src":
            return value if is_picture(value) else None
        if name == "href":
            return value if _ALLOWED_LINK.match(value.strip()) else None
        return value if name not in _CELL or _NUMBER.fullmatch(value) else None

    return nh3.clean(
        source,
        tags=_TAGS,
        clean_content_tags=_DROPPED_WHOLE,
        attributes=_ATTRIBUTES,
        attribute_filter=keep,
        url_schemes={"http", "https", "mailto", "cid"},
        url_relative="pass_through",
        link_rel="nofollow noopener noreferrer ugc",
        strip_comments=True,
    ).strip()


def _tell_of(image: HtmlElement) -> None:
    """Put a link in the place of a picture from elsewhere; one that is there to count readers vanishes."""
    source = (image.get("src") or "").strip()
    if _is_pixel(image) or not source:
        image.drop_tree()
        return
    label = f"[image: {image.get('alt', '').strip()[:100]}]" if image.get("alt", "").strip() else "[image]"
    is_linked = any(ancestor.tag == "a" for ancestor in image.iterancestors())
    address = source if _ALLOWED_LINK.match(source) and not is_linked else ""
    image.attrib.clear()
    image.tag = "a" if address else "span"
    image.text = label
    if address:
        image.set("href", address)


def _is_pixel(image: HtmlElement) -> bool:
    sizes = [re.match(r"\s*(\d+)", image.get(side, "")) for side in ("width", "height")]
    return any(size and int(size[1][:6]) <= _PIXEL for size in sizes) or bool(_HIDDEN.search(image.get("style", "")))
