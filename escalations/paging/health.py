"""What the health page shows beside the invariants: who runs, by what messages go, who can't be reached."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Now

from escalations.models import ContactMethod, EngineHeartbeat, OutsideService, PageDelivery, WatcherHeartbeat
from escalations.paging import engine, watcher

_State = PageDelivery.State
_LISTED_FOR = timedelta(days=1)
_ERRORS_LOOKED_AT = 200


@dataclass(frozen=True)
class Beat:
    """A process that beats: how long ago by the database's clock, in seconds, and how long its work took."""

    name: str
    ago: float
    took_ms: int
    is_alive: bool


@dataclass(frozen=True)
class Provider:
    """What became of a day's messages by one channel."""

    method: str
    accepted: int
    failed: int
    unknown: int
    last_error: str
    last_error_at: datetime | None


def engines() -> list[Beat]:
    """Those that were seen within a day, the latest first."""
    return [Beat(row.engine, *_timing(row, engine.FRESH)) for row in _latest(EngineHeartbeat.objects.all())]


def watchers() -> list[Beat]:
    return [Beat(row.watcher, *_timing(row, watcher.FRESH)) for row in _latest(WatcherHeartbeat.objects.all())]


def _latest(rows: QuerySet[Any]) -> list[Any]:
    rows = rows.filter(finished_at__gt=Now() - _LISTED_FOR).annotate(ago=Now() - F("finished_at")).order_by("ago")
    return list(rows)


def _timing(row: Any, fresh: timedelta) -> tuple[float, int, bool]:
    return max(row.ago.total_seconds(), 0.0), row.took_ms, row.ago < fresh


def providers(now: datetime) -> list[Provider]:
    """The last 24 hours by channel: pages, tests and notices, without canaries; two queries."""
    rows: QuerySet[Any] = PageDelivery.objects.filter(due_at__gt=now - timedelta(hours=24), due_at__lte=now)
    rows = rows.exclude(page__kind="canary").annotate(by=_BY)
    counted = (
        rows.values("by")
        .order_by("by")
        .annotate(
            accepted=Count("pk", filter=Q(state__in=PageDelivery.ARRIVED)),
            failed=Count("pk", filter=Q(state=_State.FAILED)),
            unknown=Count("pk", filter=Q(state=_State.UNKNOWN)),
        )
    )
    errors: dict[str, tuple[str, datetime]] = {}
    failures = rows.exclude(error="").order_by("-due_at", "-pk").values_list("by", "error", "due_at")
    for kind, error, at in failures[:_ERRORS_LOOKED_AT]:
        errors.setdefault(kind, (error, at))
    return [
        Provider(_label(row["by"]), row["accepted"], row["failed"], row["unknown"], *errors.get(row["by"], ("", None)))
        for row in counted
        if row["accepted"] or row["failed"] or row["unknown"] or row["by"] in errors
    ]


_BY = Case(
    When(outside__isnull=False, then=F("outside__kind")),
    default=Coalesce(F("contact__kind"), Value(ContactMethod.Kind.EMAIL.value)),
    output_field=CharField(),
)


def _label(kind: str) -> str:
    kinds = OutsideService.Kind if kind in OutsideService.Kind.values else ContactMethod.Kind
    return str(kinds(kind).label)


def disabled() -> tuple[list[ContactMethod], list[OutsideService]]:
    """What providers refuse for good, of people who are still here."""
    contacts = ContactMethod.objects.filter(disabled_at__isnull=False, user__is_active=True).select_related("user")
    services = OutsideService.objects.filter(disabled_at__isnull=False)
    return list(contacts.order_by("-disabled_at")), list(services.order_by("-disabled_at"))
