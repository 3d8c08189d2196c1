"""The editor's door: what is typed is kept, what is wrong is said beside its field, only "save" saves."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from escalations import actions, defaults
from escalations.models import EscalationPolicy, Schedule
from supportdesk.lib import clock
from tests.escalations import schedule_drafts as drafts
from tests.escalations.schedule_drafts import form, layer, window

NEW, LIST = "/desk/on-call/schedules/new/", "/desk/on-call/schedules/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(ada: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(ada)


@pytest.fixture
def schedule(ada: User, bo: User) -> Schedule:
    draft = drafts.schedule(layer("All", bo))
    return actions.save_schedule(None, draft=draft, version=0, gaps_why="", by=ada, at=clock.now())


def values(answer: HttpResponse) -> dict[str, Any]:
    """What stands in the form that came back, by name."""
    editor = answer.context["editor"]  # type: ignore[attr-defined]
    return {bound.html_name: bound.value() for part in editor.parts().values() for bound in part}


def errors(answer: HttpResponse) -> dict[str, str]:
    editor = answer.context["editor"]  # type: ignore[attr-defined]
    found = ((part.prefix, name, said) for part in editor.parts().values() for name, said in part.errors.items())
    return {f"{prefix}-{name}" if prefix else name: str(said[0]) for prefix, name, said in found}


def asked(queries: Any) -> int:
    """How many queries, without the clock's own, which it asks once a second."""
    return sum("lib_clockoffset" not in query["sql"] for query in queries)


def test_leads_and_admins_save_what_they_typed(lea: User, bo: User, ann: User, client_of: Callable[..., Any]) -> None:
    draft = drafts.schedule(layer("Nights", ann, hours=window(20, 8)), layer("All", bo, ann), purpose="First line.")
    answer = client_of(lea).post(NEW, form(draft, save="1"))
    assert (answer.status_code, answer["Location"]) == (303, LIST)
    schedule = Schedule.objects.get()
    shown = client_of(lea).get(f"{LIST}{schedule.pk}/")
    assert values(shown)["l0-w0-ends_after_days"] == "1"
    assert [values(shown)[f"l1-m{turn}-person"] for turn in (0, 1)] == [str(bo.pk), str(ann.pk)]
    listed = client_of(lea).get(LIST).content.decode()
    assert "First line." in listed
    assert "2 layers" in listed


@pytest.mark.parametrize(("who", "status"), [("ann", 403), ("sven", 403), ("rita", 404), ("pat", 404)])
def test_nobody_else_may(
    request: pytest.FixtureRequest, who: str, status: int, schedule: Schedule, client_of: Callable[..., Any]
) -> None:
    client = client_of(request.getfixturevalue(who))
    for path in (LIST, NEW, f"{LIST}{schedule.pk}/", f"{LIST}{schedule.pk}/delete/", f"{LIST}999999/"):
        assert client.get(path).status_code == status
        assert client.post(path, {"save": "1"}).status_code in {status, 405 if path == LIST else status}
    assert Schedule.objects.get() == schedule


def test_strangers_come_back_after_logging_in(client: Client, schedule: Schedule) -> None:
    path = f"{LIST}{schedule.pk}/"
    assert client.post(path, {"save": "1"})["Location"] == f"/accounts/login/?next={path}"


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"name": ""}, "name", "Give the schedule a name."),
        ({"l0-name": ""}, "l0-name", "Give the layer a name."),
        ({"l1-name": "all"}, "l1-name", "Another layer has this name."),
        ({"l0-zone": "Europe/Atlantis"}, "l0-zone", "Choose a time zone such as Europe/Berlin."),
        ({"l0-days": "a week"}, "l0-days", "A number of days, such as 7."),
        ({"l0-days": "0"}, "l0-days", "From 1 to 366 days."),
        ({"l0-anchor": "tomorrow"}, "l0-anchor", "A date, such as 2026-11-30."),
        ({"l0-hand_over": "25:00"}, "l0-hand_over", "A time, such as 09:00."),
        ({"l0-m0-person": ""}, "l0-m0-person", "Name at least one person"),
        ({"l0-m0-person": "123456789"}, "l0-m0-person", "valid choice"),
        ({"l1-w0-weekdays": []}, "l1-w0-weekdays", "Tick at least one day."),
        ({"l1-w0-ends": "08:00"}, "l1-w0-ends", "This is before it starts."),
        ({"l1-w0-starts": ""}, "l1-w0-starts", "A time, such as 09:00."),
        ({"l1-w0-ends_after_days": "9"}, "l1-w0-ends_after_days", "valid choice"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_all_of_it_is_kept(
    admin: Client, bo: User, ann: User, changed: dict[str, Any], field: str, words: str
) -> None:
    sent = form(drafts.schedule(layer("All", bo), layer("Days", ann, hours=window(9, 17)))) | changed
    answer = admin.post(NEW, {**sent, "save": "1"})
    assert answer.status_code == 400
    assert words in errors(answer)[field]
    shown = values(answer)
    assert {name: shown[name] for name in shown if name in sent} == {
        name: [str(one) for one in value] if isinstance(value, list) else str(value)
        for name, value in sent.items()
        if name in shown
    }
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert not Schedule.objects.exists()


def test_a_schedule_without_layers_is_refused_above_the_form(admin: Client) -> None:
    answer = admin.post(NEW, form(drafts.schedule(name="Empty"), save="1"))
    assert answer.status_code == 400
    assert "Add a layer: without one nobody is ever on call." in answer.content.decode()


def test_gaps_are_shown_in_red_and_need_a_reason(admin: Client, bo: User, ann: User, chi: User) -> None:
    draft = drafts.bare_local_hours(chi, bo, ann)
    answer = admin.post(NEW, form(draft, save="1"))
    assert answer.status_code == 400
    assert "Mend them, or say why they may stay." in errors(answer)["gaps_why"]
    page = answer.content.decode()
    assert "of the next year nobody is on call." in page
    assert "clocks change on" in page
    assert admin.post(NEW, form(draft, save="1", gaps_why="A trial.")).status_code == 303
    listed = admin.get(LIST).content.decode()
    assert "accepted by Ada: A trial." in listed


@pytest.mark.parametrize("how", ["reference", "overlap"])
def test_gaps_are_mended_with_a_button(admin: Client, bo: User, ann: User, chi: User, how: str) -> None:
    answer = admin.post(NEW, form(drafts.bare_local_hours(chi, bo, ann), mend=how))
    assert answer.status_code == 200
    assert "No gaps." in answer.content.decode()
    assert values(answer)["l0-zone"] == ("UTC" if how == "reference" else "Australia/Sydney")
    assert not Schedule.objects.exists()


def test_buttons_change_the_form_and_nothing_else(admin: Client, bo: User, ann: User) -> None:
    sent = form(drafts.schedule(layer("One", bo, ann), layer("Two", ann, hours=window(9, 17)), name=""))

    def press(**button: str) -> dict[str, Any]:
        answer = admin.post(NEW, {**sent, **button})
        assert answer.status_code == 200
        assert not errors(answer)  # nothing is validated while it is still being written
        return values(answer)

    assert press(down="0")["l0-name"] == press(up="1")["l0-name"] == "Two"
    assert press(up="0")["l0-name"] == "One"
    assert press(add_layer="1")["l2-zone"] == "UTC"
    assert "l1-name" not in press(remove_layer="0")
    assert press(remove_layer="0")["l0-name"] == "Two"
    assert press(up="0-m1")["l0-m0-person"] == str(ann.pk)
    assert press(add_member="0")["l0-m2-person"] == ""
    assert "l0-m1-person" not in press(remove_member="0-m0")
    assert press(remove_member="1-m0")["l1-m0-person"] == ""
    assert press(add_window="0")["l0-w0-weekdays"] == list("1234567")
    assert "l1-w0-starts" not in press(remove_window="1-w0")
    weekend = press(add_weekend="1")
    assert (weekend["l0-zone"], weekend["l0-w0-starts"], weekend["l0-w0-ends"]) == (
        "America/Los_Angeles",
        "17:00",
        "09:00",
    )
    assert (weekend["l0-w0-weekdays"], weekend["l0-w0-ends_after_days"]) == (["5"], "3")
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    "button",
    [
        *({"up": "x"}, {"down": "99"}, {"up": "0-m99"}, {"remove_window": "0-w"}, {"add_member": "-1"}),
        *({"mend": "magic"}, {"layers": "99999999"}, {"layers": "²"}, {"l0-members": "-4"}, {"week": "yesterday"}),
        {"name": "a\0b"},
    ],
)
def test_nonsense_is_no_error_of_ours(admin: Client, bo: User, button: dict[str, str]) -> None:
    assert admin.post(NEW, form(drafts.schedule(layer("All", bo))) | button).status_code == 200


def test_htmx_gets_the_part_that_it_asked_for(admin: Client, bo: User) -> None:
    sent = form(drafts.schedule(layer("All", bo)))
    panel = admin.post(NEW, sent, headers={"HX-Request": "true", "HX-Target": "preview"})
    assert panel.content.decode().lstrip().startswith('<section class="stack loose preview-panel" id="preview"')
    whole = admin.post(NEW, sent | {"add_layer": "1"}, headers={"HX-Request": "true", "HX-Target": "editor"})
    assert whole.content.decode().lstrip().startswith("<form")
    assert "autofocus" in whole.content.decode()
    saved = admin.post(NEW, sent | {"save": "1"}, headers={"HX-Request": "true", "HX-Target": "editor"})
    assert (saved.status_code, saved["HX-Redirect"]) == (204, LIST)


def test_somebody_elses_edit_is_told_and_nothing_typed_is_lost(admin: Client, schedule: Schedule, ann: User) -> None:
    path = f"{LIST}{schedule.pk}/"
    mine = form(drafts.schedule(layer("Mine", ann)), version=schedule.version, save="1")
    theirs = form(drafts.schedule(layer("Theirs", ann)), version=schedule.version, save="1")
    assert admin.post(path, theirs).status_code == 303
    answer = admin.post(path, mine)
    assert answer.status_code == 409
    assert "Somebody saved this schedule meanwhile." in answer.content.decode()
    assert values(answer)["l0-name"] == "Mine"
    assert schedule.layers.get().name == "Theirs"
    again = mine | {"version": answer.context["version"]}
    assert admin.post(path, again).status_code == 303
    assert schedule.layers.get().name == "Mine"


def test_ways_to_begin_offer_the_people_of_each_region(admin: Client, bo: User, ann: User, chi: User) -> None:
    sun = values(admin.get(f"{NEW}?begin=sun"))
    assert [sun[f"l{number}-zone"] for number in range(3)] == ["UTC"] * 3
    assert [sun[f"l{number}-m0-person"] for number in range(3)] == [str(user.pk) for user in (chi, bo, ann)]
    assert [(sun[f"l{number}-w0-starts"], sun[f"l{number}-w0-ends"]) for number in range(3)] == [
        ("00:00", "08:00"),
        ("08:00", "16:00"),
        ("16:00", "00:00"),
    ]
    for way in ("sun", "local"):
        answer = admin.post(NEW, {**_sent(admin.get(f"{NEW}?begin={way}")), "name": way, "save": "1"})
        assert answer.status_code == 303, errors(answer)
    assert admin.get(f"{NEW}?begin=weekly").status_code == 200
    assert "From nothing" in admin.get(f"{NEW}?begin=magic").content.decode()


def _sent(answer: HttpResponse) -> dict[str, Any]:
    """The form as a browser would send it untouched."""
    editor = answer.context["editor"]  # type: ignore[attr-defined]
    data = {**values(answer), "version": 0, "layers": len(editor.layers)}
    for number, part in enumerate(editor.layers):
        data |= {f"l{number}-members": len(part.members), f"l{number}-windows": len(part.windows)}
    return data


def test_a_backup_has_the_same_turns_a_turn_ahead(admin: Client, ada: User, bo: User, ann: User, chi: User) -> None:
    draft = drafts.schedule(layer("All", bo, ann, chi), name="SET primary")
    primary = actions.save_schedule(None, draft=draft, version=0, gaps_why="", by=ada, at=clock.now())
    answer = admin.get(f"{NEW}?backup_of={primary.pk}")
    shown = values(answer)
    assert shown["name"] == "SET primary backup"
    assert [shown[f"l0-m{turn}-person"] for turn in range(3)] == [str(user.pk) for user in (ann, chi, bo)]
    assert admin.post(NEW, {**_sent(answer), "save": "1"}).status_code == 303
    first, second = (
        list(Schedule.objects.get(name=name).shifts.values_list("person", flat=True))
        for name in (draft.name, shown["name"])
    )
    assert all(one != other for one, other in zip(first, second, strict=False))
    for unknown in ("999999", "x", "²"):
        assert admin.get(f"{NEW}?backup_of={unknown}").status_code == 404


def test_deleting_asks_first_and_is_refused_while_a_policy_pages_by_it(admin: Client, bo: User) -> None:
    defaults.load(on_call=[bo])
    schedule = Schedule.objects.get()
    path = f"{LIST}{schedule.pk}/delete/"
    assert admin.get(path).status_code == 200
    refused = admin.post(path)
    assert refused.status_code == 409
    assert "Premier 24x7 pages by it." in refused.content.decode()
    EscalationPolicy.objects.get(is_default=True).steps.filter(schedule=schedule).delete()
    assert admin.post(path).status_code == 303
    assert not Schedule.objects.exists()


def test_the_list_takes_as_many_queries_however_long_it_is(
    admin: Client, ada: User, bo: User, count_queries: Callable[..., Any]
) -> None:
    def make(number: int) -> None:
        draft = drafts.schedule(layer("Days", bo, hours=window(8, 20)), name=f"Schedule {number}")
        actions.save_schedule(None, draft=draft, version=0, gaps_why="Nights are quiet.", by=ada, at=clock.now())

    make(1)
    admin.get(LIST)
    with count_queries() as few:
        admin.get(LIST)
    for number in range(2, 6):
        make(number)
    with count_queries() as many:
        admin.get(LIST)
    assert asked(many) == asked(few)


def test_the_preview_takes_as_many_queries_however_many_layers(
    admin: Client, bo: User, ann: User, chi: User, count_queries: Callable[..., Any]
) -> None:
    with count_queries() as few:
        admin.post(NEW, form(drafts.schedule(layer("All", bo))))
    with count_queries() as many:
        admin.post(NEW, form(drafts.bare_local_hours(chi, bo, ann)))
    assert asked(many) == asked(few)
