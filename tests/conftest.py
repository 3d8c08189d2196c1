"""The cast, who act in every story, and the doors they come through."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership, Organization, Role, User
from supportdesk.lib import clock
from tests import factories, servers


def pytest_unconfigure() -> None:
    servers.stop()


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Nothing in the suite talks to another machine, nor asks for its address."""
    real = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex", "sendto")}
    look_up = socket.getaddrinfo

    def guarded(name: str) -> Callable[..., Any]:
        def call(self: socket.socket, *arguments: Any) -> Any:
            if self.family in {socket.AF_INET, socket.AF_INET6}:
                _refuse_strangers(arguments[-1][0])
            return real[name](self, *arguments)

        return call

    def guarded_look_up(host: Any, *arguments: Any, **more: Any) -> Any:
        _refuse_strangers(host)
        return look_up(host, *arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        for name in real:
            patch.setattr(socket.socket, name, guarded(name))
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


def _refuse_strangers(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name not in {None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"}:
        raise AssertionError(f"a test tried to reach {name}")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """The worker's database is a copy of the one that was migrated for all."""
    connection.settings_dict["TEST"]["TEMPLATE"] = servers.template() or None


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """At the end, close what threads of tests left open: a database in use can't be dropped."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(autouse=True)
def _forget_moved_clock() -> Iterator[None]:
    """The clock's offset is a row, which goes with the test; what the process remembers of it must go too."""
    clock.forget()
    yield
    clock.forget()


@pytest.fixture
def _defaults(db: None) -> None:
    factories.load_defaults()


@pytest.fixture
def northwind(_defaults: None) -> Organization:
    return factories.organization("Northwind", "premier", "Europe/Berlin")


@pytest.fixture
def contoso(_defaults: None) -> Organization:
    return factories.organization("Contoso", "enterprise", "America/New_York")


@pytest.fixture
def fabrikam(_defaults: None) -> Organization:
    return factories.organization("Fabrikam", "professional", "Australia/Sydney")


@pytest.fixture
def rita(northwind: Organization) -> User:
    """A requester at Northwind, Premier."""
    return factories.member("Rita", northwind)


@pytest.fixture
def tom(northwind: Organization) -> User:
    """Her colleague."""
    return factories.member("Tom", northwind)


@pytest.fixture
def mona(northwind: Organization) -> User:
    """Their organisation's manager."""
    return factories.member("Mona", northwind, Membership.Role.MANAGER)


@pytest.fixture
def sam(contoso: Organization) -> User:
    """A stranger: requester at Contoso, Enterprise."""
    return factories.member("Sam", contoso)


@pytest.fixture
def pia(fabrikam: Organization) -> User:
    return factories.member("Pia", fabrikam)


@pytest.fixture
def fred(_defaults: None) -> User:
    """Verified, without an organisation: Free."""
    return factories.person("fred@hobby.example", "Fred")


@pytest.fixture
def ann(_defaults: None) -> User:
    """An agent in the Americas."""
    return factories.staff("Ann", Role.AGENT, "Americas")


@pytest.fixture
def bo(_defaults: None) -> User:
    """An agent in Europe, Middle East and Africa."""
    return factories.staff("Bo", Role.AGENT, "Europe, Middle East and Africa")


@pytest.fixture
def chi(_defaults: None) -> User:
    """An agent in Asia-Pacific."""
    return factories.staff("Chi", Role.AGENT, "Asia-Pacific")


@pytest.fixture
def lea(_defaults: None) -> User:
    """The support lead."""
    return factories.staff("Lea", Role.LEAD, "Europe, Middle East and Africa")


@pytest.fixture
def sven(_defaults: None) -> User:
    """A SET engineer."""
    return factories.staff("Sven", Role.SET)


@pytest.fixture
def pat(_defaults: None) -> User:
    """Product: a stakeholder."""
    return factories.staff("Pat", Role.PRODUCT)


@pytest.fixture
def cleo(_defaults: None) -> User:
    """Customer Success: a stakeholder who is brought in here and there."""
    return factories.staff("Cleo", Role.CUSTOMER_SUCCESS)


@pytest.fixture
def max(_defaults: None) -> User:
    """An executive: a stakeholder."""
    return factories.staff("Max", Role.EXECUTIVE)


@pytest.fixture
def ada(_defaults: None) -> User:
    """The admin."""
    return factories.staff("Ada", Role.ADMIN)


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """A browser in which the person is signed in; CSRF is checked by the tests that are about it."""

    def make(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def move_clock(db: None) -> Callable[[timedelta], object]:
    return clock.move


@pytest.fixture
def count_queries() -> Callable[[], CaptureQueriesContext]:
    """`with count_queries() as queries: …; len(queries)`"""
    return lambda: CaptureQueriesContext(connection)


def _chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium; without one its tests are skipped with the reason, or fail where REQUIRE_BROWSER=1."""
    path = _chromium()
    if path is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail("Chromium was not found, and REQUIRE_BROWSER=1 asks for it.")
        pytest.skip("Chromium was not found on this machine.")
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop running in this thread
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    flags += ["--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def attachment_folder(settings: Any) -> Path:
    return Path(settings.ATTACHMENT_DIR)
