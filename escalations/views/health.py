"""Whether the paging engine is alive, for watchers from outside; nothing secret is named."""

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from escalations.paging import engine


@require_safe
@never_cache
def healthz_paging(request: HttpRequest) -> JsonResponse:
    """200 only if the engine finished a full pass within the last 15 s."""
    try:
        alive = engine.is_alive()
    except (DatabaseError, InterfaceError):
        alive = False
    return JsonResponse({"status": "ok" if alive else "stopped"}, status=200 if alive else 503)
