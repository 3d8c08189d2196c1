"""What a record is a duplicate of, what is one of it, and which others sound alike."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User
from escalations.engineering import access
from escalations.engineering.forms.around import MergeForm
from escalations.engineering.matching import similar_titles
from escalations.engineering.views.gate import seen_among, viewer
from escalations.models import Escalation, EscalationMerge


def context(escalation: Escalation, request: HttpRequest, *, form: MergeForm | None = None) -> dict[str, Any]:
    """Four queries at most; `seen` are the keys of the records that may be named.

    Which others sound alike is looked for when somebody asks: all that are under way have to be read for it.
    """
    user = viewer(request)
    may_merge = access.may_move(user)
    can_go = may_merge and escalation.is_active
    asked = can_go and "similar" in request.GET
    merges = list(_merged_into(escalation))
    return {
        "seen": seen_among(user, (escalation.merged_into_id, *(one.source_id for one in merges))),
        "merged_away": _away(escalation),
        "merges": merges,
        "may_undo": may_merge and escalation.is_active,
        "may_merge": may_merge,
        "asked": asked,
        "similar": _similar(escalation, user) if asked else [],
        "form": form or (MergeForm(auto_id="merge_%s") if can_go else None),
    }


def _similar(escalation: Escalation, user: User) -> list[Escalation]:
    others = Escalation.objects.visible_to(user).active().exclude(pk=escalation.pk).only("title", "step")
    return list(similar_titles(others, escalation.title)[:3])


def _standing() -> QuerySet[EscalationMerge]:
    return EscalationMerge.objects.filter(undone_at=None)


def _merged_into(escalation: Escalation) -> QuerySet[EscalationMerge]:
    rows = _standing().filter(target=escalation).select_related("source", "by")
    return rows.only("moved", "at", "target", "source__title", "by__name", "by__email")


def _away(escalation: Escalation) -> EscalationMerge | None:
    """How it became a duplicate; it may have followed that one into another since."""
    if escalation.merged_into_id is None:
        return None
    return _standing().filter(source=escalation).select_related("by", "target").first()
