from django.apps import AppConfig


class EscalationsConfig(AppConfig):
    name = "escalations"
    verbose_name = "Paging"

    def ready(self) -> None:
        from escalations import slots

        slots.register()
