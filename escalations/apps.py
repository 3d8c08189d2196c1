from django.apps import AppConfig


class EscalationsConfig(AppConfig):
    name = "escalations"
    verbose_name = "Paging"

    def ready(self) -> None:
        from escalations import signals, slots  # noqa: F401 - signals connect themselves

        slots.register()
