"""Who comes through the doors of this app."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from supportdesk.lib.http import ask_to_log_in

View = Callable[..., HttpResponseBase]


def signed_in(view: View) -> View:
    """Ask who isn't to log in; after a POST to a verb's address they come back to the page that it belongs to."""

    @wraps(view)
    def gated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if request.method == "POST" and "slug" in kwargs:
            return redirect_to_login(reverse("organization_members", args=[kwargs["slug"]]))
        return ask_to_log_in(request)

    return gated
