"""The access matrix: every address × every person × GET and POST. An unlisted address fails.

Each cell is one of: ok (served, be it with a refusal of what was typed), login (sent to log in), 401, 403,
404, 405. What a policy doesn't name is 404 for those signed in and the log-in for strangers (S048, S049).
"""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts import actions as account_actions
from accounts.models import Invitation, Membership, User
from escalations import defaults as paging_defaults
from escalations.engineering import actions as engineering
from escalations.models import (
    CalendarFeed,
    CodeHost,
    ContactMethod,
    CustomerNotice,
    Escalation,
    Involved,
    Leave,
    Override,
    Page,
    Schedule,
    Shift,
    SwapRequest,
)
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from tests import factories
from tickets import actions
from tickets.models import Attachment, Participant, Priority, Ticket

pytestmark = pytest.mark.django_db

CUSTOMERS = {"rita", "tom", "mona", "sam", "fred", "cora"}
DESK = {"ann", "lea", "sven", "ada"}
AGENTS = {"ann", "lea", "ada"}
WATCHERS = {"lea", "ada"}
STAKEHOLDERS = {"pat"}
MOVERS = {"lea", "sven", "ada"}
EVERYBODY = CUSTOMERS | DESK | STAKEHOLDERS
SIGNED_OUT = {"nobody", "gone"}
ASKED = [*sorted(EVERYBODY), *sorted(SIGNED_OUT)]
SEES = {"rita", "mona", "cora"}  # of the customers, rita's request
ANY = EVERYBODY | SIGNED_OUT


@dataclass(frozen=True)
class Policy:
    """Who is served; who sees the thing but may not (403); `closed`: the method doesn't exist here."""

    ok: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    closed: bool = False
    signed_out: str = "login"
    others: str = "404"

    def allows(self, name: str, found: str) -> bool:
        if self.closed:
            return found in {"405", "404", "login", "401", "403"}
        if name in self.ok:
            return found == "ok"
        if name in self.forbidden:
            return found == "403"
        return found == (self.signed_out if name in SIGNED_OUT else self.others)


NO = Policy(closed=True)


def to(*groups: set[str], forbidden: set[str] | None = None, **rest: str) -> Policy:
    return Policy(frozenset().union(*groups), frozenset(forbidden or ()), **rest)


def api(*groups: set[str], forbidden: set[str] | None = None) -> Policy:
    return to(*groups, forbidden=forbidden, signed_out="401")


PUBLIC = to(ANY)
UNSIGNED = to(forbidden=ANY)
# name of the address: (GET, POST)
POLICIES: dict[str, tuple[Policy, Policy]] = {
    "healthz": (PUBLIC, PUBLIC),
    "healthz_paging": (PUBLIC, NO),
    "help": (PUBLIC, NO),
    "home": (PUBLIC, NO),
    # People: everybody their own, managers their organisation's members.
    "profile": (to(EVERYBODY), to(EVERYBODY)),
    "organization_members": (to({"mona", "ada"}), NO),
    "invitation_new": (NO, to({"mona", "ada"})),
    "invitation_revoke": (NO, to({"mona", "ada"})),
    "member_role": (NO, to({"mona", "ada"})),
    "member_remove": (NO, to({"mona", "ada"})),
    # A token that isn't one is nobody's; those that are one are tried in tests/accounts.
    "invitation_accept": (Policy(signed_out="404"), Policy(signed_out="404")),
    # The customer's side. Staff is sent on to the desk's page; who has no plan for the portal sees where else to look.
    "request_list": (to(CUSTOMERS, DESK), NO),
    "request_new": (to(CUSTOMERS, DESK), to(CUSTOMERS - {"fred", "cora"}, forbidden={"fred", "cora"})),
    "request_detail": (to(SEES, DESK), NO),
    "request_promises": (to(SEES, DESK), NO),
    "request_reply": (NO, to(SEES)),
    "request_solve": (NO, to({"rita", "mona"}, forbidden={"cora"})),
    "request_reopen": (NO, to({"rita", "mona"}, forbidden={"cora"})),
    "request_priority": (NO, to({"rita", "mona"}, forbidden={"cora"})),
    "request_raise": (NO, to({"rita", "mona"}, forbidden={"cora"})),
    # Here there is no survey yet; whose it is, is theirs alone (tests/tickets/test_survey.py).
    "request_survey": (NO, to({"rita"}, forbidden={"mona", "cora"})),
    "request_cc_add": (NO, to({"rita", "mona"}, forbidden={"cora"})),
    "request_cc_confirm": (NO, to({"rita", "mona"}, forbidden={"cora"})),
    "request_cc_remove": (NO, to({"rita", "mona", "cora"})),
    # Links from mails: a token that isn't one is nobody's (tests/tickets/test_priority_ask.py, test_survey.py).
    "survey_by_link": (Policy(signed_out="404"), Policy(signed_out="404")),
    "priority_by_link": (Policy(signed_out="404"), Policy(signed_out="404")),
    # How one wants one's mails; a token that isn't one is nobody's (tests/tickets/test_unsubscribe.py).
    "mail_choices": (to(EVERYBODY), to(EVERYBODY)),
    "unsubscribe": (Policy(signed_out="404"), Policy(signed_out="404")),
    # Files and previews.
    "attachment_upload": (NO, to(EVERYBODY, signed_out="401")),
    "attachment_download": (to(SEES, DESK), NO),
    "attachment_preview": (to(SEES, DESK), NO),
    "attachment_discard": (NO, to({"rita"})),
    "markdown_preview": (NO, to(EVERYBODY)),
    # The desk.
    "queue": (to(DESK), NO),
    "queue_assign": (NO, to(AGENTS, forbidden={"sven"})),
    "desk_ticket_new": (to(AGENTS, forbidden={"sven"}), to(AGENTS, forbidden={"sven"})),
    "my_notices": (to(DESK), to(DESK)),
    # Mail that came in: leads and admins; originals of messages go to the staff, in tests/tickets/desk/test_mail.py.
    "mail_list": (to(WATCHERS), NO),
    "blocked_senders": (to(WATCHERS), to(WATCHERS)),
    "sender_unblock": (NO, to(WATCHERS)),
    "mail_detail": (to(WATCHERS), NO),
    "mail_original": (to(WATCHERS), NO),
    "mail_recover": (NO, to(WATCHERS)),
    "mail_assign": (NO, to(WATCHERS)),
    "mail_dismiss": (NO, to(WATCHERS)),
    "mail_undo_dismiss": (NO, to(WATCHERS)),
    "mail_block": (NO, to(WATCHERS)),
    "ticket_workspace": (to(DESK), NO),
    "ticket_promises": (to(DESK), NO),
    "ticket_reply": (NO, to(DESK)),
    "ticket_note": (NO, to(DESK)),
    "ticket_assign": (NO, to(AGENTS, forbidden={"sven"})),
    "ticket_take": (NO, to(AGENTS, forbidden={"sven"})),
    "ticket_status": (NO, to(AGENTS, forbidden={"sven"})),
    "ticket_fields": (NO, to(AGENTS, forbidden={"sven"})),
    "ticket_do_not_close": (NO, to(AGENTS, forbidden={"sven"})),
    "ticket_address_lift": (NO, Policy(forbidden=frozenset({"ann", "sven"}))),  # of nobody's address
    "ticket_split": (NO, to(AGENTS, forbidden={"sven"})),
    "ticket_cc_add": (NO, to(DESK)),
    "ticket_cc_confirm": (NO, to(DESK)),
    "ticket_cc_remove": (NO, to(DESK)),
    "ticket_mail_retry": (NO, to(AGENTS, forbidden={"sven"})),
    # Schedules: responders see who is on call, leads and admins edit it.
    "schedule_list": (to({"lea", "ada"}, forbidden={"ann", "sven"}), NO),
    "schedule_new": (to({"lea", "ada"}, forbidden={"ann", "sven"}), to({"lea", "ada"}, forbidden={"ann", "sven"})),
    "schedule_edit": (to({"lea", "ada"}, forbidden={"ann", "sven"}), to({"lea", "ada"}, forbidden={"ann", "sven"})),
    "schedule_delete": (to({"lea", "ada"}, forbidden={"ann", "sven"}), to({"lea", "ada"}, forbidden={"ann", "sven"})),
    # Paging.
    "on_call": (to(DESK), NO),
    "page_detail": (to(DESK), NO),
    "page_acknowledge": (NO, to(DESK)),
    "page_escalate": (NO, to(DESK)),
    # Webhooks of services outside: of one that doesn't exist nobody learns more; signed ones are tried in
    # tests/escalations/test_pagerduty.py and test_webhook.py.
    "pagerduty_hook": (NO, Policy(signed_out="404")),
    "outside_hook": (NO, Policy(signed_out="404")),
    "mattermost_hook": (NO, Policy(signed_out="404")),
    # What the mail provider calls: none is named here; it is tried in tests/tickets/mail/test_webhooks.py.
    "mail_webhook": (Policy(signed_out="404"), Policy(signed_out="404")),
    # What Twilio calls: nobody without its signature.
    "twilio_sms": (NO, UNSIGNED),
    "twilio_voice": (NO, UNSIGNED),
    "twilio_status": (NO, UNSIGNED),
    # Contacts and rules are one's own; leads see whether somebody can be reached.
    "my_contacts": (to(DESK), to(DESK)),
    "contact_rules": (NO, to(DESK)),
    "contact_defaults": (NO, to(DESK)),
    "contact_push": (NO, to(DESK)),
    "contacts_of": (to({"lea", "ada"}), NO),
    "contact_code": (NO, to({"ann"})),
    "contact_verify": (NO, to({"ann"})),
    "contact_remove": (NO, to({"ann"})),
    "contact_test": (NO, to({"ann"})),
    "manifest": (PUBLIC, NO),
    "service_worker": (PUBLIC, NO),
    # The health of paging, its numbers, and the canary's way back (a signature, whoever is signed in).
    "paging_health": (to(WATCHERS, forbidden=DESK - WATCHERS), NO),
    "paging_numbers": (to(WATCHERS, forbidden=DESK - WATCHERS), NO),
    "paging_canary_hook": (NO, to(forbidden=ANY)),
    # Who is on call when. Swaps, leave and feeds are ann's here; lea sees swaps, and ends anybody's leave.
    "on_call_calendar": (to(DESK), NO),
    "my_shifts": (to(DESK), NO),
    "override_new": (to(DESK), to(DESK)),
    "override_cancel": (NO, to({"ann", "lea", "ada"}, forbidden={"sven"})),
    "shift_take": (NO, to(DESK)),
    "swap_new": (to(DESK), to(DESK)),
    "swap_answer": (NO, to({"lea"}, forbidden={"ann", "ada"})),
    "leave_new": (NO, to(DESK)),
    "leave_end": (NO, to({"ann", "lea", "ada"})),
    "feed_new": (NO, to(DESK)),
    "feed_revoke": (NO, to({"ann"})),
    # An address that isn't one is nobody's; those that are one are tried in tests/escalations/test_feeds.py.
    "calendar_feed": (Policy(signed_out="404"), NO),
    # The life of a page, and phones that answer without a log-in (tests/escalations/test_devices.py).
    "page_list": (to(DESK), NO),
    "page_acknowledge_all": (NO, to(DESK)),
    "page_hand_over": (to(DESK), to(DESK)),
    "page_snooze": (to(DESK), to(DESK)),
    "page_finish": (NO, to(DESK)),
    "ticket_page": (to(DESK), to(DESK)),
    "my_devices": (to(DESK), to(DESK)),
    "device_revoke": (NO, to(set())),
    # Engineering escalations: the desk; pat was not brought in (those who were: tests/escalations/engineering).
    "escalation_board": (to(DESK, STAKEHOLDERS), NO),
    "escalation_list": (to(DESK, STAKEHOLDERS), NO),
    "escalation_detail": (to(DESK), NO),
    "escalation_feed": (to(DESK, STAKEHOLDERS), NO),
    "escalation_discussion": (to(DESK), to(DESK)),
    "escalation_follow": (NO, to(DESK)),
    "escalation_invite": (NO, to(DESK, forbidden={"pat"})),
    "escalation_dismiss": (NO, to(DESK, forbidden={"pat"})),
    "escalation_edit": (to(DESK, forbidden=STAKEHOLDERS), to(DESK, forbidden=STAKEHOLDERS)),
    "escalation_move": (to(MOVERS, forbidden={"ann", "pat"}), to(MOVERS, forbidden={"ann", "pat"})),
    "escalation_update": (to(DESK), to(DESK)),
    "escalation_notice": (NO, to(DESK, forbidden=STAKEHOLDERS)),
    "escalation_ticket": (NO, to(DESK, forbidden=STAKEHOLDERS)),
    "escalation_queues": (to(DESK, forbidden=STAKEHOLDERS), NO),
    "escalation_queue": (to(DESK, forbidden=STAKEHOLDERS), NO),
    "escalation_numbers": (to(DESK, forbidden=STAKEHOLDERS), NO),
    "ticket_escalate": (to(AGENTS, forbidden={"sven"}), to(AGENTS, forbidden={"sven"})),
    "ticket_escalation_finish": (NO, to(DESK)),
    "ticket_escalation_leave": (NO, to(DESK)),
    "escalation_known_issue": (to(MOVERS, forbidden={"ann", "pat"}), to(MOVERS, forbidden={"ann", "pat"})),
    "escalation_known_issue_withdraw": (NO, to(MOVERS, forbidden={"ann", "pat"})),
    # Known issues, for who may submit; the staff is sent on to the desk. No other is published here.
    "known_issue_list": (to(CUSTOMERS - {"fred", "cora"}, DESK, forbidden={"fred", "cora"}), NO),
    "known_issue_offers": (to(CUSTOMERS - {"fred", "cora"}, DESK, forbidden={"fred", "cora"}), NO),
    "known_issue": (to(CUSTOMERS - {"fred", "cora"}, DESK, forbidden={"fred", "cora"}), NO),
    "known_issue_report": (NO, to(CUSTOMERS - {"fred", "cora"}, forbidden={"fred", "cora"})),
    # Pull requests, issues elsewhere and duplicates of a record; what code hosts call is tried in
    # tests/escalations/engineering/test_code_hooks.py.
    "escalation_pull_request_link": (NO, to(DESK, forbidden=STAKEHOLDERS)),
    "escalation_pull_request_unlink": (NO, to(DESK, forbidden=STAKEHOLDERS)),
    "escalation_issue_link": (NO, to(DESK, forbidden=STAKEHOLDERS)),
    "escalation_issue_unlink": (NO, to(DESK, forbidden=STAKEHOLDERS)),
    "escalation_merge": (NO, to(MOVERS, forbidden={"ann"} | STAKEHOLDERS)),
    "escalation_unmerge": (NO, to(MOVERS, forbidden={"ann"} | STAKEHOLDERS)),
    "code_host_hook": (NO, UNSIGNED),
    # The API.
    "api_schema": (PUBLIC, NO),
    "api_docs": (PUBLIC, NO),
    "api_tickets": (
        api(EVERYBODY),
        api(CUSTOMERS - {"fred", "cora"}, forbidden={"fred", "cora"} | DESK | STAKEHOLDERS),
    ),
    "api_ticket": (api(SEES, DESK), NO),
    "api_priority": (NO, api({"rita", "mona"}, forbidden={"cora"} | DESK)),
    "api_survey": (Policy(signed_out="401"), NO),
    "api_promises": (api(SEES, DESK), NO),
    "api_replies": (api(SEES, DESK), api(SEES, DESK)),
    "api_cc_confirm": (NO, api({"rita", "mona"}, DESK, forbidden={"cora"})),
    "api_unknown": (Policy(signed_out="401"), Policy(signed_out="401")),
}
# allauth's flows: each decides for itself by what it is asked; they are tried in tests/accounts.
ALLAUTH = ("account_",)
ADMIN = "admin"


@dataclass
class Stage:
    """rita's request with everything that an address can name, and everybody's client."""

    ticket: Ticket
    participant: Participant
    attachment: Attachment
    unsent: Attachment
    page: int
    membership: int
    invitation: int
    contact: ContactMethod
    mail: int
    blocked: int
    escalation: Escalation
    around: dict[str, int]
    """What surrounds it, by the name under which addresses have it."""
    hours: dict[str, int] = field(default_factory=dict)
    """Of the addresses about hours on call: what each is about."""
    clients: dict[str, Client] = field(default_factory=dict)

    def url(self, name: str, pattern: URLPattern) -> str:
        keys = pattern.pattern.regex.groupindex
        values = {
            "number": self.ticket.number,
            "participant": self.participant.pk,
            "mail": 1,  # whether it is one of the ticket's is asked after who may
            "pk": self.page,
            "slug": "northwind",
            "token": "no-such-token",
            "rest": "nothing/",
            "ref": self.escalation.reference,
            "move": "review",
            "notice": self.notice,
            "ticket": self.linked,
            "message": "7a3c1c2e-1c8e-4b0a-9d57-000000000001",
            "contact": self.contact.pk,
            "person": self.contact.user_id,
            **self.around,
        }
        if name == "escalation_queue":
            values["slug"] = "updates-owed"
        if name.startswith("attachment"):
            values["pk"] = self.unsent.pk if name.endswith("discard") else self.attachment.pk
        if name.startswith(("member", "invitation")):
            values["pk"] = self.membership if name.startswith("member") else self.invitation
        if name == "ticket_split":
            values["message"] = self.ticket.messages.earliest("pk").pk
        if name.startswith(("mail_", "sender_")):
            values["pk"] = self.blocked if name.startswith("sender") else self.mail
        if name.startswith("schedule"):
            values["pk"] = Schedule.objects.get().pk
        if name.startswith("known_issue"):
            values["pk"] = self.escalation.known_issue.pk
        values["pk"] = self.hours.get(name, values["pk"])
        return reverse(name, kwargs={key: values[key] for key in keys})

    @property
    def linked(self) -> int:
        return self.escalation.links.earliest("pk").ticket_id

    @property
    def notice(self) -> int:
        return CustomerNotice.objects.filter(link__escalation=self.escalation).earliest("pk").pk


@pytest.fixture
def stage(request: pytest.FixtureRequest, client_of: Callable[[User], Client]) -> Stage:
    cast = {name: request.getfixturevalue(name) for name in EVERYBODY - {"cora"}}
    cast["cora"] = factories.person("cora@partner.example", "Cora")
    paging_defaults.load(on_call=[cast["ann"]], staff=[cast["ann"], cast["lea"]])
    rita, now = cast["rita"], clock.now()
    upload = [actions.upload(rita, file=png(), name=name, at=now) for name in ("seen.png", "unsent.png")]
    ticket = factories.open_ticket(rita, priority=Priority.URGENT, cc=["cora@partner.example"], uploads=[upload[0].pk])
    run_pass("test")
    gone = factories.person("gone@northwind.example", "Gone")
    clients = {name: client_of(user) for name, user in cast.items()} | {"nobody": Client(), "gone": client_of(gone)}
    gone.is_active = False
    gone.save(update_fields=["is_active"])
    membership = cast["tom"].memberships.get().pk
    escalation = escalation_of(cast["sam"], cast["ann"], cast["sven"])
    return Stage(
        ticket,
        ticket.participants.get(),
        upload[0],
        upload[1],
        page=Page.objects.get().pk,
        membership=membership,
        invitation=invitation_of(cast["mona"]).pk,
        contact=ContactMethod.objects.filter(user=cast["ann"]).earliest("pk"),
        mail=factories.incoming(b"From: rita@northwind.example\r\nSubject: Emoji\r\n\r\nGone.\r\n", ticket=ticket).pk,
        blocked=actions.block_sender("@evil.example", by=cast["lea"], at=now).pk,
        escalation=escalation,
        around=around(escalation, cast["sven"]),
        hours=hours_of(cast["ann"], cast["lea"]) | {"code_host_hook": CodeHost.objects.get().pk},
        clients=clients,
    )


def escalation_of(customer: User, agent: User, engineer: User) -> Escalation:
    """A record with another customer's ticket, as just requested; customers may read of it."""
    problem = engineering.Problem("Sessions end", 2, "All users", "Log in")
    ticket = factories.open_ticket(customer)
    escalation = engineering.request_escalation(ticket, problem, by=agent, text="We look.", at=clock.now())
    engineering.publish_known_issue(escalation, engineering.Notice("Logged out", "x"), by=engineer, at=clock.now())
    return escalation


def around(escalation: Escalation, engineer: User) -> dict[str, int]:
    """A pull request and an issue elsewhere that are linked to it, and what was merged into it."""
    now, url = clock.now(), "https://github.com/acme/server/pull/41"
    CodeHost.objects.create(name="GitHub", kind="github", address="https://github.com", repositories="acme/server")
    issue = engineering.link_outside_issue(escalation, "https://jira.example.com/browse/MM-1", by=engineer, at=now)
    same = Escalation.objects.get(pk=escalation.pk)
    same.pk, same.submission_key = None, ""
    same.save(force_insert=True)
    return {
        "pull": engineering.link_pull_request(escalation, url, by=engineer, at=now).pk,
        "issue": issue.pk,
        "merge": engineering.merge(same, escalation, by=engineer, at=now).pk,
    }


def hours_of(ann: User, lea: User) -> dict[str, int]:
    """An override, a swap that lea is asked for, leave and a feed of ann's, who is on call."""
    now = clock.now()
    shift = Shift.objects.get()
    times = {"starts_at": now + timedelta(days=1), "ends_at": now + timedelta(days=2)}
    return {
        "override_cancel": Override.objects.create(
            schedule=shift.schedule, user=ann, created_by=ann, starts_at=now, ends_at=now + timedelta(hours=1)
        ).pk,
        "shift_take": shift.pk,
        "swap_answer": SwapRequest.objects.create(
            schedule=shift.schedule, asked_by=ann, asked_of=lea, asked_at=now, **times
        ).pk,
        "leave_end": Leave.objects.create(user=ann, starts_at=now, ends_at=now + timedelta(days=1)).pk,
        "feed_revoke": CalendarFeed.objects.create(owner=ann, token_hash="0" * 64, created_at=now).pk,
    }


def invitation_of(manager: User) -> Invitation:
    account_actions.invite(
        manager.memberships.get().organization,
        by=manager,
        email="new@northwind.example",
        role=Membership.Role.MEMBER,
        at=clock.now(),
    )
    return Invitation.objects.get()


def png() -> SimpleUploadedFile:
    from tests.flows.test_story import PNG

    return SimpleUploadedFile("x.png", PNG)


def addresses(resolver: URLResolver | None = None, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from addresses(entry, entry.namespace or namespace)
        else:
            yield (f"{namespace}:{entry.name}" if namespace else entry.name or ""), entry


def kind_of(answer: HttpResponse) -> str:
    if answer.status_code in {301, 302} and answer.headers["Location"].startswith("/accounts/login/"):
        return "login"
    if answer.status_code in {401, 403, 404, 405}:
        return str(answer.status_code)
    assert answer.status_code < 500, answer.status_code
    return "ok"


def ask(client: Client, method: str, url: str) -> str:
    """What somebody gets, with whatever it changed undone."""
    client.raise_request_exception = False
    cookies = client.cookies.copy()
    with transaction.atomic():
        if url.startswith("/api/"):
            answer = client.generic(method, url, "{}", content_type="application/json")
        else:
            answer = client.generic(method, url, "", content_type="application/x-www-form-urlencoded")
        kind = kind_of(answer)
        transaction.set_rollback(True)
    client.cookies = cookies
    return kind


def test_every_address_has_a_policy() -> None:
    listed = set(POLICIES)
    found = {name for name, _ in addresses() if not name.startswith((*ALLAUTH, f"{ADMIN}:"))}
    assert found == listed


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_everybody_gets_what_the_policies_say(stage: Stage, method: str) -> None:
    wrong = []
    for name, pattern in addresses():
        if name not in POLICIES:
            continue
        policy = POLICIES[name][method == "POST"]
        url = stage.url(name, pattern)
        for person in ASKED:
            found = ask(stage.clients[person], method, url)
            if not policy.allows(person, found):
                wrong.append(f"{method} {name} by {person}: {found}")
    assert not wrong, "\n".join(wrong)


# Where a stakeholder who was brought into a record fares better than one who was not: GET, POST.
BROUGHT_IN: dict[str, tuple[str, str]] = {
    "escalation_detail": ("ok", "405"),
    "escalation_discussion": ("ok", "ok"),
    "escalation_follow": ("405", "ok"),
    "escalation_update": ("ok", "403"),
    # The tickets in it: to be read and noted, by the desk's page and the API.
    "ticket_workspace": ("ok", "405"),
    "ticket_note": ("405", "ok"),
    "attachment_download": ("ok", "405"),
    "attachment_preview": ("ok", "405"),
    "api_ticket": ("ok", "405"),
    "api_replies": ("ok", "ok"),  # refused for what it says, and with the right words as not theirs to say
    "api_promises": ("ok", "405"),
    "api_priority": ("405", "403"),
    "api_cc_confirm": ("405", "403"),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_s049_who_was_brought_in_comes_to_the_record_and_its_tickets_alone(
    stage: Stage, cleo: User, client_of: Callable[[User], Client], method: str
) -> None:
    ann = User.objects.get(email="ann@desk.example")
    engineering.add_ticket(stage.escalation, stage.ticket, by=ann, text="We look.", at=clock.now())
    engineering.invite_team(stage.escalation, Involved.CUSTOMER_SUCCESS, by=ann, at=clock.now())
    client, wrong = client_of(cleo), []
    for name, pattern in addresses():
        if name not in POLICIES:
            continue
        found = ask(client, method, stage.url(name, pattern))
        policy = POLICIES[name][method == "POST"]
        expected = BROUGHT_IN.get(name, ("", ""))[method == "POST"]
        if found != expected if expected else not policy.allows("pat", found):
            wrong.append(f"{method} {name}: {found}")
    assert not wrong, "\n".join(wrong)


def test_django_admin_is_for_admins(stage: Stage) -> None:
    wrong = []
    for name, pattern in addresses():
        if (
            not name.startswith(f"{ADMIN}:")
            or pattern.pattern.regex.groupindex
            or name in {"admin:jsi18n", "admin:autocomplete"}
        ):
            continue
        for person in ASKED:
            answer = stage.clients[person].get(reverse(name))
            served = answer.status_code == 200 and name not in {"admin:login"}
            if served and person != "ada" and name != "admin:logout":
                wrong.append(f"{name} by {person}: {answer.status_code}")
            if person == "ada" and answer.status_code not in {200, 302, 403, 405}:
                wrong.append(f"{name} by ada: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def without_tokens(page: bytes) -> bytes:
    """The page without what differs each time anyway: masked CSRF tokens, and the desk's second."""
    return re.sub(rb'[0-9A-Za-z]{64}|name="now" content="[^"]*"', b"", page)


def test_unknown_and_forbidden_are_the_same_answer(stage: Stage) -> None:
    """S048, S050: nothing tells a stranger that the thing exists."""
    missing = 10**9
    pairs = [
        (f"/requests/{stage.ticket.number}/", f"/requests/{missing}/"),
        (f"/requests/{stage.ticket.number}/promises/", f"/requests/{missing}/promises/"),
        (f"/api/v1/tickets/{stage.ticket.number}/", f"/api/v1/tickets/{missing}/"),
        (f"/api/v1/tickets/{stage.ticket.number}/promises/", f"/api/v1/tickets/{missing}/promises/"),
        (f"/attachments/{stage.attachment.pk}/", f"/attachments/{uuid.uuid4()}/"),
        (f"/desk/tickets/{stage.ticket.number}/", f"/desk/tickets/{missing}/"),
        (f"/desk/tickets/{stage.ticket.number}/promises/", f"/desk/tickets/{missing}/promises/"),
        (f"/desk/pages/{stage.page}/", f"/desk/pages/{missing}/"),
    ]
    for name in ("sam", "tom", "fred"):
        for theirs, nobodys in pairs:
            first, second = (stage.clients[name].get(url) for url in (theirs, nobodys))
            assert first.status_code == second.status_code == 404, (name, theirs)
            assert without_tokens(first.content) == without_tokens(second.content)
            kept = [{k: v for k, v in answer.headers.items() if k != "Content-Length"} for answer in (first, second)]
            assert kept[0] == kept[1]
