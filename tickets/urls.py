"""Addresses of this app: the customer's here, the staff's in urls_desk."""

from django.urls import URLPattern

from tickets import urls_desk

customer: list[URLPattern] = []

urlpatterns = [*customer, *urls_desk.urlpatterns]
