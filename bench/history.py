"""What happened to the loaded tickets, as the verbs would have recorded it, and the clocks that follow from it."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from accounts.models import Membership
from bench import policies
from bench.rows import insert, run
from tickets.models import Ticket, TicketEvent
from tickets.sla import rebuild
from tickets.sla.lookup import bargain


def terms(parameters: Mapping[str, object]) -> None:
    """What each company's requests run on, one row of terms for each plan and place, found as the verbs find it.

    The older ones came while the policies were as on a new desk. The others came under an edition that promises more,
    so that most of what is unfinished has a clock that runs; it has been taken back since.
    """
    now = cast(datetime, parameters["now"])
    run("CREATE TEMP TABLE agreed (company bigint, is_young bool, terms bigint) ON COMMIT DROP", {})
    _agree(is_young=False)
    policies.edit(at=now, more=True)
    _agree(is_young=True)
    policies.edit(at=now, more=False)


def _agree(*, is_young: bool) -> None:
    alike = ("organization__plan_id", "organization__time_zone")
    members = Membership.objects.order_by(*alike).distinct(*alike).select_related("user", "organization__plan")
    for member in members:
        company = member.organization
        found = bargain(member.user, company)
        if found is not None:
            run(
                """INSERT INTO agreed SELECT id, %(is_young)s, %(terms)s FROM accounts_organization
                WHERE plan_id = %(plan)s AND time_zone = %(zone)s""",
                {
                    "is_young": is_young,
                    "terms": found.kept_terms().pk,
                    "plan": company.plan_id,
                    "zone": company.time_zone,
                },
            )


def events(parameters: Mapping[str, object]) -> None:
    """Each verb's event, in the order in which they happened: every one finds the status that the last has left."""
    columns = {name: name for name in ("kind", "actor_id", "message_id", "from_status", "to_status", "data")}
    columns |= {"ticket_id": "ticket", "at": "at", "notified_at": "at"}
    insert(
        TicketEvent, columns, f"FROM ({_SPOKEN} UNION ALL {_MOVED}) AS happened ORDER BY at, ticket, step", parameters
    )


_SPOKEN = """
    SELECT said.ticket, 10 * k AS step, said.at, said.id AS message_id,
           CASE WHEN from_staff THEN said.agent ELSE said.requester END AS actor_id,
           CASE WHEN k = 1 THEN 'created' WHEN is_note THEN 'noted' WHEN from_staff THEN 'answered'
                ELSE 'customer_replied' END AS kind,
           CASE WHEN k = 1 OR is_note THEN '' WHEN said.status = 'new' THEN 'new' ELSE 'open' END AS from_status,
           CASE WHEN is_note THEN '' WHEN k = 1 OR said.status = 'new' THEN 'new'
                WHEN said.status = 'pending' AND k = said.said THEN 'pending' ELSE 'open' END AS to_status,
           CASE WHEN is_note THEN jsonb_build_object() WHEN k = 1
                THEN jsonb_build_object('priority', priority, 'answered', false, 'terms', terms)
                WHEN from_staff THEN jsonb_build_object(
                    'took', false, 'asked', said.status = 'pending' AND k = said.said, 'terms', terms)
                ELSE jsonb_build_object('waits', true, 'terms', terms) END AS data
    FROM said JOIN drawn ON drawn.id = ticket
    JOIN agreed ON agreed.company = drawn.company AND is_young = (drawn.id > %(young)s)"""

# An assignment at once, and the move to how the ticket stands now, if it isn't its last message that moved it there.
_MOVED = """
    SELECT ticket.id, step, moved.at, NULL, actor_id, kind, from_status, to_status, data
    FROM tickets_ticket ticket
    JOIN drawn ON drawn.id = ticket.id
    JOIN heard ON heard.ticket = ticket.id
    JOIN accounts_user agent ON agent.id = drawn.agent
    CROSS JOIN LATERAL (VALUES
        (ticket.status <> 'new', 11, ticket.created_at, agent.id, 'assigned', 'new', 'open',
         jsonb_build_object('to', agent.id, 'to_name', agent.name, 'former', null)),
        (ticket.status = 'open' AND assignee_id IS NULL, 999, last_at, agent.id, 'unassigned', 'open', 'open',
         jsonb_build_object('former', agent.id, 'former_name', agent.name)),
        (ticket.status = 'on_hold', 999, status_changed_at, agent.id, 'held', 'open', 'on_hold',
         jsonb_build_object('reason', hold_reason)),
        (ticket.status = 'solved', 999, status_changed_at, agent.id, 'solved', 'open', 'solved', '{"took": false}'),
        (ticket.status = 'closed', 999, last_at + (status_changed_at - last_at) / 24, agent.id, 'solved', 'open',
         'solved', '{"took": false}'),
        (ticket.status = 'closed', 1000, status_changed_at, NULL, 'closed', 'solved', 'closed', '{}')
    ) AS moved (happened, step, at, actor_id, kind, from_status, to_status, data)
    WHERE happened"""


def clocks(parameters: Mapping[str, object]) -> None:
    """As the verbs keep them: what broke is dated, and the sweep has only what is still ahead."""
    numbers = Ticket.objects.order_by("pk").values_list("pk", flat=True)
    rebuild.build(numbers.iterator(), now=cast(datetime, parameters["now"]))
