"""That the pager itself is alive, and what is wrong with it."""

from django.db import models
from django.db.models import Q


class EngineHeartbeat(models.Model):
    """When each engine last finished a full pass, by the database's clock."""

    engine = models.CharField(max_length=100, primary_key=True, help_text="worker or standby, and its host.")
    finished_at = models.DateTimeField()
    took_ms = models.PositiveIntegerField()

    class Meta:
        ordering = ("engine",)

    def __str__(self) -> str:
        return self.engine


class WatcherHeartbeat(models.Model):
    """When each watcher last looked at everything, by the database's clock, and which invariants it found broken."""

    watcher = models.CharField(max_length=100, primary_key=True, help_text="Its host.")
    finished_at = models.DateTimeField()
    took_ms = models.PositiveIntegerField()
    broken = models.JSONField(default=list, help_text="The keys of what it found broken.")

    class Meta:
        ordering = ("watcher",)

    def __str__(self) -> str:
        return self.watcher


class PagingAlarm(models.Model):
    """Something about paging that people have to mend: it is told once, and is over when it is mended.

    `key` names what is wrong, such as `overdue_delivery` or `coverage:3`.
    """

    key = models.CharField(max_length=100)
    text = models.CharField(max_length=500)
    began_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-began_at", "-id")
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=Q(ended_at=None), name="alarm_one_open_per_key")
        ]

    def __str__(self) -> str:
        return self.key
