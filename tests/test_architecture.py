"""The architecture is a test: layers, purity, one writer of a status, scoped reads in doors."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("supportdesk", "accounts", "tickets", "escalations")
PURE = [
    "tickets/states.py",
    "tickets/routing.py",
    "tickets/pictures.py",
    "tickets/mail/parsed.py",
    "tickets/mail/remarks.py",
    "tickets/mail/parse/__init__.py",
    "tickets/mail/parse/automatic.py",
    "tickets/mail/parse/bodies.py",
    "tickets/mail/parse/charsets.py",
    "tickets/mail/parse/clean.py",
    "tickets/mail/parse/files.py",
    "tickets/mail/parse/html_quotes.py",
    "tickets/mail/parse/invitations.py",
    "tickets/mail/parse/message.py",
    "tickets/mail/parse/quotes.py",
    "tickets/mail/parse/reports.py",
    "tickets/mail/parse/tnef.py",
    "tickets/mail/parse/tree.py",
    "tickets/mail/parse/words.py",
    "tickets/sla/calendar.py",
    "tickets/sla/clocks.py",
    "tickets/sla/holidays.py",
    "tickets/sla/promises.py",
    "tickets/sla/replay.py",
    "tickets/sla/terms.py",
    "tickets/sla/week.py",
    "escalations/paging/rotation.py",
    "escalations/paging/decide.py",
    "escalations/paging/drafts.py",
    "escalations/paging/gap_runs.py",
    "escalations/engineering/code_hosts/__init__.py",
    "escalations/engineering/code_hosts/addresses.py",
    "escalations/engineering/code_hosts/github.py",
    "escalations/engineering/code_hosts/gitlab.py",
    "escalations/engineering/code_hosts/news.py",
]
DOORS = re.compile(r"(views|api|tasks|admin|management)(/|\.py$|_)")


def sources(*packages: str) -> Iterator[tuple[str, ast.Module]]:
    for package in packages or PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_one_line_assigns_a_tickets_status() -> None:
    writers = [
        f"{path}:{node.lineno}"
        for path, tree in sources("tickets", "escalations", "accounts")
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AugAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Attribute) and target.attr == "status"
    ]
    assert len(writers) == 1, writers
    assert writers[0].startswith("tickets/actions/moves.py")


def test_no_bulk_update_writes_a_tickets_status() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, tree in sources("tickets", "escalations", "accounts")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"update", "setattr"}
        and any(keyword.arg == "status" for keyword in node.keywords)
    ]
    assert not found, found


@pytest.mark.parametrize("path", PURE)
def test_pure_modules_know_neither_django_nor_the_apps(path: str) -> None:
    known = ("django", "accounts", "tickets", "escalations", "celery", "supportdesk")
    siblings = ("tickets.states", "tickets.sla", "escalations.paging.rotation", "escalations.paging.decide")
    siblings += ("tickets.mail.parse", "tickets.mail.remarks", "tickets.mail.reply_line")
    siblings += ("escalations.engineering.code_hosts",)
    found = [
        name
        for name in imports(ast.parse((ROOT / path).read_text()))
        if name.split(".")[0] in known and not name.startswith(siblings)
    ]
    assert not found, found


def test_only_doors_read_the_clock() -> None:
    found = [
        path
        for path, tree in sources("tickets", "escalations", "accounts")
        if "/actions" in path or path in PURE
        for name in imports(tree)
        if name == "supportdesk.lib.clock"
    ]
    assert not found, found


def test_doors_start_every_read_from_who_is_asking() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, tree in sources("tickets", "escalations", "accounts")
        if DOORS.search(path) and "/management/" not in path
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("Ticket.objects.all", "Message.objects.all"))
    ]
    assert not found, found


def test_migrations_import_no_application_code() -> None:
    found = [
        f"{path}: {name}"
        for path, tree in sources()
        if "/migrations/" in path
        for name in imports(tree)
        if name.split(".")[0] in PACKAGES
    ]
    assert not found, found


def test_every_wiring_module_is_named_in_the_layers() -> None:
    contracts = (ROOT / "pyproject.toml").read_text()
    modules = {path.stem for path in (ROOT / "supportdesk").glob("*.py")} - {"__init__"}
    assert not [name for name in modules if f"supportdesk.{name}" not in contracts]
    assert (ROOT / "supportdesk" / "__init__.py").read_text() == ""


def test_functions_fit_a_screen_and_modules_a_sitting() -> None:
    long_functions = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in sources()
        if "/migrations/" not in path
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 40
    ]
    long_modules = [
        path
        for path, _ in sources()
        if "/migrations/" not in path and len((ROOT / path).read_text().splitlines()) > 400
    ]
    assert not long_functions, long_functions
    assert not long_modules, long_modules


@pytest.mark.parametrize("folder", ["browser", "flows"])
def test_browser_tests_wait_for_what_they_assert(folder: str) -> None:
    """A click doesn't wait for the page it leads to: `expect` looks again until it holds, an `assert` looks once."""
    reads = {"is_visible", "is_hidden", "is_checked", "is_enabled", "input_value", "inner_text", "text_content"}
    reads |= {"all_inner_texts", "get_attribute"}
    found = [
        f"{path.name}:{node.lineno}"
        for path in sorted((ROOT / "tests" / folder).glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assert)
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in reads
    ]
    assert not found, found
