"""Rows that stories begin with; tickets come through the verbs, as everything does."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.core.files.base import ContentFile

from accounts import defaults as account_defaults
from accounts.models import Membership, Organization, OrganizationDomain, Region, Role, SupportPlan, Team, User
from supportdesk.lib import clock
from tickets import actions
from tickets import defaults as ticket_defaults
from tickets.models import (
    BusinessCalendar,
    Category,
    Channel,
    Environment,
    IncomingMail,
    MailReason,
    MailState,
    Message,
    PolicyVersion,
    Priority,
    SlaPolicy,
    Ticket,
)
from tickets.sla import publish
from tickets.sla.promises import HoursKind, Promise

PASSWORD = "correct horse battery staple"


def load_defaults() -> None:
    account_defaults.load()
    ticket_defaults.load()


def person(email: str, name: str = "", *, role: str = "", password: str | None = PASSWORD, **fields: Any) -> User:
    """Somebody with a verified address."""
    user = User.objects.create_user(email, password, name=name, role=role, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def staff(name: str, role: Role, region: str = "") -> User:
    user = person(f"{name.lower()}@desk.example", name, role=role)
    if region:
        user.region = Region.objects.get(name=region)
        user.save(update_fields=["region"])
    if role in {Role.AGENT, Role.LEAD}:
        Team.objects.get(gets_new_tickets=True).members.add(user)
    return user


def organization(name: str, plan: str, time_zone: str = "UTC") -> Organization:
    company = Organization.objects.create(
        name=name, slug=name.lower(), plan=SupportPlan.objects.get(slug=plan), time_zone=time_zone
    )
    OrganizationDomain.objects.create(
        organization=company, domain=f"{name.lower()}.example", verified_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    return company


def member(name: str, company: Organization, role: str = Membership.Role.MEMBER) -> User:
    user = person(f"{name.lower()}@{company.slug}.example", name, time_zone=company.time_zone)
    Membership.objects.create(user=user, organization=company, role=role)
    return user


def request_of(**fields: Any) -> actions.Request:
    """What a form would say, with ordinary words where the story names none."""
    defaults = {
        "subject": "Users are logged out",
        "body": "Since the upgrade everybody is logged out after a minute.",
        "priority": Priority.NORMAL,
        "category": Category.objects.get(slug="server-issues"),
        "environment": Environment.objects.get(name="Production"),
    }
    return actions.Request(**{**defaults, **fields})


def open_ticket(requester: User, *, at: datetime | None = None, organization: Any = "theirs", **fields: Any) -> Ticket:
    """A request that `requester` submits in the portal."""
    if organization == "theirs":
        organization = Organization.objects.of_member(requester).first()
    return actions.submit(
        requester,
        by=requester,
        organization=organization,
        request=request_of(**fields),
        channel=Channel.PORTAL,
        at=at or clock.now(),
    )


def incoming(raw: bytes = b"", *, at: datetime | None = None, **fields: Any) -> IncomingMail:
    """A mail that came in, was read and put aside; `fields` say what else became of it."""
    at = at or clock.now()
    raw = raw or b"From: Sue <stranger@other.example>\r\nSubject: About #4\r\n\r\nMe too.\r\n"
    read = {
        "state": MailState.HELD,
        "reason": MailReason.NOT_PARTICIPANT,
        "sender": "stranger@other.example",
        "sender_name": "Sue",
        "is_verified": True,
        "verdict": "desk.example; dmarc=pass header.from=other.example",
        "subject": "About #4",
        "excerpt": "Me too.",
    }
    mail = IncomingMail(
        digest=secrets.token_hex(32), size=len(raw), door="smtp", received_at=at, read_at=at, **{**read, **fields}
    )
    mail.envelope_to = mail.envelope_to or ["support@desk.example"]
    mail.file.save("mail", ContentFile(raw), save=False)
    mail.save(force_insert=True)
    return mail


def by_mail(ticket: Ticket, author: User, body: str = "By the way, emoji are missing.", **fields: Any) -> Message:
    """A reply that `author` sent by mail; `fields` say what was noted of the mail."""
    message = actions.reply(ticket, by=author, body=body, at=clock.now(), channel=Channel.EMAIL)
    told = {"state": MailState.REPLY, "reason": MailReason.REPLY_ADDRESS, "sender": author.email, "subject": "Emoji"}
    incoming(**{**told, "ticket": message.ticket, "message": message, "user": author, **fields})
    return message


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def promise(plan: str, targets: dict[tuple[str, int], tuple[int, str]], **fields: Any) -> PolicyVersion:
    """Publish a version of a plan's policy that promises just these: minutes and hours by promise and priority."""
    policy = SlaPolicy.objects.get(plan__slug=plan)
    made = {
        (Promise(name), priority): (minutes, HoursKind(hours)) for (name, priority), (minutes, hours) in targets.items()
    }
    calendar = BusinessCalendar.objects.get(name="Business hours")
    return publish.policy(policy, made, calendar=calendar, by=None, at=clock.now(), **fields)
