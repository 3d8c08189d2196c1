"""Whether the desk is alive, for load balancers and watchers; nothing secret is named (S112)."""

import logging
from functools import lru_cache

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse

logger = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def _valkey() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.3, socket_connect_timeout=0.3)


def healthz(request: HttpRequest) -> JsonResponse:
    """200 ok; 200 degraded while Valkey doesn't answer; 503 while the database doesn't."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        return JsonResponse({"status": "unavailable"}, status=503)
    try:
        _valkey().ping()
    except redis.RedisError:
        return JsonResponse({"status": "degraded"})
    return JsonResponse({"status": "ok"})
