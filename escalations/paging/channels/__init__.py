"""The ways to reach somebody: each a class with one verb, `deliver()`, and one error."""

from escalations.paging.channels.base import Channel, DeliveryError, PageText
from escalations.paging.channels.canary import Canary
from escalations.paging.channels.chat import Chat
from escalations.paging.channels.email import Email
from escalations.paging.channels.mattermost import Mattermost
from escalations.paging.channels.pagerduty import PagerDuty
from escalations.paging.channels.push import Push
from escalations.paging.channels.sms import Sms
from escalations.paging.channels.voice import Voice
from escalations.paging.channels.webhook import Webhook

CHANNELS: dict[str, Channel] = {
    "email": Email(),
    "push": Push(),
    "sms": Sms(),
    "voice": Voice(),
    "mattermost": Mattermost(),
    "chat": Chat(),
    # Services outside, and the desk's own canary.
    "pagerduty": PagerDuty(),
    "webhook": Webhook(),
    "canary": Canary(),
}

__all__ = ["CHANNELS", "Channel", "DeliveryError", "PageText"]
