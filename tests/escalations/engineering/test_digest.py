"""The queues by mail: to the leads, at eight in their morning, once a day, and only when something waits."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Team, User
from escalations.engineering import defaults, digest
from escalations.engineering.steps import Move
from escalations.models import Escalation
from tests.at_once import at_once
from tests.escalations.engineering.conftest import AT, brought_to
from tickets.models import OutgoingMail
from tickets.notifications.audience import Kind

pytestmark = pytest.mark.django_db
EIGHT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _targets(_defaults: None) -> None:
    defaults.load(at=AT - DAY)


@pytest.fixture
def lea(lea: User) -> User:
    """In Berlin, where it is an hour later than UTC."""
    lea.time_zone = "Europe/Berlin"
    lea.save(update_fields=["time_zone"])
    return lea


def mails(person: User) -> list[OutgoingMail]:
    return list(OutgoingMail.objects.filter(to_user=person, kind=Kind.STAFF_ENGINEERING_DIGEST).order_by("pk"))


def test_a_lead_gets_the_queues_at_eight_their_own_time_once_a_day(record: Escalation, lea: User) -> None:
    for at, number in (
        (EIGHT - HOUR - MINUTE, 0),
        (EIGHT - HOUR, 1),
        (EIGHT, 1),
        (EIGHT + 12 * HOUR, 1),
        (EIGHT - HOUR + DAY, 2),
    ):
        digest.mail_all(now=at)
        assert len(mails(lea)) == number, at


def test_it_names_each_queue_its_number_and_the_way_to_the_oldest(record: Escalation, sven: User, lea: User) -> None:
    brought_to(record, Move.RELEASE, by=sven, send=False)
    digest.mail_all(now=EIGHT)
    mail = mails(lea)[0]
    assert mail.subject == "Engineering: updates owed 1; fixed, not told 2"
    assert f"{record.reference} {record.title}" in mail.text
    assert record.public_address in mail.text
    assert "Fixed, not told: 2" in mail.text
    assert "Review overdue" not in mail.text


def test_nothing_waits_nothing_is_mailed_and_what_turns_up_later_is_tomorrows(
    lea: User, record: Escalation, sven: User
) -> None:
    Escalation.objects.update(review_due_at=EIGHT + MINUTE)
    assert digest.mail_all(now=EIGHT) == 0
    assert digest.mail_all(now=EIGHT + HOUR) == 0
    assert digest.mail_all(now=EIGHT + DAY) == 1


def test_who_leads_engineering_gets_it_and_nobody_else_does(
    record: Escalation, lea: User, sven: User, ann: User, ada: User
) -> None:
    Team.objects.filter(kind=Team.Kind.ENGINEERING).update(lead=sven)
    digest.mail_all(now=EIGHT)
    told = OutgoingMail.objects.filter(kind=Kind.STAFF_ENGINEERING_DIGEST)
    assert set(told.values_list("to_user", flat=True)) == {lea.pk, sven.pk}


def test_who_has_left_gets_none(record: Escalation, lea: User) -> None:
    lea.is_active = False
    lea.save(update_fields=["is_active"])
    assert digest.mail_all(now=EIGHT) == 0


def test_a_stakeholder_who_leads_a_team_learns_nothing(record: Escalation, pat: User) -> None:
    Team.objects.filter(kind=Team.Kind.ENGINEERING).update(lead=pat)
    assert digest.mail_all(now=EIGHT) == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_one_mail(record: Escalation, lea: User) -> None:
    at_once(*[lambda: digest.mail_all(now=EIGHT)] * 2)
    assert len(mails(lea)) == 1
