from django.apps import AppConfig


class LibConfig(AppConfig):
    name = "supportdesk.lib"
    label = "lib"
