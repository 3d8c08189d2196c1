"""Addresses of the staff dashboard."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
