"""Policies in Django admin: a list, and behind it the matrix where they are edited, previewed and applied."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from accounts.admin.base import InUseAdmin
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from tickets.admin import matrix
from tickets.models import SlaPolicy
from tickets.sla import publish


class OwnPolicyForm(forms.ModelForm):
    """Whose policy it is to be; it begins as a copy of their plan's."""

    class Meta:
        model = SlaPolicy
        fields = ("organization",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["organization"].required = True
        self.fields["organization"].help_text = "Its own policy begins as a copy of its plan's and goes before it."

    def clean_organization(self) -> Any:
        organization = self.cleaned_data["organization"]
        try:
            publish.check_may_have_own(organization)
        except DomainError as refusal:
            raise forms.ValidationError(refusal.sentence, code=refusal.code) from None
        return organization


@admin.register(SlaPolicy)
class SlaPolicyAdmin(InUseAdmin):
    form = OwnPolicyForm
    list_display = ("__str__", "belongs_to", "version", "hours", "since", "made_by")
    list_select_related = ("plan", "organization", "current__calendar", "current__made_by")
    search_fields = ("plan__name", "organization__name")
    search_help_text = "Plan or organisation"
    ordering = ("plan__rank", "organization__name")
    autocomplete_fields = ("organization",)

    @admin.display(description="of")
    def belongs_to(self, row: SlaPolicy) -> str:
        return "a plan" if row.plan_id else "an organisation's own"

    @admin.display(description="version in force")
    def version(self, row: SlaPolicy) -> str:
        return str(row.current.number) if row.current else "none"

    @admin.display(description="business hours")
    def hours(self, row: SlaPolicy) -> str:
        return str(row.current.calendar) if row.current else ""

    @admin.display(ordering="current__made_at")
    def since(self, row: SlaPolicy) -> Any:
        return row.current.made_at if row.current else None

    @admin.display(description="by")
    def made_by(self, row: SlaPolicy) -> str:
        return str(row.current.made_by or "") if row.current else ""

    def get_urls(self) -> list[URLPattern]:
        """The matrix and its drafts, before the rows."""
        view = self.admin_site.admin_view
        return [
            path("matrix/", view(self.matrix_view), name="tickets_slapolicy_matrix"),
            path("drafts/<int:pk>/", view(self.draft_view), name="tickets_slapolicy_draft"),
            *super().get_urls(),
        ]

    def matrix_view(self, request: HttpRequest) -> HttpResponse:
        return matrix.matrix(self, request)

    def draft_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return matrix.draft(self, request, pk)

    def change_view(self, request: HttpRequest, object_id: str, *_: Any, **__: Any) -> HttpResponse:
        """A policy is edited in the matrix, which is where its preview is."""
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return HttpResponseRedirect(f"{reverse('admin:tickets_slapolicy_matrix')}?policy={row.pk}")

    def save_model(self, request: HttpRequest, obj: SlaPolicy, form: Any, change: bool) -> None:
        """Only adding comes here: its first version is a copy."""
        obj.pk = publish.begin_own(obj.organization, by=request.user, at=clock.now()).pk

    def response_add(self, request: HttpRequest, obj: SlaPolicy, post_url_continue: str | None = None) -> HttpResponse:
        self.message_user(request, f"{obj} begins as a copy of its plan's. What differs is edited here.")
        return HttpResponseRedirect(f"{reverse('admin:tickets_slapolicy_matrix')}?policy={obj.pk}")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its versions go with a policy that nothing ever ran on."""
        objects, counts, _, protected = super().get_deleted_objects(objs, request)
        return objects, counts, set(), protected
