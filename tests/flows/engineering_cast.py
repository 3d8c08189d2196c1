"""What a story of engineering needs besides the cast: run as `python -m tests.flows.engineering_cast`.

sven of SET, pat of Product, cleo of Customer Success, and the code host that an admin has set up.
"""

import os

SECRET = "a-secret-that-github-has-too"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportdesk.settings")
    import django

    django.setup()

    from accounts.models import Role
    from escalations.models import CodeHost
    from tests import factories

    for name, role in (("Sven", Role.SET), ("Pat", Role.PRODUCT), ("Cleo", Role.CUSTOMER_SUCCESS)):
        factories.staff(name, role)
    host = CodeHost.objects.create(
        name="GitHub", kind="github", address="https://github.com", secrets=SECRET, repositories="acme/server"
    )
    print(host.pk)


if __name__ == "__main__":
    main()
