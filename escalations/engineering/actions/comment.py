"""The internal discussion of a record: comments, and whom they bring in."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts.models import User
from escalations.engineering import access
from escalations.engineering.actions.invite import add_follower, bring_in_person
from escalations.engineering.actions.moves import locked, require
from escalations.engineering.actions.request import TEXT_BYTES, needed
from escalations.engineering.events import Kind, record
from escalations.engineering.mentions import mentioned_in
from escalations.models import Comment, Escalation
from supportdesk.lib import text as words
from supportdesk.lib.errors import Conflict, Invalid
from supportdesk.lib.html import render_markdown


@transaction.atomic
def comment(escalation: Escalation, *, by: User, body: str, at: datetime, key: str = "") -> Comment:
    """Write into the discussion, once per `key`; who writes follows it, whom they name is told and brought in.

    Raises NotAllowed, Invalid (`body`: empty, too long, or naming somebody whom the author can't bring in), Conflict
    (the form was sent with other words).
    """
    escalation = locked(escalation, by=by)
    require(access.may_comment(by), "write here")
    body = needed(words.body(body, field="body", most_bytes=TEXT_BYTES), "body", "Please write something.")
    if former := _sent_before(escalation, by, key, body):
        return former
    people = [person for person in mentioned_in(body) if person.pk != by.pk]
    _bring_in(escalation, people, by=by, at=at)
    said = Comment.objects.create(
        escalation=escalation,
        author=by,
        body=body,
        body_html=render_markdown(body),
        created_at=at,
        submission_key=key,
    )
    said.mentioned.set(people)
    add_follower(escalation, by, by=by, at=at)
    record(escalation, Kind.COMMENTED, by=by, at=at, comment=said.pk, mentioned=[person.pk for person in people])
    return said


def _sent_before(escalation: Escalation, by: User, key: str, body: str) -> Comment | None:
    """What this form sent before (S089)."""
    former = Comment.objects.filter(author=by, submission_key=key).first() if key else None
    if former is not None and (former.escalation_id != escalation.pk or former.body != body):
        raise Conflict("This form was already sent with other text. Reload the page to send more.", code="key_reused")
    return former


def _bring_in(escalation: Escalation, people: Sequence[User], *, by: User, at: datetime) -> None:
    """Whoever is named sees what they are named in; who may not invite can name only those who do."""
    strangers = [one for one in people if not Escalation.objects.visible_to(one).filter(pk=escalation.pk).exists()]
    if strangers and not access.may_invite(by):
        names = ", ".join(one.display_name for one in strangers)
        many = len(strangers) > 1
        sentence = f"{names} {'do' if many else 'does'} not see this escalation, and you can't bring anybody in."
        raise Invalid(f"{sentence} Leave out the @, or ask support to invite them.", code="no_sight", field="body")
    for person in strangers:
        bring_in_person(escalation, person, by=by, at=at, mentioned=True)
