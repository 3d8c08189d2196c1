"""What the API's list can be narrowed to: names of a fixed list, never names that come from outside (S103)."""

from typing import Any

import django_filters
from django.http import HttpRequest

from tickets.models import Ticket
from tickets.querysets import TicketQuerySet
from tickets.serializers import PRIORITIES
from tickets.states import Status


class TicketFilter(django_filters.FilterSet):
    """`status` and `priority`, each once or several times."""

    status = django_filters.MultipleChoiceFilter(
        choices=[(one.value, one.label) for one in Status], method="with_status"
    )
    priority = django_filters.MultipleChoiceFilter(
        choices=[(name, one.label) for name, one in PRIORITIES.items()], method="with_priority"
    )

    class Meta:
        model = Ticket
        fields: list[str] = []

    def __init__(
        self, data: Any = None, queryset: Any = None, *, request: HttpRequest | None = None, **options: Any
    ) -> None:
        super().__init__(data, queryset, request=request, **options)
        if request is not None and not getattr(request.user, "is_desk", False):
            # On-hold is internal: customers can't ask for it, and find those tickets under Open.
            shown = [one for one in Status if one is not Status.ON_HOLD]
            self.filters["status"].extra["choices"] = [(one.value, one.label) for one in shown]

    def with_status(self, rows: TicketQuerySet, name: str, values: list[str]) -> TicketQuerySet:
        wanted = set(values)
        if Status.OPEN in wanted and self.request is not None and not self.request.user.is_desk:
            wanted.add(Status.ON_HOLD)
        return rows.filter(status__in=wanted) if wanted else rows

    def with_priority(self, rows: TicketQuerySet, name: str, values: list[str]) -> TicketQuerySet:
        return rows.filter(priority__in=[PRIORITIES[value] for value in values]) if values else rows
