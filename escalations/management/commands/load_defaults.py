from django.core.management.base import BaseCommand

from accounts import defaults as account_defaults
from escalations.engineering import defaults as engineering_defaults
from tickets import defaults as ticket_defaults


class Command(BaseCommand):
    help = "Load what a desk begins with: plans, regions, teams, categories, promises, targets. Never undoes an edit."

    def handle(self, *args: object, **options: object) -> None:
        account_defaults.load()
        ticket_defaults.load()
        engineering_defaults.load()
