"""Who comes in: strangers log in, and for anybody who doesn't answer pages these addresses don't exist."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import cast

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from accounts.models import User
from escalations.access import is_responder, may_edit_schedules
from supportdesk.lib.http import ask_to_log_in

security = logging.getLogger("security")
View = Callable[..., HttpResponseBase]


def responders_only(view: View) -> View:
    """Log-in for strangers; for anybody who doesn't answer pages these addresses don't exist."""

    @wraps(view)
    def gated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not request.user.is_authenticated:
            if request.method == "POST" and "pk" in kwargs and not getattr(request, "htmx", False):
                return HttpResponseRedirect(f"{reverse('account_login')}?next={reverse('page_detail', kwargs=kwargs)}")
            return ask_to_log_in(request)
        if not is_responder(request.user):
            security.warning("authz.denied user=%s path=%s", request.user.pk, request.path)
            raise Http404
        return view(request, *args, **kwargs)

    return gated


def schedulers_only(view: View) -> View:
    """As `responders_only`, and 403 for responders who may see who is on call but not edit it."""

    @wraps(view)
    def gated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not may_edit_schedules(request.user):
            security.warning("authz.denied user=%s path=%s", request.user.pk, request.path)
            raise PermissionDenied
        return view(request, *args, **kwargs)

    checked = responders_only(gated)

    @wraps(view)
    def outer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        # A stranger comes back to the page that was asked for, also from a form.
        return checked(request, *args, **kwargs) if request.user.is_authenticated else ask_to_log_in(request)

    return outer


def viewer(request: HttpRequest) -> User:
    """Who looks at it; `responders_only` has let nobody else in."""
    return cast(User, request.user)
