"""The record's page: what is owed first, its tickets, what was told, its history; and editing it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations.engineering import actions, events, telling
from escalations.engineering.stepper import stops
from escalations.engineering.steps import Move, Step
from escalations.models import CustomerNotice, Escalation, EscalationEvent, EscalationLink, Involved
from tests.escalations.engineering.conftest import AT, GIVEN, MINUTE, brought_to, page_queries
from tickets.models import Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
HTMX = {"HTTP_HX_REQUEST": "true"}


def shown(client: Client, record: Escalation, **asked: str) -> str:
    return client.get(record.get_absolute_url(), asked).content.decode()


def part(html: str, section: str) -> str:
    """The section of the page with that id."""
    return html.split(f'id="{section}"', 1)[1].split("</section>", 1)[0]


def test_it_says_where_it_stands_and_what_may_be_done(record: Escalation, sven: User, client_of: ClientOf) -> None:
    html = shown(client_of(sven), record)
    for words in (record.reference, record.title, "Major", "nobody owns it yet", "requested by Ann", "All users"):
        assert words in html
    assert f'href="{record.get_absolute_url()}move/review/"' in html
    assert f'href="{record.get_absolute_url()}move/plan/"' not in html
    assert '<li class="now" aria-current="step"><b>Requested</b>' in html


def test_what_is_owed_stands_before_everything_else(record: Escalation, sven: User, client_of: ClientOf) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    html = shown(client_of(sven), record)
    assert "The customers are still to be told that it is confirmed" in html
    assert "2 tickets to tell" in html
    assert html.index('id="owed"') < html.index('id="evidence"') < html.index('id="tickets"')
    assert 'move/plan/"' not in html


def test_an_agent_sees_it_and_makes_no_move(record: Escalation, ann: User, client_of: ClientOf) -> None:
    html = shown(client_of(ann), record)
    assert "/move/" not in html
    assert 'id="edit"' in html


def test_s049_a_stakeholder_sees_it_while_brought_in_and_changes_nothing(
    record: Escalation, ritas: Ticket, pat: User, ann: User, client_of: ClientOf
) -> None:
    client = client_of(pat)
    assert client.get(record.get_absolute_url()).status_code == 404
    actions.invite_team(record, Involved.PRODUCT, by=ann, at=AT)
    html = shown(client, record)
    assert record.title in html
    assert "<form" not in part(html, "tickets")
    verb = f"{record.get_absolute_url()}tickets/{ritas.pk}/"
    assert client.post(verb, {"act": "unlink"}).status_code == 403
    assert EscalationLink.objects.get(ticket=ritas).is_active
    actions.dismiss_team(record, Involved.PRODUCT, by=ann, at=AT)
    assert client.get(record.get_absolute_url()).status_code == 404


def test_what_people_wrote_is_markdown_and_no_more(record: Escalation, ann: User, client_of: ClientOf) -> None:
    wrote = {"impact": "**All** <script>alert(1)</script>", "logs": "a  b\n<img src=x>\n# no heading"}
    Escalation.objects.filter(pk=record.pk).update(**wrote)
    html = part(shown(client_of(ann), record), "evidence")
    assert "<strong>All</strong>" in html
    assert "<script>" not in html
    assert "<img" not in html
    assert "<h1>" not in html


def test_each_ticket_says_whose_it_is_and_what_was_told_last(
    record: Escalation, ritas: Ticket, sams: Ticket, sven: User, ann: User, client_of: ClientOf
) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    held = CustomerNotice.objects.get(link__ticket=sams, update_of__step="confirmed")
    actions.hold_notice(held, why="They asked to be called", by=ann, at=AT + 8 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 9 * MINUTE)
    telling.tell_customers(now=AT + 9 * MINUTE)
    html = part(shown(client_of(ann), record), "tickets")
    hers, his = (html.split(f'id="ticket-{ticket.pk}"', 1)[1].split("</li>", 1)[0] for ticket in (ritas, sams))
    for words in ("Northwind", "Premier", "Rita", "9.5.1", "On-hold", "Told of “Confirmed”"):
        assert words in hers
    assert "Contoso" not in hers
    for words in ("Contoso", "Told of “Requested”", "held back", "They asked to be called"):
        assert words in his


def test_a_new_reply_is_marked_until_somebody_has_read_it(
    record: Escalation, ritas: Ticket, ann: User, client_of: ClientOf
) -> None:
    EscalationLink.objects.filter(ticket=ritas).update(replied_at=AT + MINUTE)
    client = client_of(ann)
    assert "new reply" in part(shown(client, record), "tickets")
    verb = f"{record.get_absolute_url()}tickets/{ritas.pk}/"
    seen = {"act": "seen", "replied_at": (AT + MINUTE).isoformat(), "shown": "show=replied"}
    answer = client.post(verb, seen, **HTMX)
    assert answer.status_code == 200
    assert "No ticket of this escalation is like that" in answer.content.decode()
    assert "new reply" not in part(shown(client, record), "tickets")


def test_how_a_ticket_ends_is_chosen_and_a_ticket_taken_out(
    record: Escalation, sams: Ticket, ann: User, client_of: ClientOf
) -> None:
    client, verb = client_of(ann), f"{record.get_absolute_url()}tickets/{sams.pk}/"
    assert client.post(verb, {"act": "finish-solved"}).status_code == 303
    assert "ends as Solved" in part(shown(client, record), "tickets")
    assert client.post(verb, {"act": "finish-nonsense"}, **HTMX).status_code == 400
    answer = client.post(verb, {"act": "unlink"}, **HTMX)
    assert f'id="ticket-{sams.pk}"' not in answer.content.decode()
    sams.refresh_from_db()
    assert sams.state is Status.OPEN
    assert client.post(verb, {"act": "unlink"}).status_code == 404


def test_once_nobody_is_left_to_be_told_nothing_is_owed(
    record: Escalation, ritas: Ticket, sams: Ticket, ann: User, sven: User
) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    links = [EscalationLink.objects.get(ticket=ticket) for ticket in (ritas, sams)]
    actions.unlink(links[0], by=ann, at=AT + MINUTE)
    record.refresh_from_db()
    assert record.owes_update, "one is left"
    actions.unlink(links[1], by=ann, at=AT + MINUTE)
    record.refresh_from_db()
    assert not record.owes_update
    actions.take_step(record, Move.PLAN, by=sven, given=GIVEN[Move.PLAN], at=AT + 9 * MINUTE)


def test_what_is_refused_stands_at_its_ticket(
    record: Escalation, ritas: Ticket, ann: User, client_of: ClientOf
) -> None:
    verb = f"{record.get_absolute_url()}tickets/{ritas.pk}/"
    answer = client_of(ann).post(verb, {"act": "dance"}, **HTMX)
    assert answer.status_code == 400
    row = answer.content.decode().split(f'id="ticket-{ritas.pk}"', 1)[1].split("</li>", 1)[0]
    assert "Choose what is to be done." in row


def test_tickets_have_pages_and_are_found(many: Escalation, ann: User, client_of: ClientOf) -> None:
    client = client_of(ann)
    html = part(shown(client, many), "tickets")
    assert html.count('id="ticket-') == 12
    assert 'Tickets <span class="muted num">62</span>' in html
    following = html.split('rel="next" href="', 1)[1].split("#", 1)[0].replace("&amp;", "&")
    answer = client.get(following, HTTP_HX_TARGET="tickets", **HTMX).content.decode()
    assert answer.count('id="ticket-') == 12
    assert "<html" not in answer
    assert part(shown(client, many, find="contoso"), "tickets").count('id="ticket-') == 1
    assert part(shown(client, many, find="Also 7"), "tickets").count('id="ticket-') == 1
    assert client.get(many.get_absolute_url(), {"tickets": "x", "find": "\x00", "show": "?"}).status_code == 200


def test_the_number_of_queries_does_not_grow(
    record: Escalation, ann: User, sven: User, client_of: ClientOf, count_queries: Callable[[], Any], request: Any
) -> None:
    client = client_of(ann)
    brought_to(record, Move.CONFIRM, by=sven)
    telling.tell_customers(now=AT + 9 * MINUTE)

    def asked() -> int:
        with count_queries() as queries:
            shown(client, record)
        return page_queries(queries)

    asked()
    before = asked()
    request.getfixturevalue("many")
    actions.take_step(record, Move.PLAN, by=sven, given=GIVEN[Move.PLAN], at=AT + 10 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 10 * MINUTE)
    telling.tell_customers(now=AT + 11 * MINUTE)
    for number in range(30):
        events.record(record, EscalationEvent.Kind.EDITED, by=ann, at=AT + number * MINUTE, field="title", new="T")
    assert asked() == before
    assert before <= 26


def test_what_was_told_is_kept_step_by_step(record: Escalation, sven: User, client_of: ClientOf) -> None:
    brought_to(record, Move.PLAN, by=sven)
    telling.tell_customers(now=AT + 9 * MINUTE)
    html = part(shown(client_of(sven), record), "told")
    assert html.index("Action plan created") < html.index("Confirmed") < html.index("Requested")
    assert html.count("Told 2 of 2") == 3


def test_the_history_tells_who_did_what(record: Escalation, sams: Ticket, sven: User, client_of: ClientOf) -> None:
    brought_to(record, Move.TEST, by=sven)
    actions.take_step(record, Move.FAIL, by=sven, given={"reason": "It comes back."}, at=AT + 9 * MINUTE)
    html = part(shown(client_of(sven), record), "history")
    for words in (
        "Ann requested it for",
        f"Ann added #{sams.pk}",
        "Sven moved it to Action plan executed, with version 9.11.2",
        "Sven says that the fix failed: back to Confirmed",
        "It comes back.",
    ):
        assert words in html


def test_the_history_has_pages(record: Escalation, ann: User, client_of: ClientOf) -> None:
    for number in range(25):
        events.record(
            record, EscalationEvent.Kind.EDITED, by=ann, at=AT + number * MINUTE, field="title", new=f"T{number}"
        )
    html = part(shown(client_of(ann), record), "history")
    assert "“T24”" in html
    assert "requested it" not in html
    older = html.split('rel="next" href="', 1)[1].split("#", 1)[0]
    assert "requested it" in client_of(ann).get(older, HTTP_HX_TARGET="history", **HTMX).content.decode()


def test_the_way_through_the_steps() -> None:
    def seen(step: Step, *moves: str) -> list[tuple[str, str]]:
        return [(stop.step.value, stop.look) for stop in stops(step, AT, [(move, AT) for move in moves])]

    assert seen(Step.REQUESTED) == [
        ("requested", "now"),
        *((name, "todo") for name in ("under_review", "confirmed", "planned", "tested", "released")),
    ]
    failed = seen(Step.CONFIRMED, "under_review", "confirmed", "planned", "tested", "confirmed")
    assert failed[2:5] == [("confirmed", "now"), ("planned", "todo"), ("tested", "todo")]
    asked = seen(Step.NEEDS_INFORMATION, "under_review", "confirmed", "needs_information")
    assert asked[2:5] == [("confirmed", "done"), ("needs_information", "now"), ("planned", "todo")]
    returned = seen(Step.RETURNED, "under_review", "returned")
    assert returned == [("requested", "done"), ("under_review", "done"), ("returned", "done")]


def test_a_merged_record_leads_to_the_one_that_stays(
    record: Escalation, ann: User, rita: User, client_of: ClientOf
) -> None:
    from tests import factories
    from tests.escalations.engineering.conftest import TEXT, problem

    other = actions.request_escalation(factories.open_ticket(rita), problem(), by=ann, text=TEXT, at=AT)
    Escalation.objects.filter(pk=other.pk).update(merged_into=record)
    assert f'href="{record.get_absolute_url()}">{record.reference}' in shown(client_of(ann), other)


# --- Editing -------------------------------------------------------------------------------------------------------


def edited(record: Escalation, **fields: object) -> dict[str, object]:
    """The form as it is sent, with `fields` typed into it."""
    names = ("title", "severity", "impact", "reproduction", "affected_versions", "environment", "logs")
    owner = {"owner": record.owner_id or "", "backup": record.backup_id or "", "area": record.area_id or ""}
    return {name: getattr(record, name) for name in names} | owner | {"seen_version": record.version} | fields


def test_editing_keeps_old_and_new(record: Escalation, ann: User, client_of: ClientOf) -> None:
    there = f"{record.get_absolute_url()}edit/"
    answer = client_of(ann).post(there, edited(record, title="Sessions end early", severity="1", logs="x"))
    assert answer.status_code == 303
    record.refresh_from_db()
    assert (record.title, record.severity, record.logs) == ("Sessions end early", 1, "x")
    kept = {event.data["field"]: event.data for event in record.events.filter(kind="edited")}
    assert kept["title"]["old"] == "Sessions end after a minute"
    assert kept["title"]["new"] == "Sessions end early"
    assert kept["severity"] == {"field": "severity", "old": 2, "new": 1}
    html = part(shown(client_of(ann), record), "history")
    assert "changed the severity from Major to Critical" in html


def test_whose_it_is_decides_who_may_move_it(
    record: Escalation, sven: User, lea: User, ann: User, client_of: ClientOf
) -> None:
    there = f"{record.get_absolute_url()}edit/"
    client_of(ann).post(there, edited(record, owner=sven.pk))
    record.refresh_from_db()
    assert record.owner is None
    client_of(lea).post(there, edited(record, owner=sven.pk, backup=lea.pk))
    record.refresh_from_db()
    assert (record.owner, record.backup) == (sven, lea)
    assert "changed the owner from nobody to Sven" in part(shown(client_of(ann), record), "history")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"title": " "}, "Give it a title."),
        ({"impact": ""}, "Say whom it hits"),
        ({"reproduction": ""}, "Say how to make it happen."),
        ({"severity": "7"}, "Select a valid choice"),
        ({"title": "a\nb"}, "This must be one line"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_typed_is_lost(
    record: Escalation, sven: User, client_of: ClientOf, typed: dict[str, str], sentence: str
) -> None:
    sent = edited(record, environment="Typed at length") | typed
    answer = client_of(sven).post(f"{record.get_absolute_url()}edit/", sent)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert "Typed at length" in answer.content.decode()


def test_from_the_review_on_somebody_owns_it(record: Escalation, sven: User, client_of: ClientOf) -> None:
    brought_to(record, Move.REVIEW, by=sven)
    for typed, sentence in (
        ({"owner": ""}, "Somebody has to own it"),
        ({"backup": sven.pk}, "The backup stands in for the owner"),
    ):
        answer = client_of(sven).post(f"{record.get_absolute_url()}edit/", edited(record, **typed))
        assert answer.status_code == 400
        assert sentence in answer.content.decode()
    record.refresh_from_db()
    assert record.owner == sven


def test_the_second_of_two_is_told_and_what_they_typed_is_kept(
    record: Escalation, sven: User, lea: User, client_of: ClientOf
) -> None:
    there = f"{record.get_absolute_url()}edit/"
    seen = edited(record, title="By sven", environment="Long words of sven")
    client_of(lea).post(there, edited(record, title="By lea"))
    answer = client_of(sven).post(there, seen)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "Lea changed this escalation while you were at it" in html
    assert 'value="By sven"' in html
    assert "Long words of sven" in html
    assert "<dt>Title</dt><dd>By lea</dd>" in html
    again = html.split('name="seen_version" value="', 1)[1].split('"', 1)[0]
    assert client_of(sven).post(there, {**seen, "seen_version": again}).status_code == 303
    record.refresh_from_db()
    assert record.title == "By sven"


def test_saving_what_was_not_changed_leaves_no_trace(record: Escalation, sven: User, client_of: ClientOf) -> None:
    client_of(sven).post(f"{record.get_absolute_url()}edit/", edited(record))
    assert not record.events.filter(kind="edited").exists()
    former = record.version
    record.refresh_from_db()
    assert record.version == former
    assert timedelta(0) == record.updated_at - AT
