"""Which terms hold: the policy of the organisation or its plan, its calendar, and where the customer is."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.access import plan_for
from accounts.models import Organization, SupportPlan, User
from tickets.models import PolicyVersion, ServiceTerms, SlaPolicy
from tickets.sla.terms import Place


def place_of(requester: User, organization: Organization | None) -> Place:
    """Zone and country of a customer: the person's own go before the organisation's; a country is never guessed."""
    zone = requester.time_zone or (organization.time_zone if organization else "") or "UTC"
    if requester.country or organization is None:
        return Place(zone, requester.country, requester.subdivision)
    return Place(zone, organization.country, organization.subdivision)


def zone_of(requester: User, organization: Organization | None) -> ZoneInfo:
    return ZoneInfo(place_of(requester, organization).zone)


@dataclass(frozen=True)
class Bargain:
    """What somebody has bought, where they are: what terms are made from."""

    plan: SupportPlan
    policy: SlaPolicy
    version: PolicyVersion
    place: Place

    def at_version(self, version: PolicyVersion) -> "Bargain":
        """The same under another version of the policy, with its calendar as it is now."""
        return replace(self, version=version)

    def terms(self) -> ServiceTerms:
        """The terms, not saved: to look at."""
        return ServiceTerms(**self.columns())

    def kept_terms(self) -> ServiceTerms:
        """The row of these terms, which is written when they first occur."""
        columns = self.columns()
        key = tuple(getattr(value, "pk", value) for value in columns.values())
        if key in _kept:
            return ServiceTerms(pk=_kept[key], **columns)
        row = ServiceTerms.objects.filter(**columns).first() or ServiceTerms.objects.get_or_create(**columns)[0]
        transaction.on_commit(lambda: _kept.setdefault(key, row.pk))
        return row

    def columns(self) -> dict[str, Any]:
        return {
            "plan": self.plan,
            "policy_version": self.version,
            "calendar_version": self.version.calendar.current,
            "time_zone": self.place.zone,
            "country": self.place.country,
            "subdivision": self.place.subdivision,
            "covers_weekends": self.plan.covers_weekends,
        }


_kept: dict[tuple[object, ...], int] = {}
"""Keys of terms by what they say, once it is certain that they stay: they never change, and there are few."""


def bargain(requester: User, organization: Organization | None) -> Bargain | None:
    """What holds for a requester at an organisation now; None where their plan has no policy at all."""
    plan = plan_for(requester, organization)
    policy = SlaPolicy.objects.of(plan, organization).with_content().first() if plan else None
    return bargain_under(policy, plan, place_of(requester, organization))


def bargain_under(policy: SlaPolicy | None, plan: SupportPlan | None, place: Place) -> Bargain | None:
    """What a policy makes of a plan at a place; None without one that is in force."""
    if plan is None or policy is None or policy.current is None or policy.current.calendar.current is None:
        return None
    return Bargain(plan, policy, policy.current, place)


def policies_of(organizations: Iterable[Organization]) -> dict[int, SlaPolicy | None]:
    """The policy that counts for each of several organisations (with their plans loaded), by its key, in one query."""
    companies = list(organizations)
    plans = [company.plan_id for company in companies]
    rows = list(SlaPolicy.objects.covering(plans, [company.pk for company in companies]).with_content())
    own = {row.organization_id: row for row in rows if row.organization_id}
    of_plan = {row.plan_id: row for row in rows if row.plan_id}
    return {company.pk: own.get(company.pk) or of_plan.get(company.plan_id) for company in companies}
