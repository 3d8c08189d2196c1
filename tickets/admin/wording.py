"""The texts of the mails to customers in Django admin: edited with a closed set of variables, looked at before."""

from typing import Any

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from supportdesk.lib import clock
from tickets.models import MailWording
from tickets.notifications.audience import Kind
from tickets.notifications.sample import OWN, letter_with
from tickets.notifications.variables import NAMES, WORDED, Texts, fault_of

LABELS = {
    Kind.CREATED: "Request opened",
    Kind.ASKED: "More information asked",
    Kind.ANSWERED: "Answered",
    Kind.ESCALATED: "Handed to engineering",
    Kind.REPLIED: "The customer's side replied",
    Kind.SOLVED: "Solved",
    Kind.CLOSED: "Closed",
    Kind.REMINDED: "Reminder",
    Kind.GAVE_UP_WAITING: "Solved for want of an answer",
}
_LONGEST = 2000


class MailWordingForm(forms.ModelForm):
    """Texts whose variables are known; empty ones are the product's own, which stands in the field."""

    class Meta:
        model = MailWording
        fields = ("kind", "lead", "closing")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields:
            taken = set() if self.instance.pk else set(MailWording.objects.values_list("kind", flat=True))
            free = [(kind.value, LABELS[kind]) for kind in WORDED if kind not in taken]
            self.fields["kind"] = forms.ChoiceField(choices=free, label="Mail")
        kind = self.instance.kind or self.initial.get("kind")
        for place, name in enumerate(("lead", "closing")):
            field = self.fields[name]
            field.max_length = _LONGEST
            field.widget.attrs |= {"rows": 4, "maxlength": _LONGEST}
            if kind in WORDED:
                field.widget.attrs["placeholder"] = OWN[Kind(kind)][place]

    def clean_lead(self) -> str:
        return self._checked("lead")

    def clean_closing(self) -> str:
        return self._checked("closing")

    def _checked(self, name: str) -> str:
        text: str = self.cleaned_data[name].replace("\r\n", "\n").strip()
        if len(text) > _LONGEST:
            raise forms.ValidationError(f"At most {_LONGEST} characters.", code="too_long")
        if fault := fault_of(text):
            raise forms.ValidationError(fault, code="unknown_variable")
        return text


@admin.register(MailWording)
class MailWordingAdmin(admin.ModelAdmin):
    """One row per kind of mail; without one, or with it emptied, the mail says what the product says."""

    form = MailWordingForm
    list_display = ("label", "lead", "closing", "updated_at")
    change_form_template = "admin/tickets/mailwording/change_form.html"

    @admin.display(description="mail", ordering="kind")
    def label(self, row: MailWording) -> str:
        return LABELS.get(Kind(row.kind), row.kind)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("label",) if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("label", "lead", "closing") if obj else ("kind", "lead", "closing")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """While there is a kind of mail that has no row."""
        return super().has_add_permission(request) and MailWording.objects.count() < len(WORDED)

    def save_model(self, request: HttpRequest, obj: MailWording, form: Any, change: bool) -> None:
        obj.updated_at = clock.now()
        super().save_model(request, obj, form, change)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: MailWording | None = None, **kwargs: Any
    ) -> HttpResponse:
        preview = reverse("admin:tickets_mailwording_preview") + (f"?kind={obj.kind}" if obj else "")
        context |= {"variables": NAMES, "preview": preview}
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(lambda request: _preview(request, self))
        return [path("preview/", view, name="tickets_mailwording_preview"), *super().get_urls()]


@require_POST
@csp_update({"style-src": [UNSAFE_INLINE]})  # mails carry their styles with them; nothing else on the page does
def _preview(request: HttpRequest, page: MailWordingAdmin) -> HttpResponseBase:
    """The mail with the texts as they stand in the form, saved or not; what is wrong with them instead."""
    wanted = request.GET.get("kind") or request.POST.get("kind", "")
    if wanted not in WORDED:
        return HttpResponse("Choose which mail it is.", status=400, content_type="text/plain")
    form = MailWordingForm(request.POST, instance=MailWording(kind=wanted))
    del form.fields["kind"]
    letter = letter_with(Kind(wanted), Texts(**_texts(form))) if form.is_valid() else None
    context = {
        **page.admin_site.each_context(request),
        "title": f"Preview: {LABELS[Kind(wanted)]}",
        "form": form,
        "opts": page.opts,
        "text": letter.as_text() if letter else "",
        "html": letter.as_html() if letter else "",
    }
    answer = TemplateResponse(request, "admin/tickets/mailwording/preview.html", context)
    answer.status_code = 200 if letter else 400
    return answer


def _texts(form: MailWordingForm) -> dict[str, str]:
    return {name: form.cleaned_data[name] for name in ("lead", "closing")}
