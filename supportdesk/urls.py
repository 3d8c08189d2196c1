"""Every address of the desk; the apps list their own pages."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from supportdesk import checks, health  # noqa: F401 - checks register themselves
from tickets.mail.webhook_door import provider_webhook

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="api_schema"),
    path("anymail/<path:rest>", provider_webhook, name="mail_webhook"),
    path("", include("escalations.urls")),
    path("", include("tickets.urls")),
]
