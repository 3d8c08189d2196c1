"""Making the demo's people, companies, teams and on-call set-up."""

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password

from accounts.models import Membership, Organization, OrganizationDomain, Region, SupportPlan, Team, User
from escalations import defaults
from escalations.demo import people


def make(now: datetime) -> dict[str, User]:
    """Everybody, by address, with the password of the demo; `now` is when the desk is switched on."""
    since = now - timedelta(days=90)
    companies = {company.slug: _company(company, since) for company in people.COMPANIES}
    users = _users(companies, since)
    _memberships(users, companies, since)
    _teams(users)
    staff = [users[colleague.email] for colleague in (*people.SUPPORT, *people.STAFF) if colleague.role != "executive"]
    defaults.load(
        on_call=[users[email] for email in people.ON_CALL],
        weekends=[users[email] for email in people.WEEKENDS],
        engineers=[users[email] for email in people.ENGINEERS],
        staff=[person for person in dict.fromkeys(staff) if person.is_agent],
        at=now,
    )
    for email in people.AT_NIGHT:
        defaults.make_reachable_at_night(users[email], at=now)
    return users


def _company(company: people.Company, since: datetime) -> Organization:
    organization = Organization.objects.create(
        name=company.name,
        slug=company.slug,
        plan=SupportPlan.objects.get(slug=company.plan),
        time_zone=company.time_zone,
        country=company.country,
        subdivision=company.subdivision,
        created_at=since,
    )
    OrganizationDomain.objects.create(organization=organization, domain=company.domain, verified_at=since)
    return organization


def _users(companies: dict[str, Organization], since: datetime) -> dict[str, User]:
    """All accounts at once, with one hash: making a hash each would take the demo's first seconds."""
    password = make_password(people.PASSWORD)
    regions = {region.name: region for region in Region.objects.all()}
    users = [User(email=person.email, name=person.name, **_home(person, companies)) for person in _customers()]
    users += [
        User(
            email=person.email,
            name=person.name,
            role=person.role,
            region=regions.get(person.region),
            time_zone=person.time_zone,
            country=person.country,
        )
        for person in people.STAFF
    ]
    for user in users:
        user.password, user.created_at = password, since
    User.objects.bulk_create(users)
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, verified=True, primary=True) for user in users
    )
    return {user.email: user for user in users}


def _customers() -> tuple[people.Customer, ...]:
    return (*people.CUSTOMERS, people.CONSULTANT)


def _home(person: people.Customer, companies: dict[str, Organization]) -> dict[str, str]:
    company = companies.get(person.company)
    if company is None:
        return {"time_zone": "Europe/London", "country": "GB"}
    return {"time_zone": company.time_zone, "country": company.country, "subdivision": company.subdivision}


def _memberships(users: dict[str, User], companies: dict[str, Organization], since: datetime) -> None:
    places = [(person.email, person.company, person.is_manager) for person in people.CUSTOMERS if person.company]
    places += [(people.CONSULTANT.email, company, False) for company in people.CONSULTANT_OF]
    Membership.objects.bulk_create(
        Membership(
            user=users[email],
            organization=companies[company],
            role=Membership.Role.MANAGER if is_manager else Membership.Role.MEMBER,
            via=Membership.Via.DOMAIN if email.endswith(f"@{company}.example") else Membership.Via.INVITATION,
            started_at=since,
        )
        for email, company, is_manager in places
    )


def _teams(users: dict[str, User]) -> None:
    support = Team.objects.get(gets_new_tickets=True)
    support.members.set(users[colleague.email] for colleague in people.SUPPORT)
    support.lead = users["lea@desk.example"]
    support.save(update_fields=["lead"])
    engineering = Team.objects.filter(kind=Team.Kind.ENGINEERING).first()
    if engineering is not None:
        engineering.members.set([users[email] for email in people.ENGINEERS])
        engineering.lead = users[people.ENGINEERS[0]]
        engineering.save(update_fields=["lead"])
