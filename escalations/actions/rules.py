"""The verbs on one's own rules: which contact, how long after having been paged first."""

import logging
from collections.abc import Sequence

from django.db import transaction

from accounts.models import User
from escalations.actions.own import lock_person, own
from escalations.models import PAGING_PRIORITIES, ContactMethod, NotificationRule
from escalations.paging import personal
from escalations.paging.decide import Rule
from supportdesk.lib.errors import Conflict, Invalid

security = logging.getLogger("security")


@transaction.atomic
def save_rules(person: User, *, priority: int, rules: Sequence[Rule], by: User) -> None:
    """Replace the person's rules for pages of `priority`; with none, every contact is used at once.

    Raises NotAllowed for somebody else's, Invalid (field `rules`) for what names somebody else's contact, or lies
    below the floor of Urgent though there are contacts enough.
    """
    own(person.pk, by)
    lock_person(person)
    if priority not in dict(PAGING_PRIORITIES):
        raise Invalid("Only Urgent and High have rules.", field="rules", code="priority")
    contacts = {contact.pk: contact for contact in ContactMethod.objects.kept().filter(user=person)}
    if any(rule.contact not in contacts for rule in rules):
        raise Invalid("One of these contacts isn't yours any more: choose another.", field="rules", code="contact")
    usable = [pk for pk, contact in contacts.items() if contact.is_usable]
    if sentence := personal.refusal(rules, usable, priority=priority):
        raise Invalid(sentence, field="rules", code="rules")
    _replace(person, priority, rules)
    security.info("contact.rules user=%s priority=%s rules=%s", person.pk, priority, len(rules))


@transaction.atomic
def use_default_rules(person: User, *, by: User) -> None:
    """Replace the person's rules by the desk's own for the contacts that are verified. Raises NotAllowed, Conflict."""
    own(person.pk, by)
    lock_person(person)
    usable = ContactMethod.objects.usable().filter(user=person).order_by("pk")
    ways = [personal.Way(contact.pk, contact.kind) for contact in usable]
    if not ways:
        raise Conflict("Verify a contact first: rules are made of verified contacts.", code="no_contacts")
    for priority, _ in PAGING_PRIORITIES:
        _replace(person, priority, personal.offered(ways, priority=priority))
    security.info("contact.default_rules user=%s", person.pk)


def rules_of(person: int, priority: int) -> list[Rule]:
    """The person's rules as they are, the soonest first."""
    rows = NotificationRule.objects.filter(user=person, priority=priority).order_by("delay", "pk")
    return [Rule(row.contact_id, row.delay) for row in rows]


def _replace(person: User, priority: int, rules: Sequence[Rule]) -> None:
    NotificationRule.objects.filter(user=person, priority=priority).delete()
    NotificationRule.objects.bulk_create(
        NotificationRule(user=person, priority=priority, contact_id=rule.contact, delay=rule.delay) for rule in rules
    )
