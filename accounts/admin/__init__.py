"""Accounts in Django admin. What a verb exists for is done by the verb, and recorded by it."""

from allauth.account.admin import EmailAddress
from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.auth.admin import Group

from accounts.admin import health, organizations, people, records

__all__ = ["health", "organizations", "people", "records"]

# One door for everybody: the log-in page with its limits, not Django's own beside it (S066).
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "SupportDesk administration"
admin.site.index_title = "Configuration"
# An address that is ticked as verified by hand would skip what verifying means; it stands on its person's page.
admin.site.unregister(EmailAddress)
admin.site.unregister(Group)  # a person's role says what they may do
