#!/usr/bin/env python
"""Django's command line for SupportDesk."""

import os
import sys

from supportdesk.demo_folder import borrow_environment


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportdesk.settings")
    borrow_environment()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
