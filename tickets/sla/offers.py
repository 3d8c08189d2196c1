"""What a plan would promise: for who is about to ask, and for who reads the help page."""

from collections.abc import Iterable
from datetime import datetime

from accounts.models import Organization, SupportPlan, User
from tickets.models import ServiceTerms, SlaPolicy
from tickets.models.sla import targets_of
from tickets.sla.lookup import bargain, bargain_under, place_of, policies_of
from tickets.sla.promises import Promise
from tickets.sla.terms import Calendar, Place, Target, Terms


def first_replies(requester: User, organization: Organization | None) -> dict[int, Target]:
    """What a request submitted now would be promised as first reply, by priority."""
    found = bargain(requester, organization)
    return _by_priority(found.terms()) if found else {}


def first_replies_of_each(requester: User, organizations: Iterable[Organization]) -> dict[int, dict[int, Target]]:
    """The same for each of several organisations (with their plans loaded), by its key, in one query."""
    companies = list(organizations)
    policies, found = policies_of(companies), {}
    for company in companies:
        made = bargain_under(policies[company.pk], company.plan, place_of(requester, company))
        if made is not None:
            found[company.pk] = _by_priority(made.terms())
    return found


def _by_priority(terms: ServiceTerms) -> dict[int, Target]:
    agreed = terms.agreed
    targets = {priority: agreed.target(Promise.FIRST_REPLY, priority) for priority in (1, 2, 3, 4)}
    return {priority: target for priority, target in targets.items() if target is not None}


def due(target: Target, at: datetime) -> datetime | None:
    """When what is asked `at` would be due; None if the hours of the target never open for so long."""
    return target.due(at)


def targets_of_plans(plans: Iterable[SupportPlan]) -> dict[tuple[Promise, int, int], Target]:
    """All that the plans' own policies promise, by promise, plan and priority: in words the same everywhere."""
    found = {}
    for policy in SlaPolicy.objects.covering([plan.pk for plan in plans], []).with_content().select_related("plan"):
        if policy.current is None or policy.plan is None:
            continue
        calendar = policy.current.calendar.current
        says = calendar.says if calendar else Calendar("", ((),) * 7)
        terms = Terms(targets_of(policy.current.pk), says, Place("UTC"), policy.plan.covers_weekends)
        for promise, priority in terms.targets:
            target = terms.target(promise, priority)
            if target is not None:
                found[promise, policy.plan.pk, priority] = target
    return found
