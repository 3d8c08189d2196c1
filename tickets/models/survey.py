"""How a customer found a request that was Closed: good or bad, in their own words."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q

from tickets.models.ticket import Ticket
from tickets.querysets import SurveyQuerySet

_MAY_CHANGE, _MAY_ANSWER = timedelta(days=7), timedelta(days=60)


class Survey(models.Model):
    """One question per ticket, and its one answer. `due_at` is set exactly until its requester has been asked."""

    class Rating(models.TextChoices):
        GOOD = "good", "Good"
        BAD = "bad", "Bad"

    ticket = models.OneToOneField(Ticket, on_delete=models.PROTECT, related_name="survey")
    due_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    rating = models.CharField(max_length=4, choices=Rating, blank=True)
    comment = models.TextField(blank=True)
    rated_at = models.DateTimeField(null=True, help_text="When it was first answered; for 7 days it may be changed.")
    changed_at = models.DateTimeField(null=True)

    objects: ClassVar[SurveyQuerySet] = SurveyQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(due_at=None, asked_at__isnull=False) | Q(due_at__isnull=False, asked_at=None),
                name="survey_due_or_asked",
            ),
            models.CheckConstraint(
                condition=Q(rating="", rated_at=None) | (~Q(rating="") & Q(rated_at__isnull=False)),
                name="survey_rated_at",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=~Q(due_at=None), name="survey_due"),
            models.Index(fields=["rated_at"], condition=~Q(rated_at=None), name="survey_by_rating"),
        ]

    def __str__(self) -> str:
        return f"#{self.ticket_id}: {self.rating or 'no answer'}"

    @property
    def is_rated(self) -> bool:
        return self.rating != ""

    @property
    def is_good(self) -> bool:
        return self.rating == self.Rating.GOOD

    @property
    def closes_at(self) -> datetime | None:
        """Until when it may be answered, or its answer changed; None while nobody has been asked yet."""
        if self.rated_at is not None:
            return self.rated_at + _MAY_CHANGE
        return self.asked_at + _MAY_ANSWER if self.asked_at else None

    def is_open(self, now: datetime) -> bool:
        return self.closes_at is None or now < self.closes_at
