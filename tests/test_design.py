"""The look keeps its promises: readable colours from tokens only, and pages that the security policy lets through."""

import re
from pathlib import Path
from zipfile import ZipFile

import lucide
import pytest
from django.conf import settings
from django.template.loader import get_template, render_to_string

ROOT = Path(settings.BASE_DIR)
CSS = (ROOT / "static/css/desk.css").read_text()
TEMPLATES = [
    path for folder in ("templates", "tickets", "accounts", "escalations") for path in (ROOT / folder).rglob("*.html")
]
TOKENS = {name: pair for name, *pair in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", CSS)}

SURFACES = ("paper", "canvas", "sunken", "raised", "accent-soft", "accent-faint")
SOFT = ("urgent-soft", "warn-soft", "ok-soft", "info-soft", "note")
READ_ON = {
    "ink": SURFACES + SOFT,
    "ink-2": SURFACES + SOFT,
    "ink-3": ("paper", "canvas", "raised", "sunken", "accent-faint"),
    "accent": (*SURFACES, "face", "note", "urgent-soft"),
    "urgent": (*SURFACES, "urgent-soft"),
    "high": SURFACES,
    "ok": (*SURFACES, "ok-soft", "face-customer"),
    "warn": (*SURFACES, "warn-soft", "note"),
    "info": (*SURFACES, "info-soft"),
    "paper": ("ink",),
    "accent-ink": ("accent", "accent-2"),
    "urgent-ink": ("urgent",),
    "note-act-ink": ("note-act",),
}


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ink", READ_ON)
def test_text_is_readable_on_every_surface_it_stands_on(ink, theme):
    """WCAG 2.2, 1.4.3: 4.5 to 1."""
    pale = {on: _contrast(TOKENS[ink][theme], TOKENS[on][theme]) for on in READ_ON[ink]}
    assert not {on: round(ratio, 2) for on, ratio in pale.items() if ratio < 4.5}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_the_border_of_a_field_is_seen(theme):
    """WCAG 2.2, 1.4.11: 3 to 1."""
    assert all(
        _contrast(TOKENS["line-3"][theme], TOKENS[on][theme]) >= 3 for on in ("paper", "canvas", "raised", "note")
    )


def test_no_colour_is_written_outside_the_tokens():
    parts = CSS.split("@layer base {", 1)[1]
    assert not re.findall(r"(?:#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\()[^;]*;", parts)


def test_every_token_that_is_used_exists():
    local = set(re.findall(r"(--[\w-]+):", CSS))
    assert set(re.findall(r"var\((--[\w-]+)", CSS)) <= local


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_holds_nothing_that_the_security_policy_forbids(path):
    text = path.read_text()
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text), "inline handlers are forbidden"
    if "emails" not in path.parts:  # mails have no style sheet to link to, no policy, and Outlook
        assert "<style" not in text, "inline styles are forbidden"
        assert not re.search(r"\sstyle\s*=", text), "style attributes are forbidden: use a class"
    assert not re.search(r"<script(?![^>]*\ssrc=)", text), "inline scripts are forbidden"


def test_every_icon_exists():
    with ZipFile(Path(lucide.__file__).parent / "lucide.zip") as drawn:
        names = {name.removesuffix(".svg") for name in drawn.namelist()}
    used = {
        (path.name, name)
        for path in TEMPLATES
        for name in re.findall(r'(?:icon|picture=)\s*"([\w-]+)"', path.read_text())
    }
    assert not {(where, name) for where, name in used if name not in names}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_compiles(path):
    get_template(str(path).split("/templates/", 1)[1])


@pytest.mark.parametrize("name", ["500.html", "503.html", "400.html"])
def test_the_pages_of_bad_hours_need_neither_request_nor_database(name):
    assert "<h1>" in render_to_string(name)
