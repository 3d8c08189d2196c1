from django.db import models


class ClockOffset(models.Model):
    """How far the desk's clock is moved from the real one: at most one row, and only in the demo and in tests."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    offset = models.DurationField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="clock_offset_is_single")]

    def __str__(self) -> str:
        return str(self.offset)
