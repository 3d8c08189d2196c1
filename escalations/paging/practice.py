"""Trying out a service outside, before the night in which it is needed."""

import secrets
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from escalations.models import OutsideService, Page, PageDelivery
from escalations.paging.channels import CHANNELS, PageText
from tickets.models import Priority

NO_PAGE = 0


def try_out(service: OutsideService, *, at: datetime) -> None:
    """Tell the service of a test page and that it is over, the way of real ones; raises DeliveryError.

    Nothing is kept: the test is no page of ours, so that nothing which the service says about it finds one.
    """
    headline = f"This is a test of {settings.SITE_NAME}. Nothing is wrong."
    message = PageText(
        to=service.address,
        person="",
        method=service.kind,
        tickets=(),
        priority=Priority.HIGH.label,
        kind=Page.Kind.TEST.value,
        headline=headline,
        text=headline,
        url=f"{settings.SITE_URL}{reverse('on_call')}",
        key=f"test.{secrets.token_hex(8)}",
        at=at,
        pages=(NO_PAGE,),
        secret=service.secret,
    )
    channel = CHANNELS[service.kind]
    channel.deliver(message)
    channel.deliver(replace(message, purpose=PageDelivery.Purpose.RESOLVED.value, key=f"{message.key}.over"))
