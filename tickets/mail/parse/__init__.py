"""Raw messages to plain data. Pure: no Django, no database; what is hostile runs under `tickets.mail.reader`."""

from tickets.mail.parse.clean import sanitise_mail, with_images
from tickets.mail.parse.message import parse, parse_headers

__all__ = ["parse", "parse_headers", "sanitise_mail", "with_images"]
