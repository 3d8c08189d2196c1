from django.apps import AppConfig


class EscalationsConfig(AppConfig):
    name = "escalations"
    verbose_name = "Paging"

    def ready(self) -> None:
        from escalations import signals, slots  # noqa: F401 - signals connect themselves
        from escalations.paging import bounced
        from tickets.mail import bounces

        slots.register()
        bounces.register("page", bounced.find)
