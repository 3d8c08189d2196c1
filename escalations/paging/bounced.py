"""Pages by mail that came back: which they were, so that their address counts as dead and an alarm begins (S011)."""

from escalations.models import ContactMethod, PageDelivery
from tickets.mail.bounces import Sent


def find(pk: int) -> Sent | None:
    """The page's mail that a return path of kind `page` stands for: `pk` is its delivery's."""
    delivery = PageDelivery.objects.select_related("contact", "person").filter(pk=pk, outside=None).first()
    if delivery is None or delivery.kind != ContactMethod.Kind.EMAIL:
        return None
    return Sent(delivery.address.lower(), f" about page {delivery.page_id}")
