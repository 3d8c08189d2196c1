"""The internal discussion of a record: the newest comments, and the form to write one."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from escalations.models import Comment, Escalation
from supportdesk.lib import keyset
from supportdesk.lib.errors import Invalid
from tickets.forms.fields import DeskForm, TextField, new_key

PAGE_SIZE = 30


class CommentForm(DeskForm):
    body = TextField(label="Comment", error_messages={"required": "Please write something."})

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="comment_%s")


@dataclass(frozen=True)
class Discussion:
    """A stretch of it, oldest first; `older` and `newer` are the pages around it, `seen` changes with the newest."""

    comments: list[Comment]
    older: str
    newer: str
    form: CommentForm
    key: str

    @property
    def seen(self) -> int:
        return self.comments[-1].pk if self.comments else 0


def context(escalation: Escalation, request: HttpRequest, *, shown: Discussion | None = None) -> dict[str, Any]:
    """In one query."""
    return {"discussion": shown or discussion(escalation)}


def discussion(
    escalation: Escalation, *, cursor: str = "", form: CommentForm | None = None, fresh: bool = False
) -> Discussion:
    """The newest comments, or those of the page `cursor`; with the `form` that was refused, under a `fresh` key."""
    rows = escalation.comments.select_related("author")
    try:
        shown = keyset.page_of(rows, by="created_at", size=PAGE_SIZE, cursor=cursor)
    except Invalid:
        shown = keyset.page_of(rows, by="created_at", size=PAGE_SIZE)
    key = new_key() if form is None or fresh else str(form["key"].value() or new_key())
    return Discussion(shown.rows[::-1], shown.older, shown.newer, form or CommentForm(), key)
