"""Settings that contradict each other stop the desk at boot (`manage.py check`, and every start through it)."""

import re
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register

from supportdesk.lib.mail_providers import PROVIDERS


@register(Tags.security)
def production_is_safe(app_configs: Any, **kwargs: Any) -> list[Error]:
    """What a desk that serves others may not do without."""
    if settings.DESK_ENV != "production":
        return []
    wrong = {
        "desk.E001": (not settings.ALLOWED_HOSTS, "ALLOWED_HOSTS is empty: name the hosts that the desk answers for."),
        "desk.E002": (
            "*" in settings.ALLOWED_HOSTS,
            "ALLOWED_HOSTS may not be '*': links in mails would follow any host.",
        ),
        "desk.E003": (
            settings.EMAIL_HOST == "localhost" and not settings.MAIL_PROVIDER,
            "Neither EMAIL_URL nor MAIL_PROVIDER is set: no mail would leave the desk.",
        ),
        "desk.E004": (len(settings.SECRET_KEY) < 50, "SECRET_KEY is too short: give it 50 random characters."),
        "desk.E005": (not settings.SECURE, "SITE_URL must be https:// where the desk serves others."),
    }
    return [Error(text, id=code) for code, (is_wrong, text) in wrong.items() if is_wrong]


@register()
def mail_provider_is_whole(app_configs: Any, **kwargs: Any) -> list[Error | Warning]:
    """A provider needs what it sends by, and a secret, without which anybody could post mail to the desk."""
    if not settings.MAIL_PROVIDER:
        return []
    found: list[Error | Warning] = []
    provider = PROVIDERS[settings.MAIL_PROVIDER]
    if missing := provider.missing(settings.ANYMAIL):
        names = " and ".join(f"ANYMAIL_{name}" for name in missing)
        found.append(Error(f"MAIL_PROVIDER is {settings.MAIL_PROVIDER}: set {names}, too.", id="desk.E040"))
    if not provider.is_guarded(settings.ANYMAIL):
        names = " or ".join(f"ANYMAIL_{name}" for name in provider.secrets)
        found.append(Error(f"Nothing tells the provider's posts from a stranger's: set {names}.", id="desk.E041"))
    if ":" not in settings.ANYMAIL.get("WEBHOOK_SECRET", ":"):
        found.append(Error("ANYMAIL_WEBHOOK_SECRET must look like user:password.", id="desk.E042"))
    if any(find_spec(package) is None for package in provider.packages):
        names = " and ".join(provider.packages)
        found.append(Error(f"MAIL_PROVIDER {settings.MAIL_PROVIDER} needs the package {names}.", id="desk.E043"))
    if not settings.MAIL_PROVIDER_AUTH_SERVER:
        hint = "Set MAIL_PROVIDER_AUTH_SERVER to the name that it writes into Authentication-Results."
        found.append(Warning("No sender of mail that the provider hands over is verified.", hint=hint, id="desk.W040"))
    return found


@register()
def relays_are_known(app_configs: Any, **kwargs: Any) -> list[Error]:
    """What a relay says of senders is believed by its network and its name together, and neither may be everybody's."""
    relays, name = settings.MAIL_TRUSTED_RELAYS, settings.MAIL_AUTH_SERVER
    wrong = {
        "desk.E044": (
            bool(relays) != bool(name),
            "Set both MAIL_TRUSTED_RELAYS and MAIL_AUTH_SERVER, or neither: no sender would be verified.",
        ),
        "desk.E045": (
            any(network.prefixlen == 0 for network in relays),
            "MAIL_TRUSTED_RELAYS may not be everybody: anyone could vouch for any sender.",
        ),
        "desk.E046": (
            bool(settings.MAIL_INTAKE_KEY) and not settings.MAIL_INTAKE_CERT,
            "MAIL_INTAKE_KEY is set without MAIL_INTAKE_CERT.",
        ),
    }
    return [Error(text, id=code) for code, (is_wrong, text) in wrong.items() if is_wrong]


@register()
def watcher_knows_whom_to_ask(app_configs: Any, **kwargs: Any) -> list[Error]:
    """A dead-man's address that can't be asked would look like a desk that has died."""
    address = urlsplit(settings.PAGING_DEADMAN_URL)
    if settings.PAGING_DEADMAN_URL and (address.scheme not in {"http", "https"} or not address.hostname):
        return [Error("PAGING_DEADMAN_URL must be an http or https address.", id="desk.E010")]
    return []


@register()
def limits_fit(app_configs: Any, **kwargs: Any) -> list[Error]:
    """A file that is allowed must also fit into a request."""
    if settings.BODY_MAX_BYTES <= settings.ATTACHMENT_MAX_BYTES:
        return [Error("BODY_MAX_BYTES must be larger than ATTACHMENT_MAX_BYTES.", id="desk.E006")]
    return []


@register()
def chat_is_complete(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Paging by Mattermost needs the server's address and the bot's token."""
    if bool(settings.MATTERMOST_URL) != bool(settings.MATTERMOST_BOT_TOKEN):
        return [Error("Set both MATTERMOST_URL and MATTERMOST_BOT_TOKEN, or neither.", id="desk.E030")]
    if settings.MATTERMOST_URL and not settings.MATTERMOST_URL.startswith(("https://", "http://")):
        return [Error("MATTERMOST_URL must begin with https://.", id="desk.E031")]
    return []


@register()
def twilio_is_whole(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Texts and calls go by Twilio or not at all: half a configuration would be noticed at night."""
    given = {name: getattr(settings, name) for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKENS", "TWILIO_FROM")}
    missing = [name for name, value in given.items() if not value]
    wrong = []
    if missing and len(missing) < len(given):
        wrong.append(Error(f"Twilio is half configured: set {' and '.join(missing)}, too.", id="desk.E020"))
    if settings.TWILIO_FROM and not re.fullmatch(r"\+[1-9][0-9]{6,14}", settings.TWILIO_FROM):
        wrong.append(Error("TWILIO_FROM must be a number such as +15005550006.", id="desk.E021"))
    if settings.DESK_ENV == "production" and not settings.TWILIO_API_URL.startswith("https://"):
        wrong.append(Error("TWILIO_API_URL must be https:// where the desk serves others.", id="desk.E022"))
    return wrong


@register()
def push_is_whole(app_configs: Any, **kwargs: Any) -> list[Error | Warning]:
    """Web push needs a key that is one, and somebody whom push services may write to."""
    from escalations.paging import vapid

    found: list[Error | Warning] = []
    key = vapid.private_key()
    if not key:
        hint = "Set VAPID_PRIVATE_KEY; manage.py make_vapid_key prints one."
        found.append(Warning("Web push is off: pages reach nobody's browser.", hint=hint, id="desk.W020"))
    else:
        try:
            vapid.public_key(key)
        except ValueError:
            hint = "manage.py make_vapid_key prints a good one."
            found.append(Error("VAPID_PRIVATE_KEY is no key of 32 bytes in base64url.", hint=hint, id="desk.E023"))
    if not settings.VAPID_SUBJECT.startswith(("mailto:", "https://")):
        found.append(Error("VAPID_SUBJECT must begin with mailto: or https://.", id="desk.E024"))
    return found
