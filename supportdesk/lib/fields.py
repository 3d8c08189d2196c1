"""Model fields with a rule of their own; to migrations they are the plain column they store."""

import secrets
import zoneinfo
from collections.abc import Callable
from functools import lru_cache
from os import PathLike
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from supportdesk.lib.sealed import seal, unseal


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """The tz database's names; read once, because reading them walks through its files."""
    return frozenset(zoneinfo.available_timezones())


def check_time_zone(value: str) -> None:
    """ValidationError unless `value` is a zone of the tz database."""
    if value not in time_zones():
        raise ValidationError("Choose a time zone such as Europe/Berlin.", code="unknown_zone")


class _PlainInMigrations(models.Field):
    """Migrations import no application code, so they get the Django field that this one is built on."""

    plain: type[models.Field]

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        return name, f"django.db.models.{self.plain.__name__}", args, kwargs


class TimeZoneField(_PlainInMigrations, models.CharField):
    """The name of a zone of the tz database."""

    plain = models.CharField
    default_validators = [check_time_zone]


class RandomlyNamedFileField(_PlainInMigrations, models.FileField):
    """A file stored under a random key that says nothing about it (S030, S032)."""

    plain = models.FileField

    def generate_filename(self, instance: models.Model, filename: str | PathLike[str]) -> str:
        key = secrets.token_hex(20)
        return f"{key[:2]}/{key[2:]}"


class WebAddressField(_PlainInMigrations, models.CharField):
    """An http or https address: no other scheme may ever become a link (S043)."""

    plain = models.CharField

    @property
    def validators(self) -> list[Callable[[Any], None]]:
        from django.core.validators import URLValidator

        return [*super().validators, URLValidator(schemes=["http", "https"])]


class _Sealed(_PlainInMigrations):
    """Encrypted at rest; never looked up by its value. Its column takes more room than what is in it."""

    def get_prep_value(self, value: Any) -> Any:
        return seal(value) if isinstance(value, str) else value

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return unseal(value) if isinstance(value, str) else value


class SealedCharField(_Sealed, models.CharField):
    plain = models.CharField


class SealedTextField(_Sealed, models.TextField):
    plain = models.TextField
