"""One's contacts and rules as their page shows them; constant numbers of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import User
from escalations.actions.contacts import digest_of
from escalations.models import PAGING_PRIORITIES, ContactMethod, NotificationRule, Page, PageDelivery, PageEvent
from escalations.paging import personal
from escalations.paging.decide import URGENT, Rule

_TEST_SHOWN = timedelta(minutes=30)
_ORDER = {kind: number for number, kind in enumerate(ContactMethod.Kind.values)}
_PICTURES = {
    "push": "bell-ring",
    "mattermost": "message-square",
    "chat": "messages-square",
    "sms": "message-circle",
    "voice": "phone",
    "email": "mail",
}
_Delivery = PageDelivery.State


@dataclass(frozen=True)
class Card:
    """A contact, and what can be done with it."""

    contact: ContactMethod
    has_code: bool
    is_unused: bool
    """Whether there are rules, and none for it."""

    @property
    def picture(self) -> str:
        return _PICTURES[self.contact.kind]

    @property
    def digest(self) -> str:
        """By which the browser knows that it is this one."""
        endpoint = self.contact.details.get("endpoint", "")
        return digest_of(endpoint) if endpoint else ""

    @property
    def takes_code(self) -> bool:
        return not self.contact.is_usable and self.contact.kind != ContactMethod.Kind.PUSH

    @property
    def masked(self) -> str:
        """For others to recognise, not to use."""
        value = self.contact.value
        if self.contact.kind in ContactMethod.NUMBERS:
            return f"{value[:3]} … {value[-3:]}"
        if self.contact.kind == ContactMethod.Kind.EMAIL:
            name, _, host = value.partition("@")
            return f"{name[:1]}…@{host}"
        return value if self.contact.kind == ContactMethod.Kind.PUSH else f"{value[:2]}…"


@dataclass(frozen=True)
class Row:
    """A line of the form of rules, as typed."""

    contact: str
    minutes: str


@dataclass(frozen=True)
class RuleSet:
    """The rules for one urgency, as the form shows them."""

    priority: int
    label: str
    rows: Sequence[Row]
    error: str = ""

    @property
    def rows_and_one(self) -> list[Row]:
        return [*self.rows, Row("", "")]


def cards(person: User, now: datetime) -> list[Card]:
    """The person's contacts, by kind."""
    used = set(NotificationRule.objects.filter(user=person).values_list("contact_id", flat=True))
    contacts = sorted(ContactMethod.objects.kept().filter(user=person), key=lambda row: (_ORDER[row.kind], row.value))
    return [
        Card(
            contact,
            has_code=bool(contact.code_digest and contact.code_expires_at and contact.code_expires_at > now),
            is_unused=bool(used) and contact.is_usable and contact.pk not in used,
        )
        for contact in contacts
    ]


def rule_sets(person: User) -> list[RuleSet]:
    """The person's rules for Urgent and High, the soonest first."""
    rules = list(NotificationRule.objects.filter(user=person).order_by("delay", "pk"))
    return [
        RuleSet(
            priority,
            label,
            [Row(str(rule.contact_id), f"{rule.delay / 60:g}") for rule in rules if rule.priority == priority],
        )
        for priority, label in PAGING_PRIORITIES
    ]


def floor_notice(person: User, shown: Sequence[Card]) -> str:
    """Why pages may not reach the person; empty where the floor of Urgent is kept."""
    usable = [card.contact.pk for card in shown if card.contact.is_usable]
    rules = NotificationRule.objects.filter(user=person, priority=URGENT).values_list("contact_id", "delay")
    return personal.shortfall([Rule(*rule) for rule in rules], usable)


@dataclass(frozen=True)
class Progress:
    """How a test of a contact goes on: rung, arrived, answered."""

    page: Page
    delivery: PageDelivery | None
    answered_at: datetime | None

    @property
    def is_over(self) -> bool:
        return not self.page.is_open

    @property
    def went_out(self) -> bool:
        return self.delivery is not None and self.delivery.state in PageDelivery.ARRIVED

    @property
    def has_arrived(self) -> bool:
        return self.answered_at is not None or (
            self.delivery is not None and self.delivery.state == _Delivery.DELIVERED
        )

    @property
    def has_failed(self) -> bool:
        return self.delivery is not None and self.delivery.state in (_Delivery.FAILED, _Delivery.UNKNOWN)


def last_test(person: User, now: datetime) -> Progress | None:
    """The person's latest test, while it is news."""
    page = Page.objects.filter(kind=Page.Kind.TEST, person=person, created_at__gt=now - _TEST_SHOWN).first()
    if page is None:
        return None
    delivery = page.deliveries.select_related("contact").order_by("pk").first()
    answered = page.events.filter(kind=PageEvent.Kind.ACKNOWLEDGED).values_list("at", flat=True).first()
    return Progress(page, delivery, answered)
