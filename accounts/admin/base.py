"""What several admin pages share."""

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest

from accounts import places
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError


class ReadOnlyAdmin(admin.ModelAdmin):
    """What happened is looked at, never edited."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class InUseAdmin(admin.ModelAdmin):
    """Says what uses a row that can't be deleted, before what the person may not delete along with it."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        objects, counts, lacking, protected = super().get_deleted_objects(objs, request)
        return objects, counts, set() if protected else lacking, protected


class ReadOnlyInline(admin.TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PlaceForm(forms.ModelForm):
    """Zone, country and region by their lists."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if field := self.fields.get("time_zone"):
            choices = places.zone_choices("" if field.required else "Not given", self.instance.time_zone)
            self.fields["time_zone"] = _choice(field, choices)
        if field := self.fields.get("country"):
            self.fields["country"] = _choice(field, places.country_choices("Not given"))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        country, region = data.get("country", ""), data.get("subdivision", "")
        if region and not places.is_subdivision(country, region):
            known = ", ".join(code for code, _ in places.subdivision_choices(country)) or "none"
            self.add_error("subdivision", f"Not a region of this country. Its regions: {known}.")
        return data


def _choice(field: forms.Field, choices: places.Choices) -> forms.ChoiceField:
    return forms.ChoiceField(
        choices=choices,
        required=field.required,
        label=field.label,
        help_text=field.help_text,
        initial=field.initial,
    )


def carry_out(
    page: admin.ModelAdmin, request: HttpRequest, rows: Iterable[Model | str], verb: Callable[..., Any], done: str
) -> None:
    """Do `verb` to each chosen row as its own transaction; what is refused is said, the rest is done."""
    count = 0
    for row in rows:
        try:
            verb(row, by=request.user, at=clock.now())
        except DomainError as refusal:
            page.message_user(request, f"{row}: {refusal.sentence}", messages.ERROR)
        else:
            count += 1
    if count:
        page.message_user(request, f"{count} {done}.", messages.SUCCESS)
