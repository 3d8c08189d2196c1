"""Providers that send and receive mail for us through django-anymail: what each needs, by its name there."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Provider:
    """`credentials` are for sending; by one of `secrets` its webhooks are known to come from it; `packages` are not
    among our own dependencies."""

    credentials: tuple[str, ...]
    secrets: tuple[str, ...] = ("WEBHOOK_SECRET",)
    packages: tuple[str, ...] = ()

    def missing(self, given: Mapping[str, str]) -> list[str]:
        """The names of the credentials that aren't set."""
        return [name for name in self.credentials if not given.get(name)]

    def is_guarded(self, given: Mapping[str, str]) -> bool:
        """Whether nobody but the provider can post to its webhooks."""
        return any(given.get(name) for name in self.secrets)


PROVIDERS = {
    "amazon_ses": Provider((), packages=("boto3",)),
    "brevo": Provider(("BREVO_API_KEY",)),
    "mailgun": Provider(("MAILGUN_API_KEY",), ("WEBHOOK_SECRET", "MAILGUN_WEBHOOK_SIGNING_KEY")),
    "mailjet": Provider(("MAILJET_API_KEY", "MAILJET_SECRET_KEY")),
    "postmark": Provider(("POSTMARK_SERVER_TOKEN",)),
    "resend": Provider(("RESEND_API_KEY",)),
    "sendgrid": Provider(("SENDGRID_API_KEY",)),
    "sparkpost": Provider(("SPARKPOST_API_KEY",)),
}
"""Without the prefix `ANYMAIL_` that the environment has."""
