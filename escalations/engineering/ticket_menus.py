"""What may be done to each ticket of a record, as the menu beside it: written without a template, as cards are.

A page of tickets has twenty of them, closed, and they were a third of what it cost.
"""

from dataclasses import dataclass

from django.utils.safestring import SafeString, mark_safe

from escalations.models import EscalationLink, FinishAs
from supportdesk.lib.html import markup
from supportdesk.lib.tags import icon

_MENU = (
    '<details class="menu"><summary class="btn quiet short square" aria-label="More about #{}">{}</summary>'
    '<form class="sheet" method="post" action="{}" hx-post="{}" hx-target="#tickets" hx-swap="outerHTML">'
    '<input type="hidden" name="csrfmiddlewaretoken" value="{}"><input type="hidden" name="shown" value="{}">'
    "{}</form></details>"
)
_SEEN = '<input type="hidden" name="replied_at" value="{}"><button name="act" value="seen">{}{}</button>'
_FINISH = '<button name="act" value="finish-{}"{}>{}End as {}</button>'
_UNLINK = (
    '<button name="act" value="unlink" data-confirm="Take #{} out? It goes back to its agent, and its customer is told '
    'nothing more.">{}Take it out of {}</button>'
)
_READ = "Mark the reply as read"
_PRESSED = mark_safe(' aria-pressed="true"')
_ENDS = [*FinishAs.choices, ("", "the record says")]


@dataclass(frozen=True)
class Menus:
    """The menus of one page of a record's tickets: the record's address and reference, the form's token, and the
    address of the page of tickets that is shown again afterwards.
    """

    record: str
    reference: str
    token: str
    shown: str

    def of(self, link: EscalationLink, *, has_new_reply: bool) -> SafeString:
        """The menu of a ticket; to mark the reply as read names the one that the page shows."""
        address = f"{self.record}tickets/{link.ticket_id}/"
        acts = [
            _seen(link) if has_new_reply else "",
            *([_finish(link, value, words) for value, words in _ENDS] if link.is_active else []),
            markup(_UNLINK, link.ticket_id, icon("unlink"), self.reference),
        ]
        form = (address, address, self.token, self.shown)
        return markup(_MENU, link.ticket_id, icon("ellipsis"), *form, mark_safe("".join(acts)))  # noqa: S308 - escaped


def _seen(link: EscalationLink) -> SafeString:
    return markup(_SEEN, link.replied_at.isoformat() if link.replied_at else "", icon("check"), _READ)


def _finish(link: EscalationLink, value: str, words: str) -> SafeString:
    return markup(_FINISH, value, _PRESSED if link.finish_as == value else "", icon("flag"), words)
