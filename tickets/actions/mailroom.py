"""What the staff does with mail that nobody was to be told of: leave it, and keep senders out."""

from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.access import is_of_the_staff
from accounts.addresses import folded
from accounts.models import User
from accounts.public_mail import PUBLIC_MAIL_DOMAINS, check_company_domain
from supportdesk.lib import text
from supportdesk.lib.errors import Conflict, Invalid
from tickets import access
from tickets.actions.moves import require
from tickets.models import BlockedSender, IncomingMail

WHY_LENGTH = 200


@transaction.atomic
def dismiss(mail: IncomingMail, *, by: User, at: datetime) -> None:
    """There is nothing to do about this mail. Raises NotAllowed, Conflict when somebody has sorted it meanwhile."""
    mail = _locked(mail, by=by)
    if not mail.is_unsettled:
        raise Conflict("Somebody has sorted this mail already.", code="sorted_already")
    mail.settled_by, mail.settled_at = by, at
    mail.save(update_fields=["settled_by", "settled_at"])


@transaction.atomic
def undo_dismiss(mail: IncomingMail, *, by: User) -> None:
    """Have a mail wait again that a person left alone. Doing it twice is doing it once.

    Raises NotAllowed, Conflict when it has become something meanwhile.
    """
    mail = _locked(mail, by=by)
    if mail.is_unsettled:
        return
    if mail.settled_by_id is None or not mail.is_put_aside:
        raise Conflict("This mail has been sorted.", code="sorted_already")
    mail.settled_by = mail.settled_at = None
    mail.save(update_fields=["settled_by", "settled_at"])


def _locked(mail: IncomingMail, *, by: User) -> IncomingMail:
    require(access.may_sort_mail(by), "sort mail")
    return IncomingMail.objects.select_for_update().get(pk=mail.pk)


# --- Senders -------------------------------------------------------------------------------------------------------


@transaction.atomic
def block_sender(pattern: str, *, by: User, at: datetime, why: str = "") -> BlockedSender:
    """Quarantine whatever comes from an address, or from a whole domain ("@evil.example"), from now on.

    Who is blocked stays so, with the first reason. Raises NotAllowed; Invalid (field "pattern") for what is neither,
    is ours or a colleague's, or is a domain where anybody gets an address.
    """
    require(access.may_sort_mail(by), "block senders")
    pattern = _domain(pattern) if pattern.strip().startswith("@") else _address(pattern)
    why = text.one_line(why, field="why", most=WHY_LENGTH)
    blocked, _ = BlockedSender.objects.get_or_create(
        pattern=pattern, lifted_at=None, defaults={"why": why, "blocked_by": by, "blocked_at": at}
    )
    return blocked


@transaction.atomic
def unblock_sender(blocked: BlockedSender, *, by: User, at: datetime) -> None:
    """Take mail from them again; what was quarantined stays where it is. Doing it twice is doing it once."""
    require(access.may_sort_mail(by), "unblock senders")
    BlockedSender.objects.filter(pk=blocked.pk, lifted_at=None).update(lifted_at=at)


def _address(given: str) -> str:
    address = folded(given, field="pattern")
    if is_of_the_staff(address):  # our own support address is at our domain, too
        raise Invalid("That is an address of ours.", code="own_address", field="pattern")
    return address


def _domain(given: str) -> str:
    domain = given.strip().removeprefix("@").lower()
    if domain in PUBLIC_MAIL_DOMAINS:
        sentence = "Anybody gets an address there: block the one address instead."
        raise Invalid(sentence, code="public_mail", field="pattern")
    try:
        check_company_domain(domain)
    except ValidationError:
        raise Invalid("Write a domain such as @evil.example.", code="not_a_domain", field="pattern") from None
    is_colleagues = User.objects.filter(email__endswith=f"@{domain}").exclude(role="").exists()
    if is_colleagues or domain == settings.MAIL_DOMAIN.lower():
        raise Invalid("That is a domain of ours.", code="own_domain", field="pattern")
    return f"@{domain}"
