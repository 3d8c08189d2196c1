"""The ways to reach somebody: each a class with one verb, `deliver()`, and one error."""

from escalations.paging.channels.base import Channel, DeliveryError, PageText
from escalations.paging.channels.canary import Canary
from escalations.paging.channels.email import Email
from escalations.paging.channels.push import Push
from escalations.paging.channels.sms import Sms
from escalations.paging.channels.voice import Voice

CHANNELS: dict[str, Channel] = {
    "canary": Canary(),
    "email": Email(),
    "push": Push(),
    "sms": Sms(),
    "voice": Voice(),
}

__all__ = ["CHANNELS", "Channel", "DeliveryError", "PageText"]
