"""One's own rules: the floor of Urgent, what is offered, and what a save may not do."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import User
from escalations import actions
from escalations.models import ContactMethod, EscalationPolicy, NotificationRule, Page, PageDelivery
from escalations.paging import personal
from escalations.paging.decide import HIGH, URGENT, Rule
from escalations.paging.engine import run_pass
from escalations.paging.personal import Way
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from tests import factories
from tickets.models import Priority

pytestmark = pytest.mark.django_db

HERE = "/desk/on-call/contacts/"


def have(person: User, *kinds: str) -> list[ContactMethod]:
    return [
        ContactMethod.objects.create(user=person, kind=kind, value=f"{kind} {number}", verified_at=clock.now())
        for number, kind in enumerate(kinds)
    ]


def rules(person: User, priority: int = URGENT) -> list[tuple[str, int]]:
    found = NotificationRule.objects.filter(user=person, priority=priority).order_by("delay", "contact__kind")
    return [(rule.contact.kind, rule.delay) for rule in found]


def save(person: User, *wanted: tuple[ContactMethod, int], priority: int = URGENT) -> None:
    made = [Rule(contact.pk, delay) for contact, delay in wanted]
    actions.save_rules(person, priority=priority, rules=made, by=person)


# --- What is offered (pure) ----------------------------------------------------------------------------------------


def offered(*kinds: str, priority: int = URGENT) -> list[tuple[str, int]]:
    ways = [Way(number, kind) for number, kind in enumerate(kinds)]
    return [(kinds[rule.contact], rule.delay) for rule in personal.offered(ways, priority=priority)]


def test_everything_is_offered_in_the_order_of_the_design() -> None:
    assert offered("email", "voice", "sms", "push") == [
        ("email", 0),
        ("push", 0),
        ("sms", 60),
        ("voice", 120),
        ("voice", 240),
    ]


def test_a_text_comes_at_once_where_nothing_quieter_does() -> None:
    assert offered("sms", "voice") == [("sms", 0), ("voice", 120), ("voice", 240)]


def test_high_is_calmer() -> None:
    assert offered("email", "voice", "sms", "push", priority=HIGH) == [
        ("email", 0),
        ("push", 0),
        ("sms", 300),
        ("voice", 900),
    ]


@pytest.mark.parametrize(
    "kinds", [("voice",), ("voice", "voice"), ("sms",), ("email", "voice"), ("chat", "mattermost")]
)
def test_what_is_offered_for_urgent_begins_at_once_and_may_be_saved(kinds: tuple[str, ...]) -> None:
    found = personal.offered([Way(number, kind) for number, kind in enumerate(kinds)], priority=URGENT)
    assert found[0].delay == 0
    assert personal.refusal(found, range(len(kinds)), priority=URGENT) == ""
    assert bool(personal.shortfall(found, range(len(kinds)))) == (len(kinds) < 2)


# --- The floor -----------------------------------------------------------------------------------------------------


def test_rules_are_replaced_as_a_whole(bo: User) -> None:
    sms, email = have(bo, "sms", "email")
    save(bo, (sms, 0), (email, 0), (sms, 300))
    save(bo, (sms, 60), (email, 0))
    assert rules(bo) == [("email", 0), ("sms", 60)]
    assert rules(bo, HIGH) == []


@pytest.mark.parametrize(
    ("delays", "says"),
    [([(0, 0)], "at least two"), ([(0, 0), (0, 120)], "at least two"), ([(0, 60), (1, 120)], "at once")],
)
def test_a_save_below_the_floor_is_refused(bo: User, delays: list[tuple[int, int]], says: str) -> None:
    contacts = have(bo, "sms", "email")
    save(bo, (contacts[0], 0), (contacts[1], 0))
    with pytest.raises(Invalid, match=says) as refused:
        save(bo, *[(contacts[number], delay) for number, delay in delays])
    assert refused.value.field == "rules"
    assert rules(bo) == [("email", 0), ("sms", 0)]


def test_the_floor_counts_verified_contacts_only(bo: User) -> None:
    sms, email, voice = have(bo, "sms", "email", "voice")
    ContactMethod.objects.filter(pk=email.pk).update(disabled_at=clock.now())
    with pytest.raises(Invalid, match="at least two"):
        save(bo, (sms, 0), (email, 0))
    save(bo, (sms, 0), (email, 0), (voice, 120))


def test_high_has_no_floor_and_who_has_one_contact_may_save_it(bo: User, ann: User) -> None:
    sms, _ = have(bo, "sms", "email")
    save(bo, (sms, 600), priority=HIGH)
    [only] = have(ann, "email")
    save(ann, (only, 0))
    assert rules(ann) == [("email", 0)]


def test_no_rules_at_all_means_everything_at_once(bo: User) -> None:
    have(bo, "sms", "email")
    save(bo)
    assert rules(bo) == []


def test_rules_name_ones_own_contacts(bo: User, ann: User) -> None:
    sms, email = have(bo, "sms", "email")
    [theirs] = have(ann, "voice")
    with pytest.raises(Invalid, match="isn't yours"):
        save(bo, (sms, 0), (email, 0), (theirs, 60))
    with pytest.raises(NotAllowed):
        actions.save_rules(bo, priority=URGENT, rules=[], by=ann)
    with pytest.raises(NotAllowed):
        actions.use_default_rules(bo, by=ann)
    actions.remove_contact(email, by=bo, at=clock.now())
    with pytest.raises(Invalid, match="isn't yours"):
        save(bo, (email, 0))


def test_rules_that_make_no_sense_are_refused(bo: User) -> None:
    sms, email = have(bo, "sms", "email")
    with pytest.raises(Invalid, match="the same"):
        save(bo, (sms, 0), (email, 0), (sms, 0))
    with pytest.raises(Invalid, match="between 0 and 60"):
        save(bo, (sms, 0), (email, 3601))
    with pytest.raises(Invalid, match="12 rules"):
        save(bo, *[(sms, 60 * number) for number in range(13)])
    with pytest.raises(Invalid, match="Only Urgent and High"):
        save(bo, (sms, 0), (email, 0), priority=Priority.NORMAL)


def test_one_click_sets_both_urgencies(bo: User) -> None:
    have(bo, "sms", "email", "voice")
    actions.use_default_rules(bo, by=bo)
    assert rules(bo) == [("email", 0), ("sms", 0), ("voice", 120), ("voice", 240)]
    assert rules(bo, HIGH) == [("email", 0), ("sms", 300), ("voice", 900)]


def test_defaults_need_a_contact(bo: User) -> None:
    with pytest.raises(Conflict, match="Verify a contact first"):
        actions.use_default_rules(bo, by=bo)


def test_the_engine_follows_the_saved_rules(policy: EscalationPolicy, bo: User, rita: User) -> None:
    """Whom it reaches when: by mail at once, by text two minutes later."""
    sms, email = (ContactMethod.objects.get(user=bo, kind=kind) for kind in ("sms", "email"))
    save(bo, (email, 0), (sms, 120))
    factories.open_ticket(rita, priority=Priority.URGENT)
    run_pass("test")
    page = Page.objects.get()
    due = {row.kind: row.due_at - page.created_at for row in PageDelivery.objects.filter(page=page, person=bo)}
    assert due["sms"] - due["email"] == timedelta(minutes=2)


# --- The page ------------------------------------------------------------------------------------------------------


def test_the_page_saves_rules_in_minutes(client_of: Callable[[User], Client], bo: User) -> None:
    sms, email = have(bo, "sms", "email")
    typed = {"priority": "1", "contact": [sms.pk, email.pk, sms.pk, ""], "minutes": ["0", "", "2.5", ""]}
    answer = client_of(bo).post(f"{HERE}rules/", typed)
    assert answer.status_code == 303
    assert rules(bo) == [("email", 0), ("sms", 0), ("sms", 150)]


@pytest.mark.parametrize(
    ("minutes", "says"),
    [
        (["soon", "0"], "a number"),
        (["0", "-1"], "between 0"),
        (["1", "1"], "at once"),
        (["0", "NaN"], "as a number"),
    ],
)
def test_the_page_gives_back_what_was_typed(
    client_of: Callable[[User], Client], bo: User, minutes: list[str], says: str
) -> None:
    sms, email = have(bo, "sms", "email")
    answer = client_of(bo).post(f"{HERE}rules/", {"priority": "1", "contact": [sms.pk, email.pk], "minutes": minutes})
    shown = answer.content.decode()
    assert answer.status_code == 400 and says in shown and "rules-1-error" in shown
    assert all(f'value="{typed}"' in shown for typed in minutes)
    assert rules(bo) == []


@pytest.mark.parametrize("typed", [{}, {"priority": "9"}, {"priority": "1", "contact": ["x"], "minutes": ["1e999"]}])
def test_what_no_form_sends_changes_nothing(
    client_of: Callable[[User], Client], bo: User, typed: dict[str, object]
) -> None:
    have(bo, "sms", "email")
    assert client_of(bo).post(f"{HERE}rules/", typed).status_code == 400


def test_the_page_offers_the_defaults_in_one_click(client_of: Callable[[User], Client], bo: User) -> None:
    browser = client_of(bo)
    assert "Use the suggested rules" not in browser.get(HERE).content.decode()
    have(bo, "sms", "email")
    assert "Use the suggested rules" in browser.get(HERE).content.decode()
    assert browser.post(f"{HERE}rules/defaults/").status_code == 303
    assert rules(bo) == [("email", 0), ("sms", 0)]


def test_the_red_notice_is_there_until_the_floor_is_kept(client_of: Callable[[User], Client], bo: User) -> None:
    browser = client_of(bo)
    sms, _ = have(bo, "sms", "email")
    NotificationRule.objects.create(user=bo, priority=URGENT, contact=sms)
    assert "one verified contact only" in browser.get(HERE).content.decode()
    browser.post(f"{HERE}rules/defaults/")
    assert "Pages may not reach you" not in browser.get(HERE).content.decode()
