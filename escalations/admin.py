"""On-call in Django admin: who takes turns, whom pages climb to, how people are reached. What happened is read-only."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, ForeignKey, ManyToManyField, QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest

from accounts.admin.base import ReadOnlyAdmin
from accounts.models import User
from escalations import admin_outside  # noqa: F401 - registers itself
from escalations.access import RESPONDERS
from escalations.engineering import admin as engineering_admin  # noqa: F401 - registers itself
from escalations.models import (
    ContactMethod,
    EngineHeartbeat,
    EscalationPolicy,
    Layer,
    LayerMember,
    LayerWindow,
    Leave,
    NotificationRule,
    OutsideService,
    Override,
    Page,
    PageDelivery,
    PageEvent,
    PagingAlarm,
    PolicyStep,
    Schedule,
)
from escalations.paging import shifts
from escalations.paging.decide import Target
from escalations.paging.drafts import WindowDraft, window_faults
from escalations.paging.reach import contact_plans, people_behind
from supportdesk.lib import clock
from tickets.models import Priority


def responders() -> QuerySet[User]:
    return User.objects.active().filter(role__in=RESPONDERS).order_by("name", "email")


class RespondersOnly:
    """Offers only people who may answer pages, and no service that is the desk's own."""

    def formfield_for_foreignkey(self, db_field: ForeignKey, request: Any, **kwargs: Any) -> Any:
        if db_field.related_model is User:
            kwargs["queryset"] = responders()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: ManyToManyField, request: Any, **kwargs: Any) -> Any:
        if db_field.related_model is User:
            kwargs["queryset"] = responders()
        elif db_field.related_model is OutsideService:
            kwargs["queryset"] = OutsideService.objects.exclude(kind=OutsideService.Kind.CANARY)
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]


def kept_rows(formset: BaseInlineFormSet) -> list[dict[str, Any]]:
    """What stays once the formset is saved."""
    rows = [form.cleaned_data for form in formset.forms if hasattr(form, "cleaned_data") and form.cleaned_data]
    return [row for row in rows if not row.get("DELETE")]


# --- Schedules -----------------------------------------------------------------------------------------------------


class WorksOutShifts(admin.ModelAdmin):
    """Each edit works out the shifts of every schedule anew, in its own transaction (leave concerns many)."""

    schedule_field: str | None = "schedule_id"

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self._work_out(self._schedule_of(form.instance))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        edited = self._schedule_of(obj)
        super().delete_model(request, obj)
        self._work_out(edited)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        edited = set().union(*(self._schedule_of(obj) for obj in queryset))
        super().delete_queryset(request, queryset)
        self._work_out(edited)

    def _schedule_of(self, obj: Any) -> set[int]:
        return {getattr(obj, self.schedule_field)} if self.schedule_field else set()

    def _work_out(self, edited: set[int]) -> None:
        # Who has one of them open in the editor is told that it was edited meanwhile.
        Schedule.objects.filter(pk__in=edited).update(version=F("version") + 1)
        shifts.materialise(now=clock.now())


class MembersFormSet(BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        if not any(self.errors) and not kept_rows(self):
            raise ValidationError("Name at least one person: a layer without members leaves a gap.", code="empty")


class MemberInline(RespondersOnly, admin.TabularInline):
    model = LayerMember
    formset = MembersFormSet
    extra = 1


class WindowForm(forms.ModelForm):
    def clean_weekdays(self) -> str:
        days = set(self.cleaned_data["weekdays"])
        if not days <= set("1234567"):
            raise ValidationError("Digits from 1 (Monday) to 7, such as 12345.", code="weekdays")
        return "".join(sorted(days))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and {"weekdays", "starts", "ends", "ends_after_days"} <= set(data):
            window = WindowDraft(data["weekdays"], data["starts"], data["ends"], data["ends_after_days"])
            for fault in window_faults(window, ""):
                self.add_error(fault.field.strip("-"), fault.sentence)
        return data


class WindowInline(admin.TabularInline):
    model = LayerWindow
    form = WindowForm
    extra = 0
    verbose_name, verbose_name_plural = "hours", "hours (without any: at all hours)"


class LayerInline(admin.TabularInline):
    model = Layer
    extra = 0
    show_change_link = True
    fields = ("name", "priority", "days", "anchor", "hand_over", "zone")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a layer is made together with its members, on its own page


@admin.register(Schedule)
class ScheduleAdmin(WorksOutShifts):
    schedule_field = "pk"
    list_display = ("name", "purpose")
    search_fields = ("name", "purpose", "layers__name", "layers__members__user__name")
    inlines = (LayerInline,)


@admin.register(Layer)
class LayerAdmin(WorksOutShifts):
    list_display = ("schedule", "name", "priority", "days", "hand_over", "zone")
    list_filter = ("schedule",)
    search_fields = ("name", "schedule__name", "members__user__name", "members__user__email")
    inlines = (MemberInline, WindowInline)


class OverrideForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        schedule, starts, ends = data.get("schedule"), data.get("starts_at"), data.get("ends_at")
        if not (schedule and starts and ends):
            return data
        if ends <= starts:
            raise ValidationError({"ends_at": "This must come after its start."})
        Schedule.objects.select_for_update().get(pk=schedule.pk)  # two admins at once see each other's
        others = Override.objects.filter(schedule=schedule, starts_at__lt=ends, ends_at__gt=starts)
        if other := others.exclude(pk=self.instance.pk).select_related("user").first():
            raise ValidationError(f"This overlaps: {other}.", code="overlaps")
        return data


@admin.register(Override)
class OverrideAdmin(RespondersOnly, WorksOutShifts):
    form = OverrideForm
    list_display = ("schedule", "user", "starts_at", "ends_at", "why")
    list_filter = ("schedule",)
    search_fields = ("schedule__name", "user__name", "user__email", "why")
    date_hierarchy = "starts_at"


class LeaveForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        starts, ends = data.get("starts_at"), data.get("ends_at")
        if starts and ends and ends <= starts:
            raise ValidationError({"ends_at": "This must come after its start."})
        return data


@admin.register(Leave)
class LeaveAdmin(RespondersOnly, WorksOutShifts):
    form = LeaveForm
    schedule_field = None
    list_display = ("user", "starts_at", "ends_at", "why")
    search_fields = ("user__name", "user__email", "why")
    date_hierarchy = "starts_at"


# --- Policies ------------------------------------------------------------------------------------------------------


class StepsFormSet(BaseInlineFormSet):
    """Every step names somebody, and the last one reaches somebody: a policy that ends in nobody is refused (S099)."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        rows = sorted(kept_rows(self), key=lambda row: row["position"])
        if not rows:
            raise ValidationError("Add at least one step: a policy without steps pages nobody in time.", code="empty")
        for row in rows:
            if not targets_of(row) and not row.get("outside"):
                raise ValidationError(f"Step {row['position']} names nobody.", code="empty_step")
        people = people_behind(targets_of(rows[-1]), at=clock.now())
        if not contact_plans(people, priority=Priority.URGENT):
            raise ValidationError(
                f"Step {rows[-1]['position']} is the last and reaches nobody: "
                "it must name somebody with a verified contact; services outside come beside people.",
                code="empty_final_step",
            )


def targets_of(row: dict[str, Any]) -> Sequence[Target]:
    targets = [Target("schedule", row["schedule"].pk)] if row.get("schedule") else []
    targets += [Target("team", row["team"].pk)] if row.get("team") else []
    targets += [Target("user", person.pk) for person in row.get("people") or ()]
    return [*targets, Target("everybody")] if row.get("everybody") else targets


class StepInline(RespondersOnly, admin.StackedInline):
    model = PolicyStep
    formset = StepsFormSet
    extra = 0
    fields = (("position", "delay_minutes"), ("schedule", "team", "everybody"), "people", "outside")


USES = {"is_default": "Tickets", "is_for_breaches": "SLA breaches", "is_for_set": "SET"}
"""What pages by the policy that has the flag; one has each."""


class PolicyForm(forms.ModelForm):
    def clean_is_default(self) -> bool:
        return self._kept("is_default")

    def clean_is_for_breaches(self) -> bool:
        return self._kept("is_for_breaches")

    def clean_is_for_set(self) -> bool:
        return self._kept("is_for_set")

    def _kept(self, flag: str) -> bool:
        in_use = bool(self.cleaned_data[flag])
        if not in_use and self.instance.pk and EscalationPolicy.objects.filter(pk=self.instance.pk, **{flag: True}):
            raise ValidationError(f"{USES[flag]} page by this policy. Tick another policy instead: it takes over.")
        return in_use

    def _get_validation_exclusions(self) -> set[str]:
        # The one in use before gives way when this one is saved, so their being two is no error.
        return {*super()._get_validation_exclusions(), *USES}


@admin.register(EscalationPolicy)
class PolicyAdmin(RespondersOnly, admin.ModelAdmin):
    form = PolicyForm
    list_display = ("name", "is_default", "is_for_breaches", "is_for_set", "active_from")
    search_fields = ("name", "steps__team__name", "steps__schedule__name", "steps__people__name")
    filter_horizontal = ("catch_all", "outside")
    inlines = (StepInline,)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        for flag in USES:
            if getattr(obj, flag):
                EscalationPolicy.objects.exclude(pk=obj.pk).filter(**{flag: True}).update(**{flag: False})
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        in_use = obj is not None and any(getattr(obj, flag) for flag in USES)
        return not in_use and super().has_delete_permission(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        super().delete_queryset(request, queryset.filter(**dict.fromkeys(USES, False)))


# --- How people are reached ----------------------------------------------------------------------------------------


@admin.register(ContactMethod)
class ContactMethodAdmin(admin.ModelAdmin):
    """People add and verify their own contacts: an admin can only take one out of use."""

    exclude = ("details",)  # for chat that is a secret
    readonly_fields = ("user", "kind", "value", "verified_at")
    list_display = ("user", "kind", "value", "verified_at", "disabled_at", "disabled_why")
    list_filter = ("kind", ("verified_at", admin.EmptyFieldListFilter), ("disabled_at", admin.EmptyFieldListFilter))
    search_fields = ("user__name", "user__email", "value")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


class RuleForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        user, contact = data.get("user"), data.get("contact")
        if user and contact and contact.user_id != user.pk:
            raise ValidationError({"contact": f"This is {contact.user.display_name}'s contact."})
        return data


@admin.register(NotificationRule)
class NotificationRuleAdmin(RespondersOnly, admin.ModelAdmin):
    form = RuleForm
    list_display = ("user", "priority", "contact", "delay")
    list_filter = ("priority",)
    search_fields = ("user__name", "user__email", "contact__value")


# --- What happened -------------------------------------------------------------------------------------------------


@admin.register(Page)
class PageAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "ticket_id", "priority", "state", "episode", "next_action_at", "acknowledged_by")
    list_filter = ("state", "kind", "priority")
    list_select_related = ("acknowledged_by",)
    search_fields = ("=id", "=ticket__id", "ticket__organization__name")


@admin.register(PageDelivery)
class PageDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("id", "page_id", "purpose", "person", "contact", "state", "due_at", "attempt", "error")
    list_filter = ("state", "purpose")
    list_select_related = ("person", "contact__user")
    search_fields = ("=page__id", "person__name", "person__email", "error")


@admin.register(PageEvent)
class PageEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "page_id", "kind", "actor", "data")
    list_filter = ("kind",)
    list_select_related = ("actor",)
    search_fields = ("=page__id", "actor__name")


@admin.register(EngineHeartbeat)
class EngineHeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("engine", "finished_at", "took_ms")
    search_fields = ("engine",)


@admin.register(PagingAlarm)
class PagingAlarmAdmin(ReadOnlyAdmin):
    list_display = ("key", "text", "began_at", "told_at", "ended_at")
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    search_fields = ("key", "text")
