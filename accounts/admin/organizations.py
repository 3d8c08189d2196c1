"""Customers: organisations, their domains, plans, members."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts import actions
from accounts.admin.base import InUseAdmin, PlaceForm, carry_out
from accounts.models import Membership, Organization, OrganizationDomain, SupportPlan
from supportdesk.lib import clock


@admin.register(SupportPlan)
class SupportPlanAdmin(InUseAdmin):
    list_display = ("name", "rank", "uses_portal", "uses_email", "pages", "covers_weekends", "is_default", "customers")
    list_filter = ("uses_portal", "uses_email", "pages")
    search_fields = ("name",)
    prepopulated_fields = {"slug": ("name",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[SupportPlan]:
        return super().get_queryset(request).annotate(customers=Count("organizations"))

    @admin.display(ordering="customers")
    def customers(self, plan: Any) -> int:
        return int(plan.customers)

    def has_delete_permission(self, request: HttpRequest, obj: SupportPlan | None = None) -> bool:
        """People without an organisation need a plan."""
        return super().has_delete_permission(request, obj) and not (obj and obj.is_default)


class DomainInline(admin.TabularInline):
    model = OrganizationDomain
    extra = 0
    verbose_name_plural = "e-mail domains: who confirms an address there becomes a member"


@admin.register(Organization)
class OrganizationAdmin(InUseAdmin):
    form = PlaceForm
    list_display = ("name", "plan", "members", "time_zone", "country", "is_active")
    list_filter = ("plan", "is_active")
    list_select_related = ("plan",)
    search_fields = ("name", "slug", "domains__domain")
    search_help_text = "Name or domain"
    prepopulated_fields = {"slug": ("name",)}
    inlines = (DomainInline,)
    fieldsets = (
        (None, {"fields": ("name", "slug", "plan", "is_active")}),
        ("Place", {"fields": ("time_zone", "country", "subdivision")}),
        ("For the staff", {"fields": ("notes",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        current = Count("memberships", filter=Q(memberships__ended_at=None))
        return super().get_queryset(request).annotate(members=current)

    @admin.display(ordering="members")
    def members(self, organization: Any) -> int:
        return int(organization.members)

    def view_on_site(self, organization: Organization) -> str:  # type: ignore[override]
        return reverse("organization_members", args=[organization.slug])

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Those who confirmed an address at a domain before it was open join now."""
        super().save_formset(request, form, formset, change)
        touched = [row.pk for row in [*formset.new_objects, *(row for row, _ in formset.changed_objects)]]
        opened = OrganizationDomain.objects.open().filter(pk__in=touched)
        joined = sum(actions.welcome_domain(domain, at=clock.now()) for domain in opened)
        if joined:
            self.message_user(request, f"{joined} became members by their address.")


class EndedFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("current", "Current"), ("ended", "Ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        if self.value() is None:
            return queryset
        return queryset.filter(ended_at__isnull=self.value() == "current")


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):
    """Memberships end by the verb, with the person's sessions; they are never deleted."""

    list_display = ("user", "organization", "role", "via", "started_at", "ended_at")
    list_filter = (EndedFilter, "role", "via")
    list_select_related = ("user", "organization")
    search_fields = ("user__email", "user__name", "organization__name")
    search_help_text = "Person or organisation"
    ordering = ("-started_at",)
    autocomplete_fields = ("user", "organization")
    actions = ("remove",)

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("user", "organization", "role")
        return ("user", "organization", "role", "via", "started_at", "ended_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        fixed = ("via", "started_at", "ended_at")
        if obj is None:
            return fixed
        return (*fixed, "user", "organization", *(("role",) if obj.ended_at else ()))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        by, at = request.user, clock.now()
        if change:
            actions.change_role(obj, role=obj.role, was=form.initial.get("role", ""), by=by, at=at)
        else:
            obj.pk = actions.add_member(obj.organization, obj.user, role=obj.role, by=by, at=at).pk

    @admin.action(description="Remove from the organisation, at once")
    def remove(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        rows = queryset.select_related("user", "organization")
        carry_out(self, request, rows, actions.remove_member, "removed")
