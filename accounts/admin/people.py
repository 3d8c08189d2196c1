"""People, the regions they work in and the teams they form."""

from typing import Any

from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin
from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpRequest

from accounts import actions, mail, tokens
from accounts.admin.base import InUseAdmin, PlaceForm, ReadOnlyInline, carry_out
from accounts.forms import AddressField
from accounts.models import Membership, Region, Team, User
from supportdesk.lib import clock
from supportdesk.lib.errors import Invalid
from supportdesk.lib.text import person_name


class UserForm(PlaceForm):
    class Meta:
        model = User
        fields = ("email", "name", "role", "region", "answers_by_mail", "time_zone", "country", "subdivision")
        field_classes = {"email": AddressField}
        help_texts = {
            "email": "The person's log-in. They change it themselves; here it is given once.",
            "name": "Shown to everybody who sees their messages.",
            "role": "Empty for customers. What each role may do stands in the documentation; Admin may do everything.",
            "region": "For support agents: whose shift they work.",
            "time_zone": "Empty: that of their organisation.",
            "country": "Its public holidays are no business days for their requests.",
        }

    def clean_name(self) -> str:
        try:
            return person_name(self.cleaned_data["name"], staff=bool(self.data.get("role") or self.instance.role))
        except Invalid as refusal:
            raise forms.ValidationError(refusal.sentence, code=refusal.code) from None


class AddressInline(ReadOnlyInline):
    model = EmailAddress
    fields = ("email", "verified", "primary")
    verbose_name_plural = "addresses, confirmed by the person"


class MembershipInline(ReadOnlyInline):
    model = Membership
    fields = ("organization", "role", "via", "started_at", "ended_at")
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("organization", "user")


@admin.register(User)
class UserAdmin(InUseAdmin):
    form = UserForm
    list_display = ("email", "name", "role", "organizations", "region", "is_active", "last_login")
    list_filter = ("role", "is_active", "region")
    list_select_related = ("region",)
    search_fields = ("email", "name", "memberships__organization__name")
    search_help_text = "Address, name or organisation"
    ordering = ("email",)
    autocomplete_fields = ("region",)
    actions = ("deactivate", "reactivate", "mail_password_link")
    inlines = (AddressInline, MembershipInline)
    fieldsets = (
        (None, {"fields": ("email", "name", "is_active", "has_password", "last_login", "created_at")}),
        ("Staff", {"fields": ("role", "region", "answers_by_mail")}),
        ("Place", {"fields": ("time_zone", "country", "subdivision")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "fields": ("email", "name"),
                "description": "The person chooses a password by the link that you mail them from the list.",
            },
        ),
        *fieldsets[1:],
    )

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        return self.fieldsets if obj else self.add_fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        shown = ("is_active", "has_password", "last_login", "created_at")
        if obj is None:
            return shown
        return (*shown, "email", *(("role",) if obj.pk == request.user.pk else ()))

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return self.inlines if obj else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        current = Membership.objects.active().select_related("organization")
        return super().get_queryset(request).prefetch_related(Prefetch("memberships", current, to_attr="current"))

    @admin.display(description="organisations")
    def organizations(self, user: User) -> str:
        return ", ".join(str(membership.organization) for membership in user.current)  # type: ignore[attr-defined]

    @admin.display(description="password", boolean=True)
    def has_password(self, user: User) -> bool:
        return user.has_usable_password()

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        role = obj.role
        if change:
            obj.save(update_fields=["name", "region", "answers_by_mail", "time_zone", "country", "subdivision"])
        else:
            obj.role = ""
            obj.set_unusable_password()
            obj.save()
        if role != ("" if not change else form.initial.get("role", role)):
            actions.change_staff_role(obj, role=role, by=request.user, at=clock.now())

    @admin.action(description="Deactivate: shut the account and end its sessions")
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        carry_out(self, request, queryset, actions.deactivate, "deactivated")

    @admin.action(description="Reactivate")
    def reactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        carry_out(self, request, queryset, actions.reactivate, "reactivated")

    @admin.action(description="Mail a link to choose a password")
    def mail_password_link(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        people = list(queryset.active())
        for user in people:
            mail.post("accounts/email/claim", to=user.email, link=tokens.password_link(user))
        self.message_user(request, f"A link is on its way to {len(people)}.")


@admin.register(Region)
class RegionAdmin(admin.ModelAdmin):
    form = PlaceForm
    list_display = ("name", "time_zone", "shift_starts", "shift_ends", "people")
    search_fields = ("name",)
    fields = ("name", "time_zone", "shift_starts", "shift_ends")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Region]:
        return super().get_queryset(request).annotate(people=Count("staff"))

    @admin.display(ordering="people")
    def people(self, region: Any) -> int:
        return int(region.people)


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin):
    list_display = ("name", "kind", "lead", "gets_new_tickets", "people")
    list_filter = ("kind",)
    list_select_related = ("lead",)
    search_fields = ("name",)
    prepopulated_fields = {"slug": ("name",)}
    autocomplete_fields = ("lead",)
    filter_horizontal = ("members",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        return super().get_queryset(request).annotate(people=Count("members"))

    @admin.display(ordering="people")
    def people(self, team: Any) -> int:
        return int(team.people)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "members":
            kwargs["queryset"] = User.objects.active().desk().order_by("name", "email")
        return super().formfield_for_manytomany(db_field, request, **kwargs)
