"""One's own contacts: what may be added, what removing breaks, what a test shows, and who may look."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations import actions, defaults
from escalations.models import ContactMethod, CoverageGap, EscalationPolicy, NotificationRule, Page, PageDelivery
from escalations.paging import shifts
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed

pytestmark = pytest.mark.django_db

HERE = "/desk/on-call/contacts/"
NUMBER = "+447700900777"


def add(person: User, kind: str = "sms", value: str = NUMBER) -> ContactMethod:
    return actions.add_contact(person, kind=kind, value=value, by=person, at=clock.now())


def of(person: User, kind: str) -> ContactMethod:
    return ContactMethod.objects.get(user=person, kind=kind)


def test_a_number_is_kept_as_the_whole_world_writes_it(bo: User) -> None:
    bo.country = "DE"
    bo.save()
    assert add(bo, value="0151 / 234 567 89").value == "+4915123456789"
    assert add(bo, "voice", " 030-901820 ").value == "+4930901820"
    assert add(bo, "email", " Bo@Home.Example ").value == "bo@home.example"


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("sms", "0151 23456789", "country code"),
        ("sms", "+49 151", "no such number"),
        ("sms", "+1 555 0100", "no such number"),
        ("sms", "hello", "country code"),
        ("sms", "+hello", "isn't a phone number"),
        ("sms", "+49 30 901820", "landline"),
        ("voice", "+44 909 8790000", "cost more"),
        ("voice", "+4915123456789;ext=12", "no such number"),
        ("email", "bo at home", "e-mail address"),
        ("email", "a@b.example\r\nBcc: all@x.example", "e-mail address"),
        ("push", "my phone", "what kind"),
        ("carrier pigeon", "Emma", "what kind"),
    ],
)
def test_what_is_no_address_is_refused_in_words(bo: User, kind: str, value: str, says: str) -> None:
    with pytest.raises(Invalid, match=re.escape(says)):
        add(bo, kind, value)
    assert not ContactMethod.objects.exists()


def test_numbers_from_films_are_for_the_demo_and_tests(bo: User, settings: Any) -> None:
    settings.PAGING_FICTIONAL_NUMBERS = []
    with pytest.raises(Invalid, match="no such number"):
        add(bo)


def test_the_same_contact_is_added_once_and_again_after_its_removal(bo: User) -> None:
    first = add(bo)
    with pytest.raises(Invalid, match="already"):
        add(bo, value="+44 7700 900777")
    actions.remove_contact(first, by=bo, at=clock.now())
    again = add(bo)
    assert again.pk == first.pk and not again.is_removed and again.disabled_at is None


def test_nobody_has_contacts_without_end(bo: User) -> None:
    for number in range(20):
        add(bo, "email", f"bo{number}@home.example")
    with pytest.raises(Invalid, match="remove one first"):
        add(bo, "email", "one.more@home.example")


def test_contacts_are_ones_own(bo: User, ann: User, rita: User) -> None:
    contact = add(bo)
    with pytest.raises(NotAllowed):
        actions.add_contact(bo, kind="sms", value=NUMBER, by=ann, at=clock.now())
    with pytest.raises(NotAllowed):
        actions.remove_contact(contact, by=ann, at=clock.now())
    with pytest.raises(NotAllowed):
        add(rita)


def test_a_contact_that_was_paged_is_removed_and_never_used_again(
    page: Page, bo: User, ann: User, rung: Callable[[], list[str]]
) -> None:
    """What went out by it stays in the story of the page."""
    contact = of(bo, "sms")
    assert PageDelivery.objects.filter(contact=contact).exists()
    actions.remove_contact(contact, by=bo, at=clock.now(), confirmed=True)
    contact.refresh_from_db()
    assert contact.is_removed and not contact.is_usable and contact.value
    assert not NotificationRule.objects.filter(contact=contact).exists()
    assert contact not in ContactMethod.objects.kept()
    actions.escalate(page, by=ann, at=clock.now())
    before = rung().count("bo")
    run_pass("test")
    assert rung().count("bo") == before


def test_whoever_takes_turns_is_asked_before_falling_below_the_floor(policy: EscalationPolicy, bo: User) -> None:
    now = clock.now()
    shifts.materialise(now=now)
    assert not CoverageGap.objects.exists()
    with pytest.raises(Conflict, match="one verified contact would be left") as refused:
        actions.remove_contact(of(bo, "sms"), by=bo, at=now)
    assert refused.value.code == "confirm"
    assert of(bo, "sms").is_usable
    actions.remove_contact(of(bo, "sms"), by=bo, at=now, confirmed=True)
    assert set(CoverageGap.objects.values_list("person", "why")) == {(bo.pk, "unreachable")}


def test_removing_asks_also_where_the_rules_would_be_left_with_one(policy: EscalationPolicy, bo: User) -> None:
    """Three contacts, but the rules for Urgent name two of them."""
    extra = add(bo, "email", "bo@home.example")
    ContactMethod.objects.filter(pk=extra.pk).update(verified_at=clock.now())
    with pytest.raises(Conflict, match="would use one contact only"):
        actions.remove_contact(of(bo, "sms"), by=bo, at=clock.now())


def test_what_is_of_no_use_or_nobodys_duty_is_removed_without_a_question(
    policy: EscalationPolicy, bo: User, ann: User
) -> None:
    actions.remove_contact(add(bo, "voice"), by=bo, at=clock.now())
    actions.remove_contact(of(ann, "sms"), by=ann, at=clock.now())
    assert ContactMethod.objects.kept().filter(user=ann).count() == 1


def test_removing_twice_is_removing_once(bo: User) -> None:
    contact = add(bo)
    for _ in range(2):
        actions.remove_contact(contact, by=bo, at=clock.now())
    assert not ContactMethod.objects.kept().exists()


# --- The page ------------------------------------------------------------------------------------------------------


def test_the_page_adds_a_contact_and_sends_its_code(
    client_of: Callable[[User], Client], bo: User, phones: Callable[[], list[dict[str, Any]]]
) -> None:
    browser = client_of(bo)
    shown = browser.get(HERE).content.decode()
    assert "you have none" in shown and "No contacts yet" in shown
    answer = browser.post(HERE, {"kind": "sms", "value": NUMBER}, follow=True)
    assert answer.redirect_chain[0][1] == 303
    [line] = phones()
    assert (line["kind"], line["method"], line["person"], line["tickets"]) == ("code", "sms", bo.email, [])
    assert "to verify" in answer.content.decode()
    code = re.search(r"\d{6}", line["text"])
    assert code
    verified = browser.post(f"{HERE}{of(bo, 'sms').pk}/verify/", {"code": code[0]}, follow=True)
    assert "Verified: pages can reach you" in verified.content.decode()
    assert of(bo, "sms").is_usable


def test_what_was_typed_comes_back_with_the_sentence_beside_it(client_of: Callable[[User], Client], bo: User) -> None:
    answer = client_of(bo).post(HERE, {"kind": "voice", "value": "+49 151 <b>"})
    shown = answer.content.decode()
    assert answer.status_code == 400
    assert 'value="+49 151 &lt;b&gt;"' in shown and "id_value_error" in shown
    assert re.search(r'<option value="voice" selected', shown)


def test_somebody_elses_contact_is_not_there(client_of: Callable[[User], Client], bo: User, ann: User) -> None:
    contact = add(bo)
    browser = client_of(ann)
    for verb in ("code", "verify", "remove", "test"):
        theirs = browser.post(f"{HERE}{contact.pk}/{verb}/", {"code": "123456", "confirmed": "yes"})
        nobodys = browser.post(f"{HERE}{10**9}/{verb}/")
        assert (theirs.status_code, nobodys.status_code) == (404, 404)
    contact.refresh_from_db()
    assert not contact.is_removed and not contact.code_digest


def test_the_page_asks_before_a_removal_that_breaks_the_floor(
    policy: EscalationPolicy, client_of: Callable[[User], Client], bo: User
) -> None:
    browser, address = client_of(bo), f"{HERE}{of(bo, 'sms').pk}/remove/"
    asked = browser.post(address)
    assert asked.status_code == 409 and "Remove all the same" in asked.content.decode()
    assert browser.post(address, {"confirmed": "yes"}).status_code == 303
    assert not of(bo, "sms").is_usable


def test_a_test_rings_and_its_progress_is_shown(
    policy: EscalationPolicy, client_of: Callable[[User], Client], bo: User, rung: Callable[[], list[str]]
) -> None:
    browser = client_of(bo)
    assert browser.post(f"{HERE}{of(bo, 'sms').pk}/test/").status_code == 303
    assert "Being sent" in browser.get(HERE).content.decode()
    run_pass("test")
    assert rung() == ["bo"]
    part = browser.get(HERE, headers={"HX-Request": "true"}).content.decode()
    page = Page.objects.get(kind=Page.Kind.TEST)
    assert "Rung: the text message went out" in part and page.get_absolute_url() in part and "<html" not in part
    actions.acknowledge(page, by=bo, at=clock.now())
    part = browser.get(HERE, headers={"HX-Request": "true"}).content.decode()
    assert "Answered" in part and "hx-get" not in part


def test_a_test_of_what_is_not_verified_is_refused(client_of: Callable[[User], Client], bo: User) -> None:
    answer = client_of(bo).post(f"{HERE}{add(bo).pk}/test/")
    assert answer.status_code == 409 and "Verify it first" in answer.content.decode()
    assert not Page.objects.exists()


def test_why_a_contact_is_disabled_is_said(
    policy: EscalationPolicy, client_of: Callable[[User], Client], bo: User
) -> None:
    ContactMethod.objects.filter(pk=of(bo, "sms").pk).update(disabled_at=clock.now(), disabled_why="answered <STOP>")
    shown = client_of(bo).get(HERE).content.decode()
    assert "answered &lt;STOP&gt;" in shown and "you have one" in shown


def test_leads_see_that_somebody_can_be_reached_but_not_where(
    policy: EscalationPolicy, client_of: Callable[[User], Client], bo: User, ann: User, lea: User, rita: User
) -> None:
    address = f"{HERE}{bo.pk}/"
    shown = client_of(lea).get(address)
    number = of(bo, "sms").value
    assert shown.status_code == 200 and number not in shown.content.decode()
    assert number[-3:] in shown.content.decode() and "b…@desk.example" in shown.content.decode()
    assert client_of(ann).get(address).status_code == 404
    assert client_of(lea).get(f"{HERE}{rita.pk}/").status_code == 404


def test_the_page_costs_the_same_however_many_contacts(
    client_of: Callable[[User], Client], bo: User, count_queries: Callable[[], Any]
) -> None:
    browser = client_of(bo)
    add(bo)
    defaults.make_reachable(bo, at=clock.now())
    browser.get(HERE)
    with count_queries() as few:
        browser.get(HERE)
    for number in range(10):
        add(bo, "email", f"bo{number}@home.example")
    with count_queries() as many:
        browser.get(HERE)
    assert len(many) == len(few)


def test_everything_that_changes_something_wants_a_csrf_token(bo: User) -> None:
    contact = add(bo)
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(bo)
    paths = ["", "rules/", "rules/defaults/", "push/"]
    paths += [f"{contact.pk}/{verb}/" for verb in ("code", "verify", "remove", "test")]
    assert [browser.post(f"{HERE}{path}").status_code for path in paths] == [403] * len(paths)


def test_the_demos_people_are_called_at_night(bo: User) -> None:
    defaults.make_reachable_at_night(bo, at=clock.now())
    rules = NotificationRule.objects.filter(user=bo, priority=1).order_by("delay", "contact__kind")
    shown = [(rule.contact.kind, rule.delay) for rule in rules]
    assert shown == [("email", 0), ("sms", 0), ("voice", 120), ("voice", 240)]
