"""Editing promises: what the preview counts is what happens, and nothing holds before it was seen."""

from collections.abc import Callable
from datetime import time
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization, SupportPlan, User
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from tests import factories
from tests.accounts.test_at_once import together
from tests.tickets.sla.editing import MATRIX, address, apply, cell, draft_of, errors_in, fields_of, send, typed
from tickets.models import BusinessCalendar, PolicyDraft, PolicyVersion, Retargeting, SlaClock, SlaPolicy, Ticket
from tickets.sla import drafts, publish, retarget
from tickets.sla.clocks import target_of
from tickets.sla.promises import HoursKind, Promise
from tickets.tasks import retarget_clocks

pytestmark = pytest.mark.django_db

TIGHTER = {
    ("premier", "first_reply", 1): ("30", "minutes"),
    ("premier", "first_reply", 2): ("1.5", "hours"),
    ("premier", "next_reply", 2): ("45", "minutes"),
    ("premier", "resolution", 1): ("3", "business_days"),
    ("enterprise", "first_reply", 1): ("", "hours"),
}


def _clocks() -> dict[int, SlaClock]:
    return {row.pk: row for row in SlaClock.objects.open()}


def _really(before: dict[int, SlaClock], now: Any) -> dict[str, int]:
    """What has become of the clocks that were open, counted from the rows."""
    after = {row.pk: row for row in SlaClock.objects.all()}
    pairs = [(former, after[pk]) for pk, former in before.items()]
    return {
        "moves": sum(former.terms_id != row.terms_id for former, row in pairs),
        "redated": sum(former.due_at != row.due_at for former, row in pairs),
        "breaks": sum(
            former.breached_at is None and row.due_at is not None and row.due_at <= now for former, row in pairs
        ),
        "begins": sum(target_of(row) is not None for row in SlaClock.objects.open().exclude(pk__in=before)),
    }


def _counted(counts: Any) -> dict[str, int]:
    return {name: getattr(counts, name) for name in ("moves", "redated", "breaks", "begins")}


def test_the_preview_counts_what_applying_to_all_does(
    desk: list[Ticket], admin: Client, no_difference: Callable[[], None]
) -> None:
    draft = draft_of(admin, TIGHTER)
    before = _clocks()
    page = admin.get(address(draft))
    counts = page.context["all"]
    assert f"{counts.moves} open clocks move, {counts.breaks} would breach at once" in page.content.decode()
    assert (counts.moves, counts.breaks, counts.begins) == (10, 3, 5)
    assert _clocks().keys() == before.keys()
    assert {row.terms_id for row in _clocks().values()} == {row.terms_id for row in before.values()}
    assert apply(admin, draft, "all").status_code == 302
    now = clock.now()
    retarget.work(now=now)
    assert _really(before, now) == _counted(counts)
    jobs = list(draft.retargetings.all())
    assert sum(job.moved for job in jobs) == counts.moves
    assert sum(job.broken for job in jobs) == counts.breaks
    assert all(job.finished_at and job.done == job.total for job in jobs)
    no_difference()


def test_the_preview_counts_what_applying_to_a_selection_does(
    desk: list[Ticket], admin: Client, no_difference: Callable[[], None]
) -> None:
    draft = draft_of(admin, TIGHTER)
    before, chosen = _clocks(), [desk[0], desk[3], desk[-1]]
    asked = {"scope": "selection", "tickets": [ticket.pk for ticket in chosen], "action": "count"}
    page = admin.post(address(draft), asked)
    counts = page.context["selection"]
    assert counts.tickets == 3
    assert counts.breaks == 3
    assert page.content.decode().count(" checked") == 4
    apply(admin, draft, "selection", chosen)
    now = clock.now()
    retarget.work(now=now)
    assert _really(before, now) == _counted(counts)
    moved = {row.ticket_id for pk, row in _clocks().items() if pk in before and row.terms_id != before[pk].terms_id}
    assert moved == {ticket.pk for ticket in chosen}
    no_difference()


def test_new_only_leaves_what_runs_and_holds_for_what_begins(
    desk: list[Ticket], rita: User, admin: Client, no_difference: Callable[[], None]
) -> None:
    draft = draft_of(admin, TIGHTER)
    before = _clocks()
    apply(admin, draft, "new")
    now = clock.now()
    assert retarget.work(now=now) == 0
    assert _really(before, now) == {"moves": 0, "redated": 0, "breaks": 0, "begins": 0}
    later = factories.open_ticket(rita, at=now, priority=1)
    assert later.clocks.get(promise="first_reply").due_at == now + factories.minutes(30)
    assert not draft.retargetings.exists()
    assert "what ran already keeps its version" in admin.get(address(draft)).content.decode()
    no_difference()


@pytest.mark.parametrize("scope", ["new", "selection"])
def test_a_job_of_before_does_not_move_what_was_to_stay(
    rita: User, admin: Client, no_difference: Callable[[], None], scope: str
) -> None:
    """Clocks that slip by a job for all are taken up for some minutes; not by a version that isn't for them."""
    stays, chosen = (factories.open_ticket(rita, priority=1) for _ in range(2))
    apply(admin, draft_of(admin, {("premier", "first_reply", 1): ("45", "minutes")}), "all")
    retarget.work(now=clock.now())
    apply(admin, draft_of(admin, {("premier", "first_reply", 1): ("30", "minutes")}), scope, [chosen])
    retarget.work(now=clock.now())
    retarget.work(now=clock.now())
    assert stays.clocks.get(promise="first_reply").terms.policy_version.number == 2
    assert chosen.clocks.get(promise="first_reply").terms.policy_version.number == (3 if scope == "selection" else 2)
    no_difference()


def test_old_target_does_not_survive_a_policy_change(
    rita: User, admin: Client, no_difference: Callable[[], None]
) -> None:
    at = clock.now() - factories.minutes(20)
    ticket = factories.open_ticket(rita, at=at, priority=1)
    assert ticket.clocks.get(promise="first_reply").due_at == at + factories.minutes(60)
    apply(admin, draft_of(admin, {("premier", "first_reply", 1): ("45", "minutes")}), "all")
    retarget.work(now=clock.now())
    first = ticket.clocks.get(promise="first_reply")
    ticket.refresh_from_db()
    assert first.due_at == ticket.next_due_at == at + factories.minutes(45)
    assert first.started_at == at
    no_difference()


def test_the_page_says_what_changes(desk: list[Ticket], admin: Client) -> None:
    draft = draft_of(admin, TIGHTER)
    (enterprise, gone), (premier, changed) = draft_changes = drafts.changes(draft)
    assert [str(policy) for policy, _ in draft_changes] == ["Enterprise policy", "Premier policy"], (
        enterprise,
        premier,
    )
    assert [(one.what, one.old, one.new) for one in gone] == [("First reply, Urgent", "2 hours", "none")]
    assert ("First reply, High", "2 hours", "90 minutes") in [(one.what, one.old, one.new) for one in changed]
    assert ("Resolution, Urgent", "none", "3 business days") in [(one.what, one.old, one.new) for one in changed]
    assert "90 minutes" in admin.get(address(draft)).content.decode()


def test_warnings_and_hours_are_edited_too(admin: Client) -> None:
    policy = SlaPolicy.objects.get(plan__slug="premier")
    more = {f"p{policy.pk}-warn_percent": "50, 90", f"p{policy.pk}-warn_before": "15"}
    draft = draft_of(admin, {}, **more)
    ((_, found),) = drafts.changes(draft)
    assert [(one.what, one.old, one.new) for one in found] == [
        ("Warnings", "at 75 %", "at 50 %, at 90 %, 15 minutes before")
    ]
    apply(admin, draft, "new", note="As agreed with Northwind")
    policy.refresh_from_db()
    assert policy.current
    assert (policy.current.warn_percent, policy.current.warn_before) == ([50, 90], [15])
    assert policy.current.note == "As agreed with Northwind"
    assert policy.current.made_by
    assert policy.current.made_by.name == "Ada"


@pytest.mark.parametrize(
    ("number", "unit", "sentence"),
    [
        ("four", "hours", "Give a number"),
        ("-1", "hours", "Give a number"),
        ("1e9", "hours", "Give a number"),
        ("٤", "hours", "Give a number"),
        ("0", "hours", "Between 1 minute"),
        ("1.5", "minutes", "whole minutes"),
        ("8785", "hours", "Between 1 minute"),
        ("4", "fortnights", "Select a valid choice"),
        ("4", "", "Choose a unit"),
        ("1" * 200, "hours", "Give a number"),
    ],
)
def test_a_bad_cell_is_told_beside_it_and_nothing_typed_is_lost(
    admin: Client, number: str, unit: str, sentence: str
) -> None:
    name = cell("premier", "first_reply", 1)
    good = {("enterprise", "first_reply", 2): ("7", "business_hours")}
    answer = send(admin, {**good, ("premier", "first_reply", 1): (number, unit)})
    assert answer.status_code == 200
    shown = fields_of(answer)
    assert shown[f"{name}_number"] == number
    assert {field: shown[field] for field in typed(good)} == typed(good)
    errors = {field: told for form in answer.context["forms"] for field, told in form.errors.items()}
    assert list(errors) == ["first_reply-1"]
    assert sentence in str(errors["first_reply-1"])
    assert not PolicyDraft.objects.exists()


@pytest.mark.parametrize("text", ["0", "100", "75;80", "75.5", "x", "1,2,3,4,5,6", "٧٥"])
def test_bad_warnings_are_refused(admin: Client, text: str) -> None:
    policy = SlaPolicy.objects.get(plan__slug="premier")
    answer = send(admin, {}, **{f"p{policy.pk}-warn_percent": text})
    assert [list(errors) for errors in errors_in(answer)[1]] == [["warn_percent"]]


def test_an_unknown_calendar_is_refused(admin: Client) -> None:
    policy = SlaPolicy.objects.get(plan__slug="premier")
    answer = send(admin, {}, **{f"p{policy.pk}-calendar": "999999"})
    assert [list(errors) for errors in errors_in(answer)[1]] == [["calendar"]]


def test_an_edit_that_changes_nothing_makes_no_draft(admin: Client) -> None:
    answer = send(admin, {})
    assert "Nothing here differs" in answer.content.decode()
    assert not PolicyDraft.objects.exists()


def test_a_form_that_others_have_overtaken_is_refused(admin: Client) -> None:
    """The edited row; that somebody published another row meanwhile does not matter."""
    fields = fields_of(admin.get(MATRIX))
    factories.promise("enterprise", {("first_reply", 1): (60, "clock")})
    mine = {**fields, **typed({("premier", "first_reply", 1): ("30", "minutes")})}
    assert admin.post(MATRIX, mine).status_code == 302
    factories.promise("premier", {("first_reply", 1): (60, "clock")})
    answer = admin.post(MATRIX, mine)
    assert "Premier policy, version 2 was published meanwhile" in answer.content.decode()
    assert fields_of(answer)[f"{cell('premier', 'first_reply', 1)}_number"] == "30"


def test_a_stale_draft_is_refused(desk: list[Ticket], admin: Client) -> None:
    draft = draft_of(admin, TIGHTER)
    factories.promise("premier", {("first_reply", 1): (15, "clock")})
    page = admin.get(address(draft)).content.decode()
    assert "was published meanwhile" in page
    assert 'value="apply"' not in page
    versions = PolicyVersion.objects.count()
    assert "was published meanwhile" in apply(admin, draft, "all").content.decode()
    assert PolicyVersion.objects.count() == versions
    assert not Retargeting.objects.exists()


def test_a_draft_whose_calendar_is_gone_is_refused(northwind: Organization, admin: Client) -> None:
    hours = BusinessCalendar.objects.create(name="Short hours")
    hours.spans.create(weekday=0, starts=time(9), ends=time(17))
    publish.calendar(hours, by=None, at=clock.now())
    policy = SlaPolicy.objects.get(plan=northwind.plan)
    draft = draft_of(admin, {}, **{f"p{policy.pk}-calendar": str(hours.pk)})
    ((_, found),) = drafts.changes(draft)
    assert [(one.what, one.old, one.new) for one in found] == [("Business hours", "Business hours", "Short hours")]
    hours.delete()
    assert "is gone" in admin.get(address(draft)).content.decode()
    assert "is gone" in apply(admin, draft, "all").content.decode()
    retarget_clocks()
    draft.refresh_from_db()
    assert draft.backtested_at


def test_new_only_waits_until_an_earlier_edit_has_moved_its_clocks(desk: list[Ticket], admin: Client) -> None:
    assert apply(admin, draft_of(admin, TIGHTER), "all").status_code == 302
    tighter = SlaPolicy.objects.get(plan__slug="premier").current
    later = draft_of(admin, {("premier", "first_reply", 1): ("5", "minutes")})
    assert "An earlier edit still moves open clocks" in apply(admin, later, "new").content.decode()
    retarget_clocks()
    assert apply(admin, later, "new").status_code == 302
    retarget_clocks()
    open_clocks = SlaClock.objects.open().filter(terms__policy_version__policy__plan__slug="premier")
    assert {clock.terms.policy_version for clock in open_clocks} == {tighter}


def test_a_draft_is_applied_once(desk: list[Ticket], admin: Client) -> None:
    draft = draft_of(admin, TIGHTER)
    assert apply(admin, draft, "all").status_code == 302
    assert "applied already" in apply(admin, draft, "all").content.decode()
    assert PolicyVersion.objects.filter(policy__plan__slug="premier").count() == 2


@pytest.mark.django_db(transaction=True)
def test_applied_twice_at_once_it_holds_once(rita: User, ada: User, admin: Client) -> None:
    factories.open_ticket(rita, priority=1)
    draft = draft_of(admin, {("premier", "first_reply", 1): ("30", "minutes")})

    def verb() -> object:
        return drafts.apply(PolicyDraft.objects.get(pk=draft.pk), by=ada, at=clock.now(), tickets=None)

    assert together(verb, verb) == ["applied", "done"]
    assert PolicyVersion.objects.filter(policy__plan__slug="premier").count() == 2
    assert Retargeting.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_drafts_applied_at_once_one_is_stale(ada: User, admin: Client) -> None:
    made = [draft_of(admin, {("premier", "first_reply", 1): (str(number), "minutes")}) for number in (30, 40)]

    def verb(draft: PolicyDraft) -> Callable[[], object]:
        return lambda: drafts.apply(draft, by=ada, at=clock.now(), tickets=[])

    assert together(*map(verb, made)) == ["done", "stale"]
    assert PolicyVersion.objects.filter(policy__plan__slug="premier").count() == 2


@pytest.mark.parametrize(
    ("scope", "sentence"),
    [("", "Choose which requests"), ("some", "Choose which requests"), ("selection", "Tick the requests")],
)
def test_applying_asks_for_whom(desk: list[Ticket], admin: Client, scope: str, sentence: str) -> None:
    draft = draft_of(admin, TIGHTER)
    answer = apply(admin, draft, scope, note="my words")
    assert sentence in answer.content.decode()
    assert 'value="my words"' in answer.content.decode()
    draft.refresh_from_db()
    assert draft.applied_at is None


def test_looking_again_keeps_what_was_chosen_and_written(desk: list[Ticket], admin: Client) -> None:
    draft = draft_of(admin, TIGHTER)
    button = '<button type="submit" form="apply" name="action" value="count" class="button">Look again</button>'
    assert button in admin.get(address(draft)).content.decode()
    ticket = admin.get(address(draft)).context["affected"][0].ticket
    chosen = {"scope": "selection", "tickets": [ticket.pk], "note": "Quicker", "action": "count"}
    page = admin.post(address(draft), chosen).content.decode()
    assert f'id="ticket-{ticket.pk}" checked' in page
    assert 'value="Quicker"' in page
    assert button in page
    apply(admin, draft, "all")
    assert button not in admin.get(address(draft)).content.decode()


def test_the_choices_are_a_group_and_say_what_they_mean(desk: list[Ticket], admin: Client, ada: User) -> None:
    ada.time_zone = "Asia/Kolkata"
    ada.save(update_fields=["time_zone"])
    page = admin.get(address(draft_of(admin, TIGHTER))).content.decode()
    assert 'role="radiogroup" aria-labelledby="scope-name"' in page
    assert '<h2 id="scope-name">Whom it is for</h2>' in page
    for scope in ("new", "all", "selection"):
        assert f'id="scope-{scope}" aria-describedby="scope-{scope}-means"' in page
        said = page.split(f' id="scope-{scope}-means">')[1].split("</strong>")[0]
        assert "would breach at once" in said
    assert '<th scope="col"><span class="visually-hidden">Chosen</span></th>' in page
    assert page.count("Times are in Asia/Kolkata.") == 1


def test_what_is_no_ticket_is_not_selected(desk: list[Ticket], admin: Client) -> None:
    draft = draft_of(admin, TIGHTER)
    answer = admin.post(address(draft), {"scope": "selection", "tickets": ["x", "-1", "9" * 30], "action": "apply"})
    assert "Tick the requests" in answer.content.decode()


def test_a_killed_worker_loses_nothing(
    desk: list[Ticket], admin: Client, no_difference: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = draft_of(admin, {("premier", "first_reply", 1): ("30", "minutes")})
    before, counts = _clocks(), admin.get(address(draft)).context["all"]
    apply(admin, draft, "all")
    monkeypatch.setattr(retarget, "BATCH", 2)
    job = draft.retargetings.get()
    assert retarget._batch(job.pk, clock.now()) == 2  # and then it dies
    page = admin.get(address(draft)).content.decode()
    assert f"2 of {job.total}" in page
    assert "data-refresh" in page
    now = clock.now()
    retarget.work(now=now)
    job.refresh_from_db()
    assert (job.moved, job.broken, job.done) == (counts.moves, counts.breaks, job.total)
    assert _really(before, now) == _counted(counts)
    assert job.finished_at
    no_difference()


def test_a_draft_is_gone_on_with(admin: Client) -> None:
    draft = draft_of(admin, {("premier", "first_reply", 1): ("30", "minutes")})
    again = f"{MATRIX}?draft={draft.pk}"
    assert again in admin.get(address(draft)).content.decode()
    answer = send(admin, {("premier", "first_reply", 2): ("70", "minutes")}, again)
    assert answer.status_code == 302
    ((_, found),) = drafts.changes(PolicyDraft.objects.latest("pk"))
    assert [(one.what, one.new) for one in found] == [
        ("First reply, Urgent", "30 minutes"),
        ("First reply, High", "70 minutes"),
    ]


def test_an_organisation_gets_its_own_policy(
    desk: list[Ticket], northwind: Organization, rita: User, admin: Client, no_difference: Callable[[], None]
) -> None:
    add = "/admin/tickets/slapolicy/add/"
    answer = admin.post(add, {"organization": northwind.pk})
    own = SlaPolicy.objects.get(organization=northwind)
    assert answer["Location"] == f"{MATRIX}?policy={own.pk}"
    plans = SlaPolicy.objects.get(plan=northwind.plan)
    assert own.current
    assert plans.current
    assert own.current.targets.count() == plans.current.targets.count()
    assert "has a policy of its own already" in admin.post(add, {"organization": northwind.pk}).content.decode()
    fields = fields_of(admin.get(answer["Location"]))
    assert all(name.startswith(f"p{own.pk}-") for name in fields)
    fields[f"p{own.pk}-first_reply-1_number"], fields[f"p{own.pk}-first_reply-1_unit"] = "30", "minutes"
    admin.post(answer["Location"], fields)
    draft, before = PolicyDraft.objects.latest("pk"), _clocks()
    counts = admin.get(address(draft)).context["all"]
    assert counts.moves > 0
    apply(admin, draft, "all")
    now = clock.now()
    retarget.work(now=now)
    assert _really(before, now) == _counted(counts)
    ticket = factories.open_ticket(rita, at=now, priority=1)
    assert ticket.clocks.get(promise="first_reply").due_at == now + factories.minutes(30)
    no_difference()


def test_an_own_policy_asks_for_an_organisation(admin: Client) -> None:
    for value in ("", "999999"):
        assert admin.post("/admin/tickets/slapolicy/add/", {"organization": value}).status_code == 200
    assert not SlaPolicy.objects.filter(organization__isnull=False).exists()


def test_a_new_plan_stands_in_the_matrix(admin: Client) -> None:
    plan = SupportPlan.objects.create(name="Gold", slug="gold", rank=9)
    assert plan.sla_policy.current is not None
    apply(admin, draft_of(admin, {("gold", "first_reply", 1): ("2", "hours")}), "new")
    plan.sla_policy.refresh_from_db()
    assert plan.sla_policy.current
    found = {(row.promise, row.priority, row.minutes, row.hours) for row in plan.sla_policy.current.targets.all()}
    assert found == {(Promise.FIRST_REPLY, 1, 120, HoursKind.AROUND_THE_CLOCK)}


def test_the_list_leads_to_the_matrix(desk: list[Ticket], admin: Client) -> None:
    assert MATRIX in admin.get("/admin/tickets/slapolicy/").content.decode()
    policy = SlaPolicy.objects.get(plan__slug="premier")
    assert admin.get(f"/admin/tickets/slapolicy/{policy.pk}/change/")["Location"] == f"{MATRIX}?policy={policy.pk}"
    assert admin.get("/admin/tickets/slapolicy/999999/change/").status_code == 302
    for model in ("policyversion", "slaclock", "retargeting"):
        assert admin.get(f"/admin/tickets/{model}/").status_code == 200
        assert admin.get(f"/admin/tickets/{model}/add/").status_code == 403
    for row in (PolicyVersion.objects.latest("pk"), SlaClock.objects.latest("pk")):
        assert admin.get(f"/admin/tickets/{row._meta.model_name}/{row.pk}/change/").status_code == 200


def test_a_plan_in_use_is_not_deleted(desk: list[Ticket], northwind: Organization, admin: Client) -> None:
    page = admin.post(f"/admin/accounts/supportplan/{northwind.plan_id}/delete/", {"post": "yes"})
    text = page.content.decode()
    assert page.status_code == 200
    assert "Northwind" in text
    assert "Premier policy" in text
    assert SupportPlan.objects.filter(pk=northwind.plan_id).exists()


def test_a_policy_that_clocks_run_on_is_not_deleted(desk: list[Ticket], admin: Client) -> None:
    policy = SlaPolicy.objects.get(plan__slug="premier")
    page = admin.post(f"/admin/tickets/slapolicy/{policy.pk}/delete/", {"post": "yes"})
    assert page.status_code == 200
    assert SlaPolicy.objects.filter(pk=policy.pk).exists()
    plan = SupportPlan.objects.create(name="Gold", slug="gold", rank=9)
    assert admin.post(f"/admin/tickets/slapolicy/{plan.sla_policy.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not SlaPolicy.objects.filter(plan=plan).exists()


@pytest.mark.parametrize("name", ["ann", "lea", "sven", "pat", "mona", "rita"])
def test_only_ada_gets_in(name: str, ada: User, client_of: Callable[[User], Client], request: Any) -> None:
    admin = client_of(ada)
    draft = draft_of(admin, {("premier", "first_reply", 1): ("30", "minutes")})
    client = client_of(request.getfixturevalue(name))
    fields = fields_of(admin.get(MATRIX))
    for url in (MATRIX, address(draft), "/admin/tickets/slapolicy/", "/admin/tickets/businesscalendar/"):
        assert client.get(url).status_code in {302, 403}, url
    client.post(MATRIX, {**fields, **typed({("premier", "first_reply", 1): ("45", "minutes")})})
    apply(client, draft, "new")
    draft.refresh_from_db()
    assert draft.applied_at is None
    assert PolicyDraft.objects.count() == 1


def test_addresses_that_name_nothing_are_not_found(admin: Client) -> None:
    for url in (f"{MATRIX}?policy=9", f"{MATRIX}?policy=x", f"{MATRIX}?draft=9", "/admin/tickets/slapolicy/drafts/9/"):
        assert admin.get(url.replace("9", "999999")).status_code == 404, url


def test_an_edit_of_an_unknown_base_is_refused(ada: User, northwind: Organization) -> None:
    policy = SlaPolicy.objects.get(plan=northwind.plan)
    assert policy.current
    edit = drafts.Edit(999_999, policy.current.calendar_id, {})
    with pytest.raises(DomainError, match="published meanwhile"):
        drafts.begin({policy.pk: edit}, by=ada, at=clock.now())


def test_the_preview_costs_the_same_however_many_clocks(
    desk: list[Ticket], rita: User, admin: Client, count_queries: Callable[[], Any]
) -> None:
    draft = draft_of(admin, TIGHTER)
    admin.get(address(draft))
    with count_queries() as few:
        admin.get(address(draft))
    for _ in range(5):
        factories.open_ticket(rita, priority=1)
    with count_queries() as many:
        admin.get(address(draft))
    assert len(many) <= len(few)
