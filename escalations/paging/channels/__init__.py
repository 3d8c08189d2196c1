"""The ways to reach somebody: each a class with one verb, `deliver()`, and one error."""

from escalations.paging.channels.base import Channel, DeliveryError, PageText
from escalations.paging.channels.canary import Canary
from escalations.paging.channels.demo_phone import DemoPhone
from escalations.paging.channels.email import Email

CHANNELS: dict[str, Channel] = {
    "email": Email(),
    "sms": DemoPhone(),
    "voice": DemoPhone(),
    "canary": Canary(),
}

__all__ = ["CHANNELS", "Channel", "DeliveryError", "PageText"]
