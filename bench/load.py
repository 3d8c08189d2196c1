"""Fill an empty desk with tickets, in SQL, the same each time: sizes and skew of "Scale to design for".

Customers' companies follow Zipf's law, the largest (Premier) with a twentieth of all tickets. At most 10,000 tickets
are unfinished. Every message has its event, as the verbs would have written it, and the clocks follow from the events.
All came by import, which never pages.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from accounts.models import Membership, Organization, OrganizationDomain, Team, User
from bench import history, texts
from bench.rows import insert, run
from tickets.models import Message, Participant, Ticket

AGENTS = 200
LARGEST_SHARE = 0.05
MOST_UNFINISHED = 10_000
_HISTORY = timedelta(days=730)
# Of a hundred tickets: how many messages they have (four on average), and how urgent they are.
_LENGTHS = [1] * 8 + [2] * 20 + [3] * 25 + [4] * 19 + [5] * 10 + [6] * 7 + [7] * 3 + [8] * 2 + [10] * 5 + [20]
_PRIORITIES = [1] * 5 + [2] * 15 + [3] * 55 + [4] * 22 + [None] * 3


@dataclass(frozen=True)
class Load:
    """How much to load, seen from the instant `now`."""

    tickets: int
    now: datetime

    @property
    def organizations(self) -> int:
        return max(5, min(5_000, self.tickets // 200))

    def parameters(self) -> dict[str, object]:
        unfinished = min(MOST_UNFINISHED, self.tickets // 10)
        return {
            "tickets": self.tickets,
            "organizations": self.organizations,
            "agents": AGENTS,
            "now": self.now,
            "step": _HISTORY / self.tickets,
            "unfinished": unfinished,
            "young": self.tickets - unfinished * 3 // 2,  # tickets after this one are mostly unfinished
            "fresh": self.tickets - unfinished * 3 // 20,  # and after this one many are New
            "shares": shares(self.organizations),
            "lengths": _LENGTHS,
            "priorities": _PRIORITIES,
            "openings": list(texts.SUBJECT_OPENINGS),
            "endings": list(texts.SUBJECT_ENDINGS),
        }


def shares(count: int) -> list[float]:
    """Zipf-like shares of `count` companies that add up to 1, the first being LARGEST_SHARE (or what is even)."""
    low, high = 0.0, 2.0
    for _ in range(60):
        exponent = (low + high) / 2
        total = sum(rank**-exponent for rank in range(1, count + 1))
        low, high = (exponent, high) if 1 / total < LARGEST_SHARE else (low, exponent)
    return [rank**-low / total for rank in range(1, count + 1)]


def load(size: Load, *, say: Callable[[str], object] = print) -> None:
    """Load everything and bring the planner's statistics up to date; RuntimeError unless the desk is empty."""
    if Ticket.objects.exists() or User.objects.exists():
        raise RuntimeError("The desk isn't empty: the load wants a database of its own.")
    parameters = size.parameters()
    with transaction.atomic(), connection.cursor() as cursor:
        # Keys are right by construction; checking each of some million would take longer than all the rest.
        cursor.execute("SET LOCAL session_replication_role = replica; SELECT setseed(0.42)")
        for name, step in STEPS.items():
            began = time.perf_counter()
            step(parameters)
            say(f"{name}: {time.perf_counter() - began:.1f} s")
        _set_sequences()


def tidy() -> None:
    """What autovacuum would have done by the time a desk is as large as this."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("CHECKPOINT")


def _organizations(parameters: Mapping[str, object]) -> None:
    run(
        """CREATE TEMP TABLE company ON COMMIT DROP AS
        SELECT n AS id, share, people, sum(people) OVER (ORDER BY n) - people + 1 AS first_person,
               sum(share) OVER (ORDER BY n) AS up_to,
               CASE WHEN n = 1 OR mod(n, 20) < 3 THEN 'premier' WHEN mod(n, 20) < 10 THEN 'enterprise'
                    ELSE 'professional' END AS plan
        FROM (SELECT n, share, greatest(3, least(250, ceil(share * %(tickets)s / 20)))::int AS people
              FROM unnest(%(shares)s::float8[]) WITH ORDINALITY AS listed (share, n)) AS sized""",
        parameters,
    )
    columns = {
        "id": "company.id",
        "name": "'Company ' || company.id",
        "slug": "'company-' || company.id",
        "plan_id": "plan.id",
        "time_zone": "(ARRAY['Europe/Berlin', 'America/New_York', 'Australia/Sydney', 'UTC'])[1 + mod(company.id, 4)]",
        "country": "(ARRAY['DE', 'US', 'AU', ''])[1 + mod(company.id, 4)]",
        "created_at": "%(now)s - interval '750 days'",
    }
    insert(Organization, columns, "FROM company JOIN accounts_supportplan plan ON plan.slug = company.plan", parameters)
    columns = {
        "organization_id": "id",
        "domain": "'company-' || id || '.example'",
        "verified_at": "%(now)s - interval '740 days'",
    }
    insert(OrganizationDomain, columns, "FROM company", parameters)


def _people(parameters: Mapping[str, object]) -> None:
    """Each company's people, the last of them its manager; then the agents."""
    run(
        """CREATE TEMP TABLE person ON COMMIT DROP AS
        SELECT first_person + n - 1 AS id, company.id AS company, n = people AS manages,
               'p' || n || '@company-' || company.id || '.example' AS email
        FROM company, generate_series(1, people) n;
        CREATE TEMP TABLE agent ON COMMIT DROP AS
        SELECT (SELECT max(id) FROM person) + n AS id, n, 'agent' || n || '@desk.example' AS email
        FROM generate_series(1, %(agents)s) n""",
        parameters,
    )
    names = "(ARRAY['Ada','Bela','Cem','Dana','Eli','Fay','Gus','Hana','Ivo','Jun','Kai','Lin','Mia'])[1+mod({0}, 13)]"
    names += " || ' ' || (ARRAY['Adler','Brandt','Cruz','Dietz','Evans','Fischer','Garcia'])[1+mod({0}, 7)]"
    everybody = {"email": "email", "is_active": "true", "created_at": "%(now)s - interval '745 days'"}
    unusable = {"password": "'!' || md5(email)"}
    columns = {"id": "id", "name": names.format("id"), "last_organization_id": "company", **everybody, **unusable}
    insert(User, columns, "FROM person", parameters)
    role = "CASE WHEN n <= 2 THEN 'admin' WHEN n <= 10 THEN 'lead' ELSE 'agent' END"
    region = "(SELECT id FROM accounts_region ORDER BY id OFFSET mod(n, 3) LIMIT 1)"
    columns = {"id": "id", "name": names.format("id"), "role": role, "region_id": region, **everybody, **unusable}
    insert(User, columns, "FROM agent", parameters)
    member = "CASE WHEN manages THEN 'manager' ELSE 'member' END"
    columns = {"user_id": "id", "organization_id": "company", "role": member, "via": "'domain'"}
    insert(Membership, columns | {"started_at": "%(now)s - interval '740 days'"}, "FROM person", parameters)
    run(
        """INSERT INTO account_emailaddress (email, verified, "primary", user_id)
        SELECT email, true, true, id FROM accounts_user""",
        parameters,
    )
    columns = {"team_id": "team.id", "user_id": "agent.id"}
    team = "FROM agent, accounts_team team WHERE gets_new_tickets"
    insert(Team.members.through, columns, team, parameters)


def _draw(parameters: Mapping[str, object]) -> None:
    """One row of dice per ticket, then what follows from them; tickets are numbered in the order they came."""
    run(
        """CREATE TEMP TABLE drawn ON COMMIT DROP AS
        WITH dice AS MATERIALIZED (
            SELECT n AS id, random() a, random() b, random() c, random() d,
                   random() e, random() f, random() g, random() h,
                   %(now)s - (%(tickets)s - n + 1) * %(step)s::interval AS created_at
            FROM generate_series(1, %(tickets)s) n),
        placed AS MATERIALIZED (
            SELECT *, (%(lengths)s)[1 + floor(100 * e)::int] AS length,
                   1 + width_bucket(a, (SELECT array_agg(up_to ORDER BY id) FROM company WHERE up_to < 1)) AS company,
                   CASE WHEN c >= CASE WHEN id > %(young)s THEN 0.6 ELSE 0.1 * %(unfinished)s / %(tickets)s END
                        THEN CASE WHEN id > 0.996 * %(tickets)s THEN 'solved' ELSE 'closed' END
                        WHEN id > %(fresh)s AND d < 0.8 THEN 'new'
                        WHEN d < 0.5 THEN 'open' WHEN d < 0.87 THEN 'pending' ELSE 'on_hold' END AS status
            FROM dice)
        SELECT placed.id, placed.company, status, created_at, (%(priorities)s)[1 + floor(100 * h)::int] AS priority,
               first_person + floor(people * b * b)::int AS requester,
               (SELECT min(id) FROM agent) + floor(%(agents)s * f)::int AS agent,
               CASE status WHEN 'new' THEN 1 + mod(length, 2) WHEN 'pending' THEN length + mod(length, 2)
                    ELSE length END AS said,
               least((%(now)s - created_at) * 0.9, interval '4 days' * -ln(1 - g)) AS span
        FROM placed JOIN company ON company.id = placed.company""",
        parameters,
    )


def _said(parameters: Mapping[str, object]) -> None:
    """Who spoke when: customer and staff in turn (nobody answers a New ticket), a fifth of the staff's are notes."""
    run(
        """CREATE TEMP TABLE said ON COMMIT DROP AS
        SELECT row_number() OVER (ORDER BY at, ticket, k) AS id, spoken.*, from_staff AND k < said
               AND mod(ticket * 7 + k * 13, 10) < 2 AS is_note
        FROM (SELECT drawn.id AS ticket, k, said, status, mod(k, 2) = 0 AND status <> 'new' AS from_staff,
                     created_at + span * ((k - 1.0) / greatest(said - 1, 1)) AS at, requester, agent
              FROM drawn, generate_series(1, said) k) AS spoken;
        CREATE TEMP TABLE heard ON COMMIT DROP AS
        SELECT ticket, max(at) AS last_at, max(at) FILTER (WHERE NOT is_note) AS last_public_at,
               min(at) FILTER (WHERE from_staff AND NOT is_note) AS first_replied_at,
               max(at) FILTER (WHERE from_staff AND NOT is_note) AS last_replied_at,
               max(k) FILTER (WHERE from_staff AND NOT is_note) AS last_replied_k
        FROM said GROUP BY ticket;
        ANALYZE said; ANALYZE heard; ANALYZE drawn""",
        parameters,
    )


def _messages(parameters: Mapping[str, object]) -> None:
    bodies = texts.bodies()
    pool = [body.source for body in bodies], [body.html for body in bodies]
    run(
        """CREATE TEMP TABLE body ON COMMIT DROP AS
        SELECT ordinality - 1 AS n, source, html
        FROM unnest(%(sources)s, %(htmls)s) WITH ORDINALITY AS listed (source, html)""",
        {"sources": pool[0], "htmls": pool[1]},
    )
    columns = {
        "id": "said.id",
        "ticket_id": "ticket",
        "author_id": "CASE WHEN from_staff THEN agent ELSE requester END",
        "is_public": "NOT is_note",
        "from_staff": "from_staff",
        "channel": "'import'",
        "body": "source",
        "body_html": "html",
        "created_at": "at",
    }
    body = f"FROM said JOIN body ON body.n = mod(ticket * 31 + k * 17, {len(bodies)}) ORDER BY said.id"
    insert(Message, columns, body, parameters)


def _tickets(parameters: Mapping[str, object]) -> None:
    moved = """CASE status WHEN 'closed' THEN least(last_at + interval '48 hours', %(now)s)
        WHEN 'solved' THEN greatest(last_at, %(now)s - interval '44 hours' * random())
        WHEN 'open' THEN created_at ELSE last_at END"""
    left_alone = "status = 'new' OR status = 'open' AND mod(id, 7) = 0 AND first_replied_at IS NOT NULL"
    waiting = """CASE WHEN status IN ('new', 'open', 'on_hold') AND coalesce(last_replied_k, 0) < said THEN
        created_at + span * (coalesce(last_replied_k, 0)::float / greatest(said - 1, 1)) END"""
    columns = {
        "id": "id",
        "organization_id": "company",
        "requester_id": "requester",
        "opened_by_id": "requester",
        "subject": "(%(openings)s)[1 + mod(id, 15)] || ' ' || (%(endings)s)[1 + mod(id / 15, 14)]",
        "priority": "priority",
        "category_id": "(SELECT array_agg(id ORDER BY id) FROM tickets_category)[1 + mod(id * 7, 20)]",
        "environment_id": "(SELECT array_agg(id ORDER BY id) FROM tickets_environment)[1 + mod(id, 3)]",
        "product_version": "'10.' || mod(id, 9) || '.1'",
        "status": "status",
        "hold_reason": "CASE status WHEN 'on_hold' THEN 'Waits for the next release' ELSE '' END",
        "assignee_id": f"CASE WHEN {left_alone} THEN NULL ELSE agent END",
        "team_id": "(SELECT id FROM accounts_team WHERE gets_new_tickets)",
        "region_id": "(SELECT array_agg(id ORDER BY id) FROM accounts_region)[1 + mod(id, 3)]",
        "channel": "'import'",
        "created_at": "created_at",
        "updated_at": "greatest(last_at, moved_at)",
        "public_updated_at": "greatest(last_public_at, moved_at)",
        "status_changed_at": "moved_at",
        "first_replied_at": "first_replied_at",
        "last_replied_at": "last_replied_at",
        "waiting_since": waiting,
        "close_due_at": "CASE status WHEN 'solved' THEN moved_at + interval '48 hours' END",
        "pending_due_at": "CASE status WHEN 'pending' THEN %(now)s + interval '1 day' * (1 + mod(id, 6)) END",
    }
    source = f"FROM (SELECT *, {moved} AS moved_at FROM drawn JOIN heard ON ticket = id) AS drawn ORDER BY drawn.id"
    insert(Ticket, columns, source, parameters)


def _participants(parameters: Mapping[str, object]) -> None:
    """A tenth of the tickets copy in a colleague (the manager), a twentieth an outsider too."""
    columns = {
        "ticket_id": "drawn.id",
        "email": "person.email",
        "user_id": "person.id",
        "added_by_id": "requester",
        "added_at": "created_at",
    }
    source = "FROM drawn JOIN person ON person.company = drawn.company AND manages WHERE mod(drawn.id, 10) = 3"
    insert(Participant, columns, source, parameters)
    columns |= {"email": "'cc' || id || '@elsewhere.example'", "user_id": "NULL", "ticket_id": "id"}
    insert(Participant, columns, "FROM drawn WHERE mod(id, 20) = 3", parameters)


def _set_sequences() -> None:
    for model in (Organization, User, Ticket, Message):
        table = model._meta.db_table
        run(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))", {})


STEPS: dict[str, Callable[[Mapping[str, object]], None]] = {
    "organisations": _organizations,
    "people": _people,
    "dice": _draw,
    "conversations": _said,
    "messages": _messages,
    "tickets": _tickets,
    "terms": history.terms,
    "events": history.events,
    "participants": _participants,
    "clocks": history.clocks,
}
