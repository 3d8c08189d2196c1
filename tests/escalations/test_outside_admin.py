"""Services outside and the choice of policies in Django admin: secrets go in and never come out (S099 stays)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import SupportPlan, Team, User
from escalations.models import ContactMethod, EscalationPolicy, OutsideService, PolicyChoice
from supportdesk.lib import clock, signatures
from tests.listener import Listener
from tickets.models import Priority

pytestmark = pytest.mark.django_db
SERVICES = "/admin/escalations/outsideservice/"
CHOICES = "/admin/escalations/policychoice/"
ROUTING_KEY = "R0123456789abcdef0123456789abcde"
STRONG = "whsec_bmV3ZXIgc2VjcmV0IG9mIHRoaXJ0eSBieXRlcyE="


@pytest.fixture
def admin(ada: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(ada)


def service(**fields: Any) -> dict[str, Any]:
    return {"name": "Night desk", "kind": "pagerduty", "address": "", "in_use": "on", **fields}


def webhook(**fields: Any) -> dict[str, Any]:
    return service(kind="webhook", address="http://127.0.0.1:9/hook", **fields)


def test_pagerduty_is_added_by_its_routing_key_which_is_never_shown_again(admin: Client) -> None:
    answer = admin.post(f"{SERVICES}add/", service(new_secret=ROUTING_KEY, new_inbound_secret="inbound secret 1"))
    assert answer.status_code == 302, answer.context["errors"]
    made = OutsideService.objects.get()
    assert (made.secret, made.believed) == (ROUTING_KEY, ("inbound secret 1",))
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret || inbound_secrets FROM escalations_outsideservice")
        stored = cursor.fetchone()[0]
    assert ROUTING_KEY not in stored, "encrypted at rest"
    assert "inbound" not in stored
    for address in (SERVICES, f"{SERVICES}{made.pk}/change/", f"{SERVICES}{made.pk}/history/"):
        page = admin.get(address, follow=True).content.decode()
        assert ROUTING_KEY not in page
        assert "inbound secret 1" not in page
    assert f"http://testserver/hooks/pagerduty/{made.pk}/" in admin.get(f"{SERVICES}{made.pk}/change/").content.decode()


def test_a_refused_form_gives_no_secret_back(admin: Client) -> None:
    page = admin.post(f"{SERVICES}add/", service(name="", new_secret=ROUTING_KEY)).content.decode()
    assert ROUTING_KEY not in page
    assert not OutsideService.objects.exists()


def test_what_is_left_empty_stays_and_secrets_can_be_exchanged(admin: Client, duty: OutsideService) -> None:
    address = f"{SERVICES}{duty.pk}/change/"
    admin.post(address, service(name="Renamed"))
    duty.refresh_from_db()
    assert (duty.name, duty.secret, duty.believed) == ("Renamed", "routing-key", ("newer", "older"))
    admin.post(address, service(new_inbound_secret="the newest secret"))
    duty.refresh_from_db()
    assert duty.believed == ("the newest secret", "newer"), "two at most"
    admin.post(address, service(forget_older="on"))
    duty.refresh_from_db()
    assert duty.believed == ("the newest secret",)


def test_a_webhooks_secrets_can_be_made_and_are_shown_once(admin: Client) -> None:
    answer = admin.post(f"{SERVICES}add/", webhook(make_inbound_secret="on"), follow=True)
    made = OutsideService.objects.get()
    assert signatures.is_strong(made.secret)
    assert signatures.is_strong(made.believed[0])
    assert made.secret in answer.content.decode()
    assert made.believed[0] in answer.content.decode()
    assert made.secret not in admin.get(f"{SERVICES}{made.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"kind": "pagerduty"}, "Enter the routing key"),
        ({"kind": "pagerduty", "new_secret": "short"}, "no routing key"),
        ({"kind": "pagerduty", "new_secret": ROUTING_KEY, "new_inbound_secret": "short"}, "16 characters"),
        ({"kind": "webhook", "address": ""}, "Where is it to be called"),
        ({"kind": "webhook", "address": "http://127.0.0.1:9/", "new_secret": "guess"}, "whsec_"),
        ({"kind": "webhook", "address": "http://127.0.0.1:9/", "new_inbound_secret": "guess" * 9}, "whsec_"),
        ({"kind": "webhook", "address": "javascript:alert(1)"}, "it is no web address"),
        ({"kind": "webhook", "address": "http://8.8.8.8/"}, "must begin with https://"),
        ({"kind": "webhook", "address": "https://10.0.0.1/"}, "private network"),
        ({"kind": "webhook", "address": "https://[::ffff:10.0.0.1]/"}, "private network"),
        ({"kind": "webhook", "address": "https://169.254.169.254/latest/"}, "private network"),
        ({"kind": "canary", "new_secret": ROUTING_KEY}, "Select a valid choice"),
    ],
)
def test_what_can_not_work_is_refused_in_words(admin: Client, fields: dict[str, str], says: str) -> None:
    page = admin.post(f"{SERVICES}add/", service(**fields)).content.decode()
    assert says in page
    assert not OutsideService.objects.exists()


def test_it_is_taken_out_of_use_and_back(admin: Client, duty: OutsideService) -> None:
    address = f"{SERVICES}{duty.pk}/change/"
    admin.post(address, {**service(), "in_use": ""})
    duty.refresh_from_db()
    assert duty.disabled_at is not None
    assert "an admin took it out of use" in admin.get(address).content.decode()
    admin.post(address, service())
    duty.refresh_from_db()
    assert (duty.disabled_at, duty.disabled_why) == (None, "")


def test_its_kind_stays_and_the_desks_own_is_nobodys_to_edit(admin: Client, duty: OutsideService) -> None:
    admin.post(f"{SERVICES}{duty.pk}/change/", webhook())
    duty.refresh_from_db()
    assert (duty.kind, duty.address) == ("pagerduty", "")
    canary = OutsideService.objects.create(name="Canary", kind="canary", secret="x")
    assert admin.post(f"{SERVICES}{canary.pk}/change/", service()).status_code == 403
    assert admin.get(f"{SERVICES}{canary.pk}/change/").status_code == 200


def test_what_a_chat_contact_holds_is_not_shown(admin: Client, policy: object, bo: User) -> None:
    contact = ContactMethod.objects.create(user=bo, kind="chat", value="Slack", details={"address": "slack://a/b/c"})
    assert "slack://" not in admin.get(f"/admin/escalations/contactmethod/{contact.pk}/change/").content.decode()


def test_a_test_goes_the_way_of_pages_and_finds_none(
    admin: Client, duty: OutsideService, hook: OutsideService, listener: Listener
) -> None:
    chosen = {"action": "send_a_test", "_selected_action": [duty.pk, hook.pk]}
    page = admin.post(SERVICES, chosen, follow=True).content.decode()
    assert "PagerDuty took a test page, and that it is over." in page
    assert "Bridge took a test page, and that it is over." in page
    told = [request.json for request in listener.requests]
    assert [each.get("event_action") or each["type"] for each in told] == [
        *("page.triggered", "page.resolved", "trigger", "resolve"),
    ]
    assert {each.get("dedup_key", each.get("page")) for each in told} == {0, "supportdesk-page-0"}
    listener.replies["/v2/enqueue"] = (400, {"message": "Invalid routing key"})
    page = admin.post(SERVICES, {**chosen, "_selected_action": [duty.pk]}, follow=True).content.decode()
    assert "PagerDuty did not take the test: answered 400" in page


# --- Policies --------------------------------------------------------------------------------------------------------


def policy_form(*rows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    data = {"name": "New policy", "active_from_0": "2026-01-01", "active_from_1": "00:00", "repeat_after_minutes": 5}
    data |= {"steps-TOTAL_FORMS": len(rows), "steps-INITIAL_FORMS": 0, **fields}
    for number, row in enumerate(rows):
        data |= {f"steps-{number}-{name}": value for name, value in {"delay_minutes": 0, **row}.items()}
    return data


def test_a_policy_may_name_services_in_a_step_and_for_the_third_round(
    admin: Client, policy: EscalationPolicy, duty: OutsideService
) -> None:
    rows = ({"position": 1, "outside": [duty.pk]}, {"position": 2, "everybody": "on"})
    answer = admin.post(
        "/admin/escalations/escalationpolicy/add/", policy_form(*rows, outside=[duty.pk], is_for_set="on")
    )
    assert answer.status_code == 302, answer.context["errors"]
    made = EscalationPolicy.objects.get(is_for_set=True)
    assert list(made.outside.all()) == list(made.steps.get(position=1).outside.all()) == [duty]
    assert made.snapshot()["outside"] == [{"kind": "outside", "key": duty.pk, "name": "PagerDuty"}]


def test_the_desks_own_service_is_no_choice(admin: Client, policy: EscalationPolicy, duty: OutsideService) -> None:
    canary = OutsideService.objects.create(name="Canary", kind="canary", secret="x")
    row = {"position": 1, "everybody": "on", "outside": [canary.pk]}
    page = admin.post("/admin/escalations/escalationpolicy/add/", policy_form(row)).content.decode()
    assert "is not one of the available choices" in page
    assert not EscalationPolicy.objects.filter(name="New policy").exists()


@pytest.mark.parametrize("steps", [1, 2])
def test_a_last_step_that_names_only_a_service_is_refused(
    admin: Client, policy: EscalationPolicy, duty: OutsideService, steps: int
) -> None:
    rows = [{"position": 1, "everybody": "on"}, {"position": 2, "outside": [duty.pk]}][-steps:]
    page = admin.post("/admin/escalations/escalationpolicy/add/", policy_form(*rows)).content.decode()
    assert "is the last and reaches nobody" in page
    assert not EscalationPolicy.objects.filter(name="New policy").exists()


def choice(policy: EscalationPolicy, **fields: Any) -> dict[str, Any]:
    return {"position": 1, "policy": policy.pk, "plan": "", "priority": "", "team": "", **fields}


def test_choices_are_listed_in_order_with_what_they_are_for(admin: Client, policy: EscalationPolicy) -> None:
    plan, team = SupportPlan.objects.get(slug="premier"), Team.objects.get(gets_new_tickets=True)
    for number, fields in enumerate([{"plan": plan.pk, "priority": Priority.URGENT}, {"team": team.pk}, {}]):
        answer = admin.post(f"{CHOICES}add/", choice(policy, position=10 * number + 10, **fields))
        assert answer.status_code == 302, answer.context["errors"]
    assert 'value="40"' in admin.get(f"{CHOICES}add/").content.decode(), "the next comes last"
    page = admin.get(CHOICES).content.decode()
    assert "The first choice that fits" in page
    places = [page.index(text) for text in (f"{plan}, Urgent", f"team {team}", "all others")]
    assert places == sorted(places)


def test_a_choice_that_is_never_asked_says_so(admin: Client, policy: EscalationPolicy) -> None:
    PolicyChoice.objects.create(position=1, policy=policy, priority=Priority.URGENT)
    PolicyChoice.objects.create(
        position=2, policy=policy, priority=Priority.URGENT, plan=SupportPlan.objects.get(slug="premier")
    )
    assert "never: 1 fits them first" in admin.get(CHOICES).content.decode()


def test_two_choices_share_neither_a_place_nor_their_tickets(admin: Client, policy: EscalationPolicy) -> None:
    PolicyChoice.objects.create(position=1, policy=policy, priority=Priority.URGENT)
    taken = admin.post(f"{CHOICES}add/", choice(policy, priority=Priority.HIGH)).content.decode()
    assert "already exists" in taken
    same = admin.post(f"{CHOICES}add/", choice(policy, position=2, priority=Priority.URGENT)).content.decode()
    assert "the very same tickets" in same
    assert PolicyChoice.objects.count() == 1


def test_a_policy_that_a_choice_names_can_not_be_deleted(admin: Client, policy: EscalationPolicy) -> None:
    other = EscalationPolicy.objects.create(name="Other", active_from=clock.now())
    PolicyChoice.objects.create(position=1, policy=other)
    admin.post(f"/admin/escalations/escalationpolicy/{other.pk}/delete/", {"post": "yes"})
    assert EscalationPolicy.objects.filter(pk=other.pk).exists()


@pytest.mark.parametrize("who", ["lea", "bo", "sven", "rita"])
def test_only_admins_come_in(
    request: pytest.FixtureRequest, client_of: Callable[[User], Client], listener: Listener, who: str
) -> None:
    client = client_of(request.getfixturevalue(who))
    assert client.get(SERVICES).status_code == 302
    assert client.post(f"{SERVICES}add/", service(new_secret=ROUTING_KEY)).status_code == 302
    assert not OutsideService.objects.exists()
