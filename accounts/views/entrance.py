"""Links that allauth's mails carry, made safe for mail scanners: opening one changes nothing at all (S070)."""

from typing import Any

from allauth.account import views
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.stages import EmailVerificationStage, LoginStageController
from django.http import Http404, HttpRequest, HttpResponse

from accounts import tokens
from accounts.models import User
from supportdesk.lib import clock


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


confirm_address = ConfirmAddress.as_view()
choose_new_password = ChooseNewPassword.as_view()
