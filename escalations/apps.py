from django.apps import AppConfig


class EscalationsConfig(AppConfig):
    name = "escalations"
    verbose_name = "Paging"

    def ready(self) -> None:
        from escalations import signals, slots  # noqa: F401 - signals connect themselves
        from escalations.engineering import querysets as engineering
        from escalations.engineering import slots as engineering_slots
        from escalations.engineering.notifications import threads
        from escalations.paging import bounced
        from tickets import sight
        from tickets.mail import bounces, wanted
        from tickets.notifications.audience import Kind

        engineering_slots.register()
        slots.register()
        bounces.register("page", bounced.find)
        sight.register(engineering.tickets_of)
        wanted.register(Kind.STAFF_ESCALATION, threads.still_wanted)
