"""The small parts of every page."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django import forms
from django.template import Context, Template
from django.utils import timezone

from supportdesk.lib import clock, tags

NOW = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _at_two(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=6), "6 min ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(hours=25), "yesterday"),
        (timedelta(days=4), "4 days ago"),
        (timedelta(days=30), "24 Oct"),
        (timedelta(days=400), "19 Oct 2025"),
        (-timedelta(minutes=5), "in 5 min"),
        (-timedelta(days=1, hours=1), "tomorrow"),
    ],
)
def test_times_are_told_as_people_tell_them(passed, words):
    assert tags.relative(NOW - passed, NOW) == words


def test_a_time_is_shown_in_the_viewers_zone():
    with timezone.override(zoneinfo.ZoneInfo("Europe/Berlin")):
        shown = tags.ago(NOW - timedelta(minutes=6))
        exact = tags.when(NOW)
    assert 'title="Mon 23 Nov 2026, 14:56 CET"' in shown
    assert 'datetime="2026-11-23T13:56:00+00:00"' in shown
    assert ">23 Nov 2026, 15:02<" in exact


def test_customers_see_on_hold_as_open():
    assert tags.status_chip("on_hold") == '<span class="chip hold">On-hold</span>'
    assert tags.status_chip("on_hold", audience="customer") == '<span class="chip open">Open</span>'


def test_every_priority_has_an_icon_and_a_word():
    marks = [tags.priority_mark(priority) for priority in (1, 2, 3, 4, None)]
    assert all("<svg" in mark and 'aria-hidden="true"' in mark for mark in marks)
    assert [mark.split("</svg>")[1].removesuffix("</span>") for mark in marks] == [
        *("Urgent", "High", "Normal", "Low"),
        "No priority yet",
    ]


@pytest.mark.parametrize(("name", "letters"), [("Rita Lang", "RL"), ("bo", "bo"), ("ann.reyes", "ar"), ("", "?")])
def test_initials(name, letters):
    assert tags.initials(name) == letters


def test_a_name_is_escaped():
    assert "<b>" not in tags.face(SimpleNamespace(display_name="<b>x</b>", is_desk=False), alone=True)


class Form(forms.Form):
    subject = forms.CharField(help_text="One line.")
    version = forms.CharField(required=False)


def test_a_field_ties_label_help_and_error_to_its_input():
    template = Template("{% load desk %}{% field form.subject rows=6 data_key='r' %}")
    html = template.render(Context({"form": Form({"subject": ""})}))
    assert '<label for="id_subject">Subject</label>' in html
    assert 'aria-describedby="id_subject_help id_subject_error"' in html
    assert 'aria-invalid="true"' in html
    assert 'id="id_subject_error"' in html
    assert 'data-key="r"' in html


def test_what_may_stay_empty_says_so():
    assert "optional" in tags.field(Form()["version"])
    assert "optional" not in tags.field(Form()["subject"])
