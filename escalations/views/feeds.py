"""The door of calendar programs, which don't log in: who knows the address reads the shifts, and nothing else."""

from datetime import timedelta

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from escalations import feeds
from escalations.models import CalendarFeed
from supportdesk.lib import clock

_NOTED_EVERY = timedelta(minutes=1)


@require_safe
def calendar_feed(request: HttpRequest, token: str) -> HttpResponse:
    """Unknown, revoked, and of somebody who has left: the same 404."""
    feed, now = feeds.find(token), clock.now()
    if feed is None:
        raise Http404
    stale = Q(last_read_at=None) | Q(last_read_at__lt=now - _NOTED_EVERY)
    CalendarFeed.objects.filter(stale, pk=feed.pk).update(last_read_at=now)
    response = HttpResponse(feeds.calendar_of(feed, now=now), content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = 'inline; filename="on-call.ics"'
    response["Referrer-Policy"] = "no-referrer"
    patch_cache_control(response, private=True, no_cache=True)
    return response
