"""Alarms about paging itself: begun and ended as invariants break and hold, told by mail without the engine's help."""

import logging
import smtplib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import get_connection
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import Role, User
from escalations.models import PagingAlarm
from escalations.paging.findings import CAPPED
from escalations.paging.invariants import Finding
from supportdesk.lib.mail import compose, message_id
from supportdesk.lib.signed_addresses import return_path

logger = logging.getLogger(__name__)

TOLD_AGAIN_AFTER = timedelta(hours=24)
_NAMED = 5
_ROOM = 450
_MAIL_SECONDS = 10
_ONE_TELLS = 7_246_401
"""The advisory lock's number: of several watchers one tells."""


@dataclass(frozen=True)
class Trouble:
    """What an alarm is about, as it is at this look."""

    key: str
    text: str
    settles: bool


def troubles(findings: Iterable[Finding]) -> list[Trouble]:
    """An alarm for each broken invariant, or for each schedule or person that it is about."""
    found = []
    for finding in findings:
        invariant = finding.invariant
        if finding.state in {"timed_out", "failed"}:
            text = (
                f"{invariant.sentence} This could not be checked{' in time' if finding.state == 'timed_out' else ''}."
            )
            found.append(Trouble(f"{invariant.key}:unchecked", text, settles=True))
        for about in dict.fromkeys(offence.about for offence in finding.offences):
            named = [offence.text for offence in finding.offences if offence.about == about]
            key = f"{invariant.key}:{about}" if about else invariant.key
            found.append(Trouble(key, _in_words(invariant.sentence, named), invariant.settles))
    return found


def _in_words(sentence: str, named: Sequence[str]) -> str:
    """The sentence, and what is not so: five of them at most, and as many as there is room for."""
    text, shown = f"{sentence} Not so: {named[0]}"[:_ROOM], 1
    while shown < min(len(named), _NAMED) and len(text) + len(named[shown]) < _ROOM:
        text, shown = f"{text}; {named[shown]}", shown + 1
    rest = len(named) - shown
    more = f"; and {'at least ' if len(named) >= CAPPED else ''}{rest} more" if rest else ""
    return f"{text}{more}."


def follow(found: Sequence[Trouble], *, before: Iterable[str], now: datetime) -> None:
    """Begin and end alarms. What may settle by itself begins one when it was there at the look before, too."""
    seen = set(before)
    lasting = [trouble for trouble in found if not trouble.settles or trouble.key in seen]
    open_alarms = {alarm.key: alarm for alarm in PagingAlarm.objects.filter(ended_at=None)}
    begun = [trouble for trouble in lasting if trouble.key not in open_alarms]
    PagingAlarm.objects.bulk_create(
        (PagingAlarm(key=trouble.key, text=trouble.text, began_at=now) for trouble in begun), ignore_conflicts=True
    )
    for trouble in found:
        alarm = open_alarms.get(trouble.key)
        if alarm is not None and alarm.text != trouble.text:
            PagingAlarm.objects.filter(pk=alarm.pk).update(text=trouble.text)
    gone = set(open_alarms) - {trouble.key for trouble in found}
    PagingAlarm.objects.filter(ended_at=None, key__in=gone).update(ended_at=now)
    for trouble in begun:
        logger.error("paging alarm %s: %s", trouble.key, trouble.text)


def tell(*, now: datetime) -> int:
    """Tell leads, admins and PAGING_ALARM_EMAILS what has not been told: one mail; the number of alarms in it.

    `told_at` is set once the mail server took it, so that whatever fails is tried again at the next look. Of an alarm
    that is over, `told_at` before its end says that this is still to be told.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_ONE_TELLS])
        row = cursor.fetchone()
    if not row or not row[0]:
        return 0  # another watcher is at it
    try:
        return _tell(now)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_ONE_TELLS])


def untold(now: datetime) -> QuerySet[PagingAlarm]:
    """New alarms, those that last since a day after they were told, and those whose end is to be told."""
    news = Q(told_at=None) | Q(told_at__lte=now - TOLD_AGAIN_AFTER)
    over = Q(ended_at__isnull=False, told_at__lt=F("ended_at"))
    return PagingAlarm.objects.filter(Q(news, ended_at=None) | over).order_by("began_at", "pk")


def _tell(now: datetime) -> int:
    alarms = list(untold(now))
    people = recipients()
    if not alarms or not people:
        return 0
    connection_out = get_connection(timeout=_MAIL_SECONDS)
    mail = compose(to=people[0], **_words(alarms, now))
    mail.to = people
    try:
        connection_out.send_messages([mail])
    except (OSError, smtplib.SMTPException) as failure:
        logger.error("alarms about paging could not be told, which is tried again: %s", failure)
        return 0
    PagingAlarm.objects.filter(pk__in=[alarm.pk for alarm in alarms]).update(told_at=now)
    return len(alarms)


def recipients() -> list[str]:
    """Addresses of leads and admins, and those that the settings name."""
    staff = User.objects.active().filter(role__in=(Role.LEAD, Role.ADMIN)).order_by("pk")
    return list(dict.fromkeys([*staff.values_list("email", flat=True), *settings.PAGING_ALARM_EMAILS]))


def _words(alarms: Sequence[PagingAlarm], now: datetime) -> dict[str, Any]:
    lasting = [alarm for alarm in alarms if alarm.ended_at is None]
    over = [alarm for alarm in alarms if alarm.ended_at is not None]
    url = f"{settings.SITE_URL}{reverse('paging_health')}"
    lines = [*(f"- {alarm.text}" for alarm in lasting), *(f"- Over: {alarm.text}" for alarm in over)]
    text = f"{_headline(lasting, over)}\n\n" + "\n".join(lines) + f"\n\n{url}\n"
    context = {"headline": _headline(lasting, over), "lasting": lasting, "over": over, "url": url}
    return {
        "subject": _headline(lasting, over),
        "text": text,
        "html": render_to_string("escalations/alarm_mail.html", context),
        "message_id": message_id("alarm", *(alarm.pk for alarm in alarms[:_NAMED]), int(now.timestamp())),
        "return_path": return_path("alarm", alarms[0].pk),
    }


def _headline(lasting: Sequence[PagingAlarm], over: Sequence[PagingAlarm]) -> str:
    if not lasting:
        return "Paging: an alarm is over" if len(over) == 1 else f"Paging: {len(over)} alarms are over"
    return "Paging alarm: something is wrong" if len(lasting) == 1 else f"Paging alarm: {len(lasting)} things are wrong"
