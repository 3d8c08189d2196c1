from django.apps import AppConfig
from django.contrib.staticfiles import apps as staticfiles


class LibConfig(AppConfig):
    name = "supportdesk.lib"
    label = "lib"


class StaticFilesConfig(staticfiles.StaticFilesConfig):
    """Collects what a page of ours may name: packages bring megabytes that none does, slow to compress."""

    ignore_patterns = [
        *staticfiles.StaticFilesConfig.ignore_patterns,
        *("redoc", "rest_framework", "htmax-*", "htmx-4*", "htmx-2.js"),
    ]
