"""How a record's mails hold together, and how one of them is known again."""

import re

from escalations.models import Escalation
from supportdesk.lib.mail import message_id
from tickets.models import OutgoingMail

_ROOT = re.compile(r"<escalation\.(\d{1,18})@", re.ASCII)


def thread_of(escalation: Escalation) -> list[str]:
    """What every mail about the record refers to: nobody ever got that one, which mail programs don't mind."""
    return [message_id("escalation", escalation.pk)]


def still_wanted(mail: OutgoingMail) -> bool:
    """Whether its reader may still read of the record, asked when it is sent (S054); of none: works here."""
    reader = mail.to_user
    if reader is None or not (reader.is_active and reader.is_desk):
        return False
    root = _ROOT.match(mail.references[0]) if mail.references else None
    return root is None or Escalation.objects.visible_to(reader).filter(pk=int(root[1])).exists()
