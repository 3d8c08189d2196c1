"""Pull requests of a record: linking by address, unlinking, and what their hosts tell of them.

A host's row is locked by all of these before anything else: its deliveries are dealt with one after the other, and
what is linked meanwhile misses none.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import models, transaction
from django.db.models import Q

from accounts.models import User
from escalations.engineering import access, pulls
from escalations.engineering.actions.moves import locked, require, write
from escalations.engineering.code_hosts import CheckNews, News, Place, PullNews, ReleaseNews, is_on, place_at
from escalations.engineering.events import Kind, record
from escalations.models import CodeHost, CodeHostDelivery, Escalation, PullRequest
from supportdesk.lib import text as words
from supportdesk.lib.errors import Conflict, Invalid

logger = logging.getLogger(__name__)

LONGEST_ADDRESS = 500
KEPT_FOR = timedelta(days=30)
_BATCH = 1000
_TOLD_BY_HOST = (
    "title",
    "state",
    "checks",
    "check_results",
    "head",
    "merge_commit",
    "merged_at",
    "release_tag",
    "host_updated_at",
    "checks_updated_at",
)
_EXAMPLES = {"github": "acme/server/pull/41", "gitlab": "acme/server/-/merge_requests/41"}


class Came(StrEnum):
    """What came of a delivery."""

    KNOWN = "known"
    IGNORED = "ignored"
    UNCHANGED = "unchanged"
    CHANGED = "changed"


@dataclass(frozen=True)
class Delivery:
    """One call of a webhook by the host's own key."""

    key: str
    event: str


# --- By people -------------------------------------------------------------------------------------------------------


@transaction.atomic
def link_pull_request(escalation: Escalation, url: str, *, by: User, at: datetime) -> PullRequest:
    """Link the pull request at `url`; what is known of it from another record is known here at once.

    Raises NotAllowed, Invalid (`url`: no host of ours, no pull request, a repository that isn't listed), Conflict
    (linked already, the record was merged into another).
    """
    require(access.may_word(by), "link pull requests")
    host, place = _placed(words.one_line(url, field="url", most=LONGEST_ADDRESS))
    _lock(host)
    escalation = locked(escalation, by=by)
    refuse_merged(escalation)
    same = PullRequest.objects.filter(host=host, repository=place.repository, number=place.number)
    if same.filter(escalation=escalation, unlinked_at=None).exists():
        raise Conflict(f"{place.repository}#{place.number} is linked already.", code="linked_already", field="url")
    known = same.order_by("pk").last()
    pull = PullRequest.objects.create(
        escalation=escalation,
        host=host,
        repository=place.repository,
        number=place.number,
        url=place.url,
        linked_by=by,
        linked_at=at,
        **({name: getattr(known, name) for name in _TOLD_BY_HOST} if known else {}),
    )
    write(escalation, at=at)
    _record(escalation, pull, "linked", by=by, at=at)
    return pull


@transaction.atomic
def unlink_pull_request(pull: PullRequest, *, by: User, at: datetime) -> None:
    """It is no longer the record's. Raises NotAllowed, Conflict (unlinked already)."""
    require(access.may_word(by), "unlink pull requests")
    _lock(pull.host)
    escalation = locked(pull.escalation, by=by)
    pull = PullRequest.objects.select_for_update(of=("self",)).get(pk=pull.pk)
    if pull.unlinked_at is not None:
        raise Conflict(f"{pull} was unlinked already.", code="unlinked")
    pull.unlinked_at = at
    pull.save(update_fields=["unlinked_at"])
    write(escalation, at=at)
    _record(escalation, pull, "unlinked", by=by, at=at)


def refuse_merged(escalation: Escalation) -> None:
    """Conflict for a duplicate: things are linked to the record that stays."""
    if escalation.merged_into_id is not None:
        sentence = f"{escalation.reference} was merged into SET-{escalation.merged_into_id}: link it there."
        raise Conflict(sentence, code="merged", field="url")


def _placed(url: str) -> tuple[CodeHost, Place]:
    """The host, and what the address leads to there; Invalid says which of the two isn't known."""
    if not url:
        raise Invalid("Paste the address of a pull request.", code="required", field="url")
    hosts = list(CodeHost.objects.order_by("pk"))
    found = [(host, place) for host in hosts if (place := place_at(url, kind=host.kind, address=host.address))]
    for host, place in found:
        if place.repository in host.known_repositories:
            return host, place
    if found:
        host, place = found[0]
        sentence = f"{place.repository} isn't a repository of {host} that the desk knows. An admin can add it there."
        raise Invalid(sentence, code="unknown_repository", field="url")
    raise Invalid(_not_there(url, hosts), code="no_pull_request", field="url")


def _not_there(url: str, hosts: Iterable[CodeHost]) -> str:
    for host in hosts:
        if is_on(url, host.address):
            example = f"{host.address.rstrip('/')}/{_EXAMPLES[host.kind]}"
            return f"This is no pull request of {host}. Its address looks like {example}."
    known = ", ".join(host.address for host in hosts)
    return f"The desk doesn't know this code host. Known: {known}." if known else "No code host is set up yet."


def _lock(host: CodeHost) -> None:
    """Rows that point to it can be made by others all the same."""
    CodeHost.objects.select_for_update(no_key=True).get(pk=host.pk)


# --- By their hosts --------------------------------------------------------------------------------------------------


@transaction.atomic
def take_delivery(host: CodeHost, delivery: Delivery, news: News | None, *, at: datetime) -> Came:
    """Do what a believed call says, once per key, to every record that links the pull request.

    Unknown repositories and pull requests are ignored, until they are known and the host delivers it again; so is what
    is older than what is known.
    """
    _lock(host)
    row, is_new = CodeHostDelivery.objects.get_or_create(
        host=host, delivery_id=delivery.key, defaults={"event": delivery.event, "received_at": at}
    )
    if not is_new and row.outcome != Came.IGNORED:
        return Came.KNOWN
    came = _hear(host, news, at=at) if news is not None else Came.IGNORED
    row.outcome, row.received_at = came.value, at
    row.save(update_fields=["outcome", "received_at"])
    if came is Came.IGNORED:
        logger.info("ignored a delivery: host=%s event=%s key=%s", host.pk, delivery.event, delivery.key)
    return came


def _hear(host: CodeHost, news: News, *, at: datetime) -> Came:
    if news.repository not in host.known_repositories:
        return Came.IGNORED
    rows = list(_concerned(host, news).order_by("pk"))
    records = {pk: locked(Escalation(pk=pk), by=None) for pk in sorted({pull.escalation_id for pull in rows})}
    changed = [pull for pull in rows if _apply(records[pull.escalation_id], pull, news, at=at)]
    if not rows:
        return Came.IGNORED
    return Came.CHANGED if changed else Came.UNCHANGED


def _concerned(host: CodeHost, news: News) -> models.QuerySet[PullRequest]:
    """Also those that were unlinked: whoever links them again finds them as they are by then."""
    rows = PullRequest.objects.filter(host=host, repository=news.repository)
    match news:
        case PullNews():
            return rows.filter(number=news.number)
        case CheckNews():
            return rows.filter(Q(head=news.head) | Q(head="", number__in=news.numbers))
        case ReleaseNews():
            return rows.filter(state=PullRequest.State.MERGED, release_tag="")


def _apply(escalation: Escalation, pull: PullRequest, news: News, *, at: datetime) -> bool:
    """Write down what is new of it, and in the history of the locked record what is worth it."""
    new = pulls.changes(pull, news, at=at)
    if not new:
        return False
    told = pulls.noteworthy(pull, new)
    for name, value in new.items():
        setattr(pull, name, value)
    pull.save(update_fields=[*new])
    if told and pull.unlinked_at is None:
        # Customers hear of none of it, so it is no news of engineering; and checks come and go by the minute.
        if told.keys() - {"checks"}:
            write(escalation, at=at)
        old, now = ({name: pair[side] for name, pair in told.items()} for side in (0, 1))
        _record(escalation, pull, "changed", by=None, at=at, old=old, new=now)
    return True


def _record(
    escalation: Escalation, pull: PullRequest, what: str, *, by: User | None, at: datetime, **data: Any
) -> None:
    record(escalation, Kind.PULL_REQUEST, by=by, at=at, what=what, name=str(pull), url=pull.url, **data)


def forget_old_deliveries(*, now: datetime) -> bool:
    """Some of those whose replay could no longer change anything new; whether there may be more."""
    old = CodeHostDelivery.objects.filter(received_at__lt=now - KEPT_FOR).order_by("pk").values("pk")[:_BATCH]
    gone, _ = CodeHostDelivery.objects.filter(pk__in=old).delete()
    return gone == _BATCH
