from django.core.management.base import BaseCommand, CommandError, CommandParser

from escalations import actions
from escalations.models import ContactMethod
from supportdesk.lib import clock


class Command(BaseCommand):
    help = 'Answer a page by text, as somebody\'s phone would: demo_reply chi@desk.example "A 41". Demo and tests only.'

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="Whose phone: the address of the account.")
        parser.add_argument("words", nargs="+", help="A 41 acknowledges, E 41 escalates.")

    def handle(self, *args: object, **options: str) -> None:
        if not clock.is_movable():
            raise CommandError("Answers can be made up in the demo and in tests only (DESK_ENV).")
        phones = ContactMethod.objects.filter(kind=ContactMethod.Kind.SMS, verified_at__isnull=False)
        phone = phones.filter(user__email__iexact=options["person"]).first()
        if phone is None:
            raise CommandError(f"{options['person']} has no verified number for text messages.")
        said = actions.answer_text(phone.value, " ".join(options["words"]), at=clock.now())
        self.stdout.write(said or "(no answer)")
