"""What an admin configures for the request form and the workflow."""

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from supportdesk.lib.fields import WebAddressField


class ListedChoice(models.Model):
    """An entry of one of the form's lists; it is switched off rather than deleted, because tickets name it."""

    name = models.CharField(max_length=64, unique=True)
    position = models.PositiveSmallIntegerField(default=0, help_text="Order in the list.")
    is_active = models.BooleanField(default=True, help_text="Offered on the form.")

    class Meta:
        abstract = True
        ordering = ("position", "name")

    def __str__(self) -> str:
        return self.name


class Category(ListedChoice):
    """What a request is about, with guidance of what to provide."""

    slug = models.SlugField(max_length=64, unique=True)
    guidance = models.TextField(blank=True, help_text="Markdown, shown beside the description.")
    guide_url = WebAddressField("guide", max_length=300, blank=True)
    concerns_mobile = models.BooleanField(default=False, help_text="Ask for mobile version and device.")

    class Meta(ListedChoice.Meta):
        verbose_name_plural = "categories"


class Environment(ListedChoice):
    """Where it happens: Production, Staging, …"""


class MobileDevice(ListedChoice):
    """On what it happens: iPhone, Android tablet, …"""


class WorkflowSettings(models.Model):
    """The figures of the system's own moves; one row, edited in Django admin."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    close_after_hours = models.PositiveIntegerField(
        default=48, validators=[MinValueValidator(1)], help_text="A Solved ticket is Closed after so many hours."
    )
    remind_after_days = ArrayField(
        models.PositiveSmallIntegerField(),
        default=list,
        blank=True,
        help_text="Business days in Pending after which the customer is reminded, such as 3, 5.",
    )
    solve_after_days = models.PositiveSmallIntegerField(
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text="Business days in Pending after which the ticket is solved.",
    )

    survey_after_hours = models.PositiveIntegerField(
        default=24, help_text="The requester is asked how it went so many hours after Closed."
    )

    class Meta:
        verbose_name = verbose_name_plural = "workflow settings"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="workflow_settings_are_single")]

    def __str__(self) -> str:
        return "Workflow settings"

    def clean(self) -> None:
        days = self.remind_after_days
        if days != sorted(set(days)) or 0 in days:
            raise ValidationError({"remind_after_days": "Give the days in ascending order, each once, such as 3, 5."})
        if self.remind_after_days and self.remind_after_days[-1] >= self.solve_after_days:
            raise ValidationError({"solve_after_days": "This must come after the last reminder."})

    @property
    def pending_days(self) -> list[int]:
        """Business days in Pending after which something happens: each reminder, and last of all solving."""
        return [*self.remind_after_days, self.solve_after_days]

    @classmethod
    def current(cls) -> "WorkflowSettings":
        return cls.objects.filter(pk=1).first() or cls(remind_after_days=[3, 5])
