"""`manage.py make_vapid_key`: a fresh key for web push."""

from typing import Any

from django.core.management.base import BaseCommand

from escalations.paging import vapid


class Command(BaseCommand):
    help = "Print a fresh VAPID_PRIVATE_KEY for web push. Another key ends every subscription made with the one before."
    requires_system_checks: list[str] = []  # a wrong key must not keep it from making a good one

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"VAPID_PRIVATE_KEY={vapid.new_key()}")
