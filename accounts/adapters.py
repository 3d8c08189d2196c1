"""Ties allauth's flows to the desk's rules: where links lead, what is mailed, what a confirmed address means."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.utils import get_next_redirect_url
from allauth.core import context as allauth_context
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from accounts import mail, tokens
from accounts.actions.members import lock_organization_at
from accounts.models import User
from supportdesk.lib import clock


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": "This account is shut.",
        "email_password_mismatch": "The e-mail address or the password is not right.",
        "too_many_login_attempts": "Too many failed attempts. Try again in a few minutes.",
        "rate_limited": "That was too often in a short time. Try again in a few minutes.",
    }

    # --- Mails: rows, with links of the configured site only (S078) ---

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        given = {key: value for key, value in context.items() if key not in {"user", "request", "user_agent"}}
        if "timestamp" in given:
            given["timestamp"] = clock.now()
        mail.post(template_prefix, to=email, **given)

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        key = tokens.confirmation_key(emailconfirmation.email_address, at=clock.now())
        query = {"next": wanted} if (wanted := get_next_redirect_url(request)) else {}
        return _link(reverse("account_confirm_email", args=[key]), query)

    def get_reset_password_from_key_url(self, key: str) -> str:
        uid, _, token = key.partition("-")
        return _link(reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token}))

    def send_account_already_exists_mail(self, email: str) -> None:
        """Somebody signs up with a known address: its owner is told, or led into claiming the account."""
        user = User.objects.active().filter(email=email).first()
        if user is None:
            return
        if EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists():
            link = _link(reverse("account_reset_password"))
            mail.post("account/email/account_already_exists", to=user.email, password_reset_url=link)
            return
        mail.post("accounts/email/claim", to=user.email, link=tokens.password_link(user))

    # --- Addresses and passwords ---

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        if User.objects.filter(email=email_address.email).exclude(pk=email_address.user_id).exists():
            template = "account/messages/email_confirmation_failed.txt"
            self.add_message(request, messages.ERROR, template, {"email": email_address.email})
            return False
        with transaction.atomic():
            lock_organization_at(email_address.email)
            return bool(super().confirm_email(request, email_address))

    def set_password(self, user: User, password: str) -> None:  # type: ignore[override]
        user.set_password(password)
        user.save(update_fields=["password"])

    # --- Where people are sent ---

    def is_safe_url(self, url: str | None) -> bool:
        """Addresses of this very host only (S077)."""
        request = allauth_context.request
        return url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())


def _link(path: str, query: dict[str, str] | None = None) -> str:
    return settings.SITE_URL + path + (f"?{urlencode(query)}" if query else "")
