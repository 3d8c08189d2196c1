"""The page on which customers are told: each one's words, who is held back, the button, and how far it is."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations.engineering import actions, telling
from escalations.engineering.steps import Move
from escalations.models import CustomerNotice, CustomerUpdate, Escalation, Involved
from supportdesk.lib import clock
from tests.escalations.engineering.conftest import AT, MINUTE, brought_to, page_queries
from tickets.models import Ticket

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
HTMX = {"HTTP_HX_REQUEST": "true"}
WORDS = "Hello {{requester_name}} at {{organization}}, it is **confirmed**."


@pytest.fixture
def owing(record: Escalation, sven: User) -> Escalation:
    """Confirmed, and nobody was told so yet."""
    return brought_to(record, Move.CONFIRM, by=sven, send=False)


def page(record: Escalation) -> str:
    return f"{record.get_absolute_url()}update/"


def notice_of(ticket: Ticket) -> CustomerNotice:
    return CustomerNotice.objects.get(link__ticket=ticket, update_of__step="confirmed")


def verb(record: Escalation, ticket: Ticket) -> str:
    return f"{record.get_absolute_url()}notices/{notice_of(ticket).pk}/"


def line(html: str, ticket: Ticket) -> str:
    """The part of the page that is the customer's."""
    return html.split(f'id="notice-{notice_of(ticket).pk}"', 1)[1].split("</li>", 1)[0]


def seen(client: Client, record: Escalation, **asked: str) -> str:
    return client.get(page(record), asked).content.decode()


def sent(record: Escalation, act: str, text: str = WORDS) -> dict[str, object]:
    record.refresh_from_db()
    return {"act": act, "text": text, "seen_version": record.version}


def test_it_shows_each_customer_their_own_words(
    owing: Escalation, ritas: Ticket, sams: Ticket, sven: User, client_of: ClientOf
) -> None:
    client = client_of(sven)
    client.post(page(owing), sent(owing, "save"))
    html = seen(client, owing)
    assert "Tell the customers that it is confirmed" in html
    assert "Tell 2 customers" in html
    hers, his = line(html, ritas), line(html, sams)
    assert "Rita at Northwind" in hers
    assert "Hello Rita at Northwind, it is <strong>confirmed</strong>." in hers
    assert "Hello Sam at Contoso" in his
    assert "Contoso" not in hers


def test_one_button_tells_them_all_and_shows_how_far_it_is(
    owing: Escalation, ritas: Ticket, sven: User, client_of: ClientOf
) -> None:
    client = client_of(sven)
    answer = client.post(page(owing), sent(owing, "send"))
    assert answer.status_code == 303
    html = seen(client, owing)
    assert "Told 0 of 2" in html
    assert 'hx-trigger="every 1s"' in html
    assert "<progress" in html
    telling.tell_customers(now=clock.now())
    fragment = client.get(page(owing), HTTP_HX_TARGET="progress", **HTMX).content.decode()
    assert "Told 2 of 2" in fragment
    assert "hx-trigger" not in fragment
    assert "<html" not in fragment
    assert ritas.messages.filter(body="Hello Rita at Northwind, it is **confirmed**.", author=sven).count() == 1
    assert "told" in line(seen(client, owing), ritas)


def test_sending_twice_is_once(owing: Escalation, ritas: Ticket, sven: User, client_of: ClientOf) -> None:
    client, form = client_of(sven), sent(owing, "send")
    assert client.post(page(owing), form).status_code == 303
    again = client.post(page(owing), form)
    assert again.status_code == 409
    telling.tell_customers(now=clock.now())
    telling.tell_customers(now=clock.now())
    assert ritas.messages.filter(body__contains="**confirmed**").count() == 1


def test_an_agent_words_it_and_doesnt_send_it(owing: Escalation, ann: User, client_of: ClientOf) -> None:
    client = client_of(ann)
    html = seen(client, owing)
    assert 'value="send"' not in html
    assert client.post(page(owing), sent(owing, "save")).status_code == 303
    assert CustomerUpdate.objects.get(step="confirmed").text == WORDS
    assert client.post(page(owing), sent(owing, "send")).status_code == 403
    owing.refresh_from_db()
    assert owing.owes_update


@pytest.mark.parametrize(
    ("text", "sentence"), [(" ", "Write what the customers are told."), ("{{secret}} words", "is no variable")]
)
def test_what_is_wrong_with_the_text_stands_beside_it(
    owing: Escalation, sven: User, client_of: ClientOf, text: str, sentence: str
) -> None:
    answer = client_of(sven).post(page(owing), sent(owing, "send", text))
    html = answer.content.decode()
    assert answer.status_code == 400
    assert sentence in html
    assert text.strip() in html
    owing.refresh_from_db()
    assert owing.owes_update


def test_who_words_it_second_is_told_and_loses_nothing(
    owing: Escalation, sven: User, ann: User, client_of: ClientOf
) -> None:
    form = sent(owing, "send", "Sven's long words")
    client_of(ann).post(page(owing), sent(owing, "save", "Ann's words"))
    answer = client_of(sven).post(page(owing), form)
    assert answer.status_code == 409
    assert "changed this escalation while you were at it" in answer.content.decode()
    assert "Sven&#x27;s long words" in answer.content.decode()
    assert CustomerUpdate.objects.get(step="confirmed").text == "Ann's words"


def test_one_is_held_back_for_a_reason_and_told_after_all(
    owing: Escalation, sams: Ticket, ann: User, sven: User, client_of: ClientOf
) -> None:
    client, there = client_of(ann), verb(owing, sams)
    answer = client.post(there, {"act": "hold", "why": ""}, **HTMX)
    assert answer.status_code == 400
    assert "Say why they are not to be told yet." in line(answer.content.decode(), sams)
    answer = client.post(there, {"act": "hold", "why": "They asked to be called"}, **HTMX)
    html = answer.content.decode()
    assert "They asked to be called" in line(html, sams)
    assert 'hx-swap-oob="true"' in html
    assert "Tell 1 customer<" in seen(client_of(sven), owing)
    back = f"{page(owing)}?find=contoso"
    answer = client.post(there, {"act": "tell", "next": back})
    assert answer["Location"] == f"{back}#notice-{notice_of(sams).pk}"
    assert notice_of(sams).state == "owed"


def test_one_gets_other_words(
    owing: Escalation, ritas: Ticket, sams: Ticket, ann: User, sven: User, client_of: ClientOf
) -> None:
    client = client_of(ann)
    answer = client.post(verb(owing, sams), {"act": "change", "text": "Dear {{requester}}"})
    html = answer.content.decode()
    assert answer.status_code == 400
    assert "is no variable" in line(html, sams)
    assert "Dear {{requester}}" in line(html, sams)
    assert "is no variable" not in line(html, ritas)
    answer = client.post(verb(owing, sams), {"act": "change", "text": "Dear {{requester_name}}"}, **HTMX)
    assert "Dear Sam" in line(answer.content.decode(), sams)
    client_of(sven).post(page(owing), sent(owing, "send"))
    telling.tell_customers(now=clock.now())
    assert sams.messages.filter(body="Dear Sam").count() == 1
    assert not ritas.messages.filter(body__startswith="Dear").exists()


def test_what_is_done_at_a_line_leaves_its_own_words_to_be_changed_on(
    owing: Escalation, sams: Ticket, ann: User, client_of: ClientOf
) -> None:
    client, own = client_of(ann), ">Dear {{requester_name}}</textarea>"
    posts = [
        {"act": "change", "text": "Dear {{requester_name}}"},
        {"act": "hold", "why": ""},
        {"act": "hold", "why": "They asked to be called"},
        {"act": "tell"},
    ]
    for posted in posts:
        answer = client.post(verb(owing, sams), posted, **HTMX)
        assert own in line(answer.content.decode(), sams), posted
    answer = client.post(verb(owing, sams), {"act": "change", "text": ""}, **HTMX)
    assert f">{notice_of(sams).update_of.text}</textarea>" in line(answer.content.decode(), sams)


def test_who_was_held_back_is_told_later_from_here(
    owing: Escalation, sams: Ticket, ann: User, sven: User, client_of: ClientOf
) -> None:
    actions.hold_notice(notice_of(sams), why="They asked to be called", by=ann, at=AT + 8 * MINUTE)
    actions.send_update(owing, by=sven, at=AT + 9 * MINUTE)
    telling.tell_customers(now=AT + 9 * MINUTE)
    client = client_of(ann)
    html = seen(client, owing)
    assert "Told 1 of 2, 1 held back" in html
    assert "Tell now" in line(html, sams)
    actions.take_step(owing, Move.PLAN, by=sven, given={"plan": "Mend it"}, at=AT + 10 * MINUTE)
    later = seen(client, owing)
    assert "Held back before" in later
    assert "of “Confirmed”" in line(later, sams)
    assert client.post(verb(owing, sams), {"act": "tell"}).status_code == 303
    telling.tell_customers(now=clock.now())
    assert sams.messages.filter(author=ann, body__contains="confirmed this").count() == 1
    assert client.post(verb(owing, sams), {"act": "tell"}).status_code == 409


def test_one_that_could_not_be_told_says_why(owing: Escalation, sams: Ticket, sven: User, client_of: ClientOf) -> None:
    actions.send_update(owing, by=sven, at=AT + 9 * MINUTE)
    failed = notice_of(sams)
    CustomerNotice.objects.filter(pk=failed.pk).update(last_error="The disk is full.", attempts=1)
    html = seen(client_of(sven), owing)
    assert "1 could not be told yet" in html
    assert "The disk is full." in html


def test_an_earlier_update_is_seen_as_it_was_sent(
    owing: Escalation, ritas: Ticket, sven: User, client_of: ClientOf
) -> None:
    first = owing.updates.get(step="requested")
    html = seen(client_of(sven), owing, of=str(first.pk))
    assert "Hello Rita, our engineers look into" in html
    assert 'name="text"' not in html
    for wrong in ("0", "x", "9" * 30, "-1"):
        assert client_of(sven).get(page(owing), {"of": wrong}).status_code == 404


def test_s048_nobody_reaches_another_records_notice(
    owing: Escalation, sams: Ticket, rita: User, ann: User, client_of: ClientOf
) -> None:
    from tests import factories
    from tests.escalations.engineering.conftest import TEXT, problem

    other = actions.request_escalation(factories.open_ticket(rita), problem(), by=ann, text=TEXT, at=AT)
    there = f"{other.get_absolute_url()}notices/{notice_of(sams).pk}/"
    assert client_of(ann).post(there, {"act": "hold", "why": "x"}).status_code == 404
    assert notice_of(sams).state == "owed"


def test_s049_a_stakeholder_reads_it_and_changes_nothing(
    owing: Escalation, sams: Ticket, pat: User, ann: User, client_of: ClientOf
) -> None:
    assert client_of(pat).get(page(owing)).status_code == 404
    actions.invite_team(owing, Involved.PRODUCT, by=ann, at=AT + 9 * MINUTE)
    html = seen(client_of(pat), owing)
    assert "Rita at Northwind" in html
    assert "<form" not in html.split("<main", 1)[1]
    assert client_of(pat).post(page(owing), sent(owing, "send")).status_code == 403
    assert client_of(pat).post(verb(owing, sams), {"act": "hold", "why": "x"}).status_code == 403


def test_an_open_redirect_is_none(owing: Escalation, sams: Ticket, ann: User, client_of: ClientOf) -> None:
    posted = {"act": "hold", "why": "Later", "next": "https://evil.example/"}
    assert client_of(ann).post(verb(owing, sams), posted)["Location"].startswith(page(owing))


def test_customers_have_pages_and_are_found_and_queries_do_not_grow(
    many: Escalation, sven: User, client_of: ClientOf, count_queries: Callable[[], Any]
) -> None:
    brought_to(many, Move.CONFIRM, by=sven, send=False)
    client = client_of(sven)

    def asked(**query: str) -> tuple[str, int]:
        with count_queries() as queries:
            html = seen(client, many, **query)
        return html, page_queries(queries)

    asked()
    one, few = asked(find="contoso")
    html, number = asked()
    assert one.count('id="notice-') == 1
    assert html.count('id="notice-') == 50
    assert "Tell 62 customers" in html
    assert number == few <= 15
    following = html.split('rel="next" href="', 1)[1].split("#", 1)[0].replace("&amp;", "&")
    answer = client.get(following, HTTP_HX_TARGET="letters", **HTMX).content.decode()
    assert answer.count('id="notice-') == 12
    assert "<html" not in answer


def test_nothing_is_owed_after_the_review_began(record: Escalation, sven: User, client_of: ClientOf) -> None:
    brought_to(record, Move.REVIEW, by=sven)
    html = seen(client_of(sven), record)
    assert 'name="text"' not in html
    assert "Told 2 of 2" in html
    answer = client_of(sven).post(page(record), sent(record, "send"))
    assert answer.status_code == 409
    assert "There is nothing to tell the customers now." in answer.content.decode()
    assert f"<pre>{WORDS}</pre>" in answer.content.decode()


def version_in(html: str) -> str:
    """What the words of the form belong to."""
    return html.split('name="seen_version" value="', 1)[1].split('"', 1)[0]


def test_holding_one_back_does_not_make_old_words_pass_for_new(
    owing: Escalation, sams: Ticket, sven: User, lea: User, client_of: ClientOf
) -> None:
    client = client_of(sven)
    form = {"act": "send", "text": WORDS, "seen_version": version_in(seen(client, owing))}
    client_of(lea).post(page(owing), sent(owing, "save", "Lea's words"))
    line = client.post(verb(owing, sams), {"act": "hold", "why": "They asked to be called"}, **HTMX).content.decode()
    assert "Tell 1 customer<" in line
    assert "seen_version" not in line, "the words stay those of the version that they were made from"
    assert client.post(page(owing), form).status_code == 409
    assert CustomerUpdate.objects.get(step="confirmed").text == "Lea's words"


def test_what_one_does_to_a_customer_is_no_conflict_with_oneself(
    owing: Escalation, ritas: Ticket, sams: Ticket, sven: User, client_of: ClientOf
) -> None:
    client = client_of(sven)
    form = {"act": "send", "text": WORDS, "seen_version": version_in(seen(client, owing))}
    client.post(verb(owing, sams), {"act": "hold", "why": "They asked to be called"}, **HTMX)
    client.post(verb(owing, sams), {"act": "tell"}, **HTMX)
    client.post(verb(owing, ritas), {"act": "change", "text": "Dear {{requester_name}}"}, **HTMX)
    assert client.post(page(owing), form).status_code == 303


def test_words_that_come_back_with_a_fault_are_still_the_old_versions(
    owing: Escalation, sven: User, lea: User, client_of: ClientOf
) -> None:
    form = sent(owing, "send", "{{secret}} words")
    client_of(lea).post(page(owing), sent(owing, "save", "Lea's words"))
    answer = client_of(sven).post(page(owing), {**form, "text": " "})
    assert answer.status_code == 400
    again = {**form, "text": WORDS, "seen_version": version_in(answer.content.decode())}
    answer = client_of(sven).post(page(owing), again)
    assert answer.status_code == 409
    now = {**again, "seen_version": version_in(answer.content.decode())}
    assert client_of(sven).post(page(owing), now).status_code == 303
