"""Whom a firing reaches, and how: targets become people, people become deliveries."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from accounts.models import Role, Team, User
from escalations.access import is_responder
from escalations.models import ContactMethod, NotificationRule, OutsideService, Page, PageDelivery
from escalations.paging import roster
from escalations.paging.crash import crash_point
from escalations.paging.decide import Rule, Target, contacts_to_use


@dataclass
class Reached:
    """Whom a firing paged, who had been paged in this round already, and who could not be reached at all."""

    paged: list[User] = field(default_factory=list)
    before: list[User] = field(default_factory=list)
    unreachable: list[User] = field(default_factory=list)
    outside: list[OutsideService] = field(default_factory=list)

    @property
    def anybody(self) -> bool:
        return bool(self.paged or self.outside)


def page_targets(page: Page, targets: Sequence[Target], *, at: datetime) -> Reached:
    """Write the deliveries of everybody behind `targets` who has not been paged in this round of the episode."""
    people = people_behind(targets, at=at)
    already = set(
        PageDelivery.objects.filter(
            page=page, purpose=PageDelivery.Purpose.PAGE, episode=page.episode, round=page.round
        ).values_list("person_id", flat=True)
    )
    plans = contact_plans(people, priority=page.priority)
    reached = Reached()
    for person in people:
        if person.pk in already:
            reached.before.append(person)
        elif plan := plans.get(person.pk):
            write_deliveries(page, person, plan, at=at)
            reached.paged.append(person)
            crash_point("mid_fan_out")
        else:
            reached.unreachable.append(person)
    for target in targets:
        if target.kind == "contact":
            _page_contact(page, target, reached, at=at)
    reached.outside = _hand_outside(
        page, [target.key for target in targets if target.kind == "outside" and target.key], at=at
    )
    return reached


def _page_contact(page: Page, target: Target, reached: Reached, *, at: datetime) -> None:
    """One contact and no other: somebody tests it."""
    contact = ContactMethod.objects.usable().filter(pk=target.key or 0).select_related("user").first()
    if contact is not None and is_responder(contact.user):
        write_deliveries(page, contact.user, [Rule(contact.pk, 0)], at=at)
        reached.paged.append(contact.user)


def _hand_outside(page: Page, keys: Sequence[int], *, at: datetime) -> list[OutsideService]:
    """Services are handed a page once an episode, unless that failed."""
    if not keys:
        return []
    known = PageDelivery.objects.filter(page=page, episode=page.episode, purpose=PageDelivery.Purpose.PAGE)
    known = known.exclude(state__in=(PageDelivery.State.FAILED, PageDelivery.State.CANCELLED))
    services = OutsideService.objects.filter(pk__in=keys, disabled_at=None).order_by("pk")
    services = services.exclude(pk__in=known.filter(outside__isnull=False).values("outside"))
    found = list(services)
    place = {"page": page, "episode": page.episode, "round": page.round, "step": page.step, "due_at": at}
    PageDelivery.objects.bulk_create((PageDelivery(outside=row, **place) for row in found), ignore_conflicts=True)
    return found


def people_behind(targets: Iterable[Target], *, at: datetime) -> list[User]:
    """The people that targets stand for at this moment, each once, in order; only those who may answer pages."""
    wanted = list(targets)
    rosters = roster.load(at) if any(target.kind == "schedule" for target in wanted) else {}
    people: dict[int, User] = {}
    for target in wanted:
        for person in _resolve(target, rosters, at):
            if is_responder(person):
                people.setdefault(person.pk, person)
    return list(people.values())


def _resolve(target: Target, rosters: dict[int, roster.Roster], at: datetime) -> list[User]:
    if target.kind == "schedule":
        found = rosters[target.key].on_call(at) if target.key in rosters else None
        return [found] if found else []
    if target.kind == "team" and target.key:
        team = Team.objects.filter(pk=target.key).first()
        return list(team.members.active().order_by("pk")) if team else []
    if target.kind == "user" and target.key:
        return list(User.objects.active().filter(pk=target.key))
    if target.kind != "everybody":
        return []  # a contact or a service outside stands for itself
    return list(User.objects.agents().order_by("pk"))


def contact_plans(people: Sequence[User], *, priority: int) -> dict[int, list[Rule]]:
    """How each person is to be paged; who has no verified contact is absent."""
    contacts: dict[int, list[int]] = defaultdict(list)
    for contact in ContactMethod.objects.usable().filter(user__in=people).order_by("kind", "pk"):
        contacts[contact.user_id].append(contact.pk)
    rules: dict[int, list[Rule]] = defaultdict(list)
    for rule in NotificationRule.objects.filter(user__in=people, priority=priority).order_by("delay", "pk"):
        rules[rule.user_id].append(Rule(rule.contact_id, rule.delay))
    return {person: contacts_to_use(rules[person], usable, priority=priority) for person, usable in contacts.items()}


def write_deliveries(page: Page, person: User, plan: Iterable[Rule], *, at: datetime) -> None:
    """One row a rule; writing the same again changes nothing."""
    PageDelivery.objects.bulk_create(
        (
            PageDelivery(
                page=page,
                episode=page.episode,
                round=page.round,
                step=page.step,
                person=person,
                contact_id=rule.contact,
                delay=rule.delay,
                due_at=at + timedelta(seconds=rule.delay),
            )
            for rule in plan
        ),
        ignore_conflicts=True,
    )


def page_last_resort(page: Page, *, at: datetime) -> list[User]:
    """When nobody can be reached: every lead and admin, else every agent, by whatever there is, at least their mail."""
    people = list(User.objects.active().filter(role__in=(Role.LEAD, Role.ADMIN)).order_by("pk"))
    people = people or list(User.objects.agents().order_by("pk"))
    plans = contact_plans(people, priority=page.priority)
    for person in people:
        if person.pk in plans:
            write_deliveries(page, person, plans[person.pk], at=at)
        PageDelivery.objects.bulk_create(
            [
                PageDelivery(
                    page=page,
                    episode=page.episode,
                    round=page.round,
                    step=page.step,
                    person=person,
                    contact=None,
                    due_at=at,
                )
            ],
            ignore_conflicts=True,
        )
    return people
