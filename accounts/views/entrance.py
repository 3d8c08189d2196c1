"""allauth's entrance made safe: links in mails change nothing when opened (S070), sign-ups come in no floods (S010)."""

import ipaddress
import logging
from typing import Any

from allauth.account import views
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.stages import EmailVerificationStage, LoginStageController
from allauth.core import ratelimit
from django.http import Http404, HttpRequest, HttpResponse

from accounts import tokens
from accounts.models import User
from supportdesk.lib import clock

security = logging.getLogger("security")

_WAIT = 3600  # seconds: the limits are for an hour


class SignUp(views.SignupView):
    """Everybody may sign up, but nobody through us mails the whole world: each sign-up mails an address that somebody
    typed. Beyond the limits of a network, or of all together, it is 429 and a line for who watches the logs."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        network = _network_of(request)
        for action, key in (("signup_network", network), ("signup_all", "everybody")):
            if not ratelimit.consume(request, action=action, key=key):
                security.error("signup.flood action=%s network=%s", action, network)
                response = ratelimit.respond_429(request)
                response["Retry-After"] = str(_WAIT)
                return response
        return super().post(request, *args, **kwargs)


def _network_of(request: HttpRequest) -> str:
    """The network that a request comes from: addresses in one are easily had."""
    address = ipaddress.ip_address(get_adapter().get_client_ip(request))
    return str(ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False))


class Confirmation(EmailConfirmationHMAC):
    """What a link confirms, under the key that it came with."""

    def __init__(self, address: EmailAddress, key: str) -> None:
        super().__init__(address)
        self._key = key

    @property
    def key(self) -> str:
        return self._key


class ConfirmAddress(views.ConfirmEmailView):
    """Shows whose address is confirmed; its button confirms. Dead links are one page, 404, whatever killed them."""

    def get_object(self, queryset: object = None) -> Confirmation:
        address = tokens.confirmed_address(self.kwargs["key"], now=clock.now())
        if address is None:
            raise Http404
        return Confirmation(address, self.kwargs["key"])

    def logout_other_user(self, confirmation: Confirmation) -> None:
        if self.request.method == "POST":
            super().logout_other_user(confirmation)

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(*args, **kwargs)
        except Http404:
            self.object = None
            return self.render_to_response(self.get_context_data())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        if self.object:
            address = self.object.email_address
            taken = User.objects.filter(email=address.email).exclude(pk=address.user_id).exists()
            context["can_confirm"] = context["can_confirm"] and not taken
            context["signed_up_here"] = _signed_up_here(self.request, address)
        return context

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        return super().render_to_response(context, **{"status": 200 if self.object else 404, **kwargs})


def _signed_up_here(request: HttpRequest, address: EmailAddress) -> bool:
    """Whether it is the browser of the sign-up, or of the person: elsewhere we warn of other people's sign-ups."""
    if request.user.is_authenticated:
        return request.user.pk == address.user_id
    stage = LoginStageController.enter(request, EmailVerificationStage.key)
    return bool(stage and stage.login.user and stage.login.user.pk == address.user_id)


class ChooseNewPassword(views.PasswordResetFromKeyView):
    """Asks for the new password; dead links are one page, 404."""

    def logout(self) -> None:
        if self.request.method == "POST":
            super().logout()

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        return super().render_to_response(context, **{"status": 404 if context.get("token_fail") else 200, **kwargs})


sign_up = SignUp.as_view()
confirm_address = ConfirmAddress.as_view()
choose_new_password = ChooseNewPassword.as_view()
