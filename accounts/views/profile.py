"""One's own account."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods

from accounts.access import active_memberships
from accounts.forms import ProfileForm
from accounts.models import User
from accounts.views.gate import signed_in
from supportdesk.lib.toasts import say


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def profile(request: HttpRequest) -> HttpResponse:
    """The profile; for htmx only the list of the regions of `?country=`."""
    person = User.objects.get(pk=request.user.pk)  # a copy: what a form refuses isn't shown as one's name above it
    if request.method == "POST":
        form = ProfileForm(request.POST, instance=person)
        if form.is_valid():
            form.save()
            say(request, "Your profile is saved.")
            return redirect("profile")
        return _page(request, form, status=400)
    if getattr(request, "htmx", False):
        form = ProfileForm(instance=person, country=request.GET.get("country", ""))
        response = render(request, "accounts/_subdivision.html", {"form": form})
        patch_vary_headers(response, ["HX-Request"])
        return response
    return _page(request, ProfileForm(instance=person))


def _page(request: HttpRequest, form: ProfileForm, status: int = 200) -> HttpResponse:
    memberships = [] if request.user.is_desk else list(active_memberships(request.user))
    response = render(request, "accounts/profile.html", {"form": form, "memberships": memberships}, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response
