from django.apps import AppConfig, apps


class TicketsConfig(AppConfig):
    name = "tickets"

    def ready(self) -> None:
        from supportdesk.lib import slots
        from tickets import signals  # noqa: F401 - connects them
        from tickets.mail import receivers  # noqa: F401 - connects them
        from tickets.slots import mail_link

        slots.register("desk.side", mail_link)
        if apps.is_installed("anymail"):
            from tickets.mail import tracking

            tracking.connect()
