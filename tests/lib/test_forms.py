"""Inputs drawn in Python are what Django's templates would have drawn."""

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.test.html import parse_html
from django.utils.safestring import mark_safe

from supportdesk.lib.forms import Renderer

NASTY = """<b>"it's" & more</b>"""
CHOICES = [("", "Choose…"), (1, NASTY), ("two", mark_safe("<i>safe</i>")), ("Group <1>", [(3, "Three"), (4, "Four")])]
ATTRS = {"class": "in", "data-x": NASTY, "required": True, "disabled": False, "aria-describedby": mark_safe("a & b")}


@pytest.mark.parametrize(
    ("widget", "value"),
    [
        (forms.Select(choices=CHOICES), 1),
        (forms.Select(choices=CHOICES), None),
        (forms.SelectMultiple(choices=CHOICES), ["two", "4"]),
        (forms.NullBooleanSelect(), True),
        (forms.TextInput(), NASTY),
        (forms.TextInput(), None),
        (forms.TextInput(), 0),
        (forms.EmailInput(), "rita@northwind.example"),
        (forms.NumberInput(), 12000),
        (forms.PasswordInput(), "secret"),
        (forms.HiddenInput(), NASTY),
        (forms.Textarea(attrs={"rows": 8}), f"\n{NASTY}\n  two"),
        (forms.Textarea(), None),
        (forms.DateInput(), "2026-11-23"),
        (forms.CheckboxInput(), True),
        (forms.RadioSelect(choices=CHOICES), 3),
        (forms.FileInput(), None),
    ],
)
def test_the_same_as_djangos(widget: forms.Widget, value: object) -> None:
    ours = widget.render("field", value, ATTRS, renderer=Renderer())
    assert parse_html(ours) == parse_html(widget.render("field", value, ATTRS, renderer=DjangoTemplates()))


def test_a_textarea_keeps_its_text_to_the_letter() -> None:
    drawn = forms.Textarea().render("body", "  two\n\nlines ", {}, renderer=Renderer())
    assert "\n  two\n\nlines </textarea>" in drawn
