"""Addresses of this app. Those below accounts/ stand before allauth's own of the same names."""

from django.urls import path, re_path

from accounts.views import entrance, home, invitations, members, profile

_members = "organisations/<slug:slug>/members/"

urlpatterns = [
    path("", home.home, name="home"),
    path("profile/", profile.profile, name="profile"),
    path(_members, members.organization_members, name="organization_members"),
    path(f"{_members}invite/", members.invitation_new, name="invitation_new"),
    path(f"{_members}invitations/<int:pk>/revoke/", members.invitation_revoke, name="invitation_revoke"),
    path(f"{_members}<int:pk>/role/", members.member_role, name="member_role"),
    path(f"{_members}<int:pk>/remove/", members.member_remove, name="member_remove"),
    path("invitations/<str:token>/", invitations.invitation_accept, name="invitation_accept"),
    path("accounts/signup/", entrance.sign_up, name="account_signup"),
    re_path(r"^accounts/confirm-email/(?P<key>[-:\w]+)/$", entrance.confirm_address, name="account_confirm_email"),
    re_path(
        r"^accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        entrance.choose_new_password,
        name="account_reset_password_from_key",
    ),
]
