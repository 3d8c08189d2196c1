"""What an HTML mail quotes, and its signature, found by the elements that mail programs put around them."""

from collections.abc import Iterator
from copy import deepcopy
from itertools import islice, pairwise

from lxml import etree
from lxml.html import HtmlElement, document_fromstring

from tickets.mail.parse.clean import cid
from tickets.mail.parse.quotes import introduces

_HOLDS_A_QUOTATION = " or ".join(
    [
        *(
            f"contains(concat(' ', normalize-space(@class), ' '), ' {name} ')"
            for name in ("gmail_quote", "yahoo_quoted")
        ),
        "(self::blockquote and @type='cite')",
        *(f"starts-with(@class, '{name}')" for name in ("moz-cite-prefix", "protonmail_quote", "gmail_extra")),
        "@id='yahoo_quoted'",
        "@name='quote'",
    ]
)
_BEGINS_A_QUOTATION = (
    "contains(@id, 'appendonsend') or contains(@id, 'divRplyFwdMsg') or @id='mail-editor-reference-message-container' "
    "or @id='OLK_SRC_BODY_SECTION' or contains(@id, 'replySplit')"
)
_HOLDS_A_SIGNATURE = (
    "starts-with(@class, 'gmail_signature') or @id='AppleMailSignature' or starts-with(@class, 'moz-signature') "
    "or @id='Signature' or @id='ms-outlook-mobile-signature' or contains(@class, 'protonmail_signature_block')"
)
_BLOCKS = ("p", "div", "font", "span", "td", "pre", "b")
_MOST_BLOCKS = 400
_LONGEST_INTRODUCTION = 600


def split_document(document: HtmlElement) -> tuple[HtmlElement, HtmlElement | None]:
    """A parsed body as what was just written and the rest, which is None where nothing was found to part.

    All of it is new where nothing would be left, as in a bare forward. A quotation is taken out of the place where it
    stands, so that answers below it stay; those that are answered point by point stay too.
    """
    own, rest = deepcopy(document), document_fromstring("<html><body></body></html>")[0]
    held = _outermost(own, _HOLDS_A_QUOTATION)
    begin = _first_of_the_rest(own, held)
    if begin is not None:
        _move_from(begin, own, rest)
        held = [element for element in held if _is_within(element, own)]
    found = [*_not_answered(own, held), *_outermost(own, _HOLDS_A_SIGNATURE)]
    for at, element in enumerate(found):
        if _is_within(element, own) and not any(_is_within(element, other) for other in found[:at]):
            _move(element, rest, at)
    if not _says_anything(own):
        return document, None
    return own, rest if len(rest) else None


def _first_of_the_rest(own: HtmlElement, held: list[HtmlElement]) -> HtmlElement | None:
    """The element from which on all is quoted: by its id, or because it reads like the head of a quotation."""
    for element in own.xpath(f".//*[{_BEGINS_A_QUOTATION}]"):
        return element
    quoted = set(held)
    for element in islice(own.iter(*_BLOCKS), _MOST_BLOCKS):
        if any(one in quoted for one in (element, *element.iterancestors())):
            continue
        text = "".join(islice(_lines(element), 200))
        if len(text) <= _LONGEST_INTRODUCTION and text.strip() and introduces(text):
            return element
    return None


def _lines(element: HtmlElement) -> Iterator[str]:
    """The text of an element with a line break where it has one, as far as an introduction may be long."""
    length = 0
    for event, one in etree.iterwalk(element, events=("start", "end")):
        text = one.text if event == "start" else ("\n" if one.tag in {"br", "p", "div"} else "")
        if event == "end" and one is not element:
            text = (text or "") + " ".join((one.tail or "").split())
        yield text or ""
        length += len(text or "")
        if length > _LONGEST_INTRODUCTION:
            return


def _not_answered(own: HtmlElement, held: list[HtmlElement]) -> list[HtmlElement]:
    """The quotations to take out: all, or those below the last own line where two or more are answered."""
    order: list[HtmlElement | None] = []  # quotations, and None for own text
    quoted, inside = set(held), 0
    for event, element in etree.iterwalk(own, events=("start", "end")):
        if element in quoted:
            inside += 1 if event == "start" else -1
            order += [element] if event == "start" else []
        text = element.text if event == "start" else (element.tail if element is not own else "")
        if not inside and (text or "").strip() and (not order or order[-1] is not None):
            order.append(None)
    answered = sum(1 for above, below in pairwise(order) if above is not None and below is None)
    if answered < 2:
        return held
    last = len(order) - 1 - order[::-1].index(None)
    return [element for element in order[last:] if element is not None]


def _outermost(own: HtmlElement, condition: str) -> list[HtmlElement]:
    found = own.xpath(f".//*[{condition}]")
    every = set(found)
    return [one for one in found if not any(above in every for above in one.iterancestors())]


def _is_within(element: HtmlElement, root: HtmlElement) -> bool:
    return any(above is root for above in element.iterancestors())


def _move(element: HtmlElement, rest: HtmlElement, at: int) -> None:
    """Take an element out, leaving the text behind it; before what `rest` holds from further below."""
    copy = deepcopy(element)
    copy.tail = None
    element.drop_tree()
    rest.insert(at, copy)


def _move_from(begin: HtmlElement, own: HtmlElement, rest: HtmlElement) -> None:
    """Take an element out and all that follows it, at its own level and at those above."""
    element = begin
    following = [begin]
    while element is not own:
        following.extend(element.itersiblings())
        element = element.getparent()
    for one in following:
        rest.append(one)


def _says_anything(own: HtmlElement) -> bool:
    return bool("".join(own.itertext()).strip("\xa0\u200b \t\r\n")) or any(
        cid(one.get("src")) for one in own.iter("img")
    )
