"""The queue's views in the navigation of every page, and which of them the person came from."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.models import User
from tickets import queue

_COOKIE = "desk-view"


@dataclass(frozen=True)
class Place:
    """A view in the navigation; counted on the queue's own page only."""

    view: queue.View
    address: str
    count: str = ""
    is_current: bool = False


def places(user: User, counts: Mapping[str, str] | None = None, current: queue.View | None = None) -> list[Place]:
    """The views that the person has: stakeholders none; to whom nothing is ever assigned no *Assigned to me*."""
    if user.is_stakeholder:
        return []
    desk = reverse("queue")
    return [
        Place(view, address_of(view, desk), (counts or {}).get(view.key, ""), view is current)
        for view in queue.VIEWS.values()
        if view.key != "mine" or user.is_agent
    ]


def address_of(view: queue.View, desk: str) -> str:
    return desk if view is queue.DEFAULT_VIEW else f"{desk}?view={view.key}"


def remember_view(request: HttpRequest, response: HttpResponse, view: queue.View) -> None:
    """Keep which view was looked at, for the way back from a ticket."""
    if request.COOKIES.get(_COOKIE) != view.key:
        response.set_cookie(_COOKIE, view.key, secure=request.is_secure(), httponly=True, samesite="Lax")


def last_view(request: HttpRequest) -> queue.View:
    return queue.VIEWS.get(request.COOKIES.get(_COOKIE, ""), queue.DEFAULT_VIEW)
