"""Clocks follow every kind of event that changes what they depend on: by the source, so that no new verb slips by."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tickets.models import EventKind
from tickets.sla.moments import MATTERING, STARTING
from tickets.states import MOVES, Verb

ROOT = Path(__file__).parents[3]
APPS = ("accounts", "tickets", "escalations")
EVENTS = "tickets/events.py"
"""Writes what it is given."""
TERMS_ONLY = {EventKind.RETARGETED}
"""Changes neither a status nor what was given: only the terms."""
NOT_RECORDED = {EventKind.STATUS_CHANGED}
"""Of former versions."""


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef):
                    yield str(path.relative_to(ROOT)), node


def calls_with_a_status() -> Iterator[tuple[str, ast.FunctionDef, ast.Call]]:
    """Where something is recorded that may have changed a ticket's status."""
    for path, function in functions():
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and {"from_status", "to_status"} & {word.arg for word in node.keywords}:
                yield path, function, node


def kinds_in(node: ast.AST) -> set[EventKind]:
    return {
        EventKind[found.attr]
        for found in ast.walk(node)
        if isinstance(found, ast.Attribute) and ast.unparse(found.value) == "EventKind"
    }


def kinds_of(function: ast.FunctionDef, call: ast.Call) -> set[EventKind]:
    """The kinds that a call may record: named in it, or given by the names that the function assigns."""
    names = {arg.id for arg in call.args if isinstance(arg, ast.Name)}
    assigned = [
        kinds_in(node.value)
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and names & {ast.unparse(target) for target in node.targets}
    ]
    return kinds_in(call).union(*assigned)


def test_clocks_follow_whatever_changes_a_status() -> None:
    recorded: set[EventKind] = set()
    for path, function, call in calls_with_a_status():
        if path == EVENTS:
            continue
        kinds = kinds_of(function, call)
        assert kinds, f"{path}:{call.lineno}: which kind is recorded here?"
        assert kinds <= set(MATTERING), f"{path}:{call.lineno}: belongs into MATTERING"
        recorded |= kinds
    values = {EventKind.PRIORITY_CHANGED, EventKind.DO_NOT_CLOSE_CHANGED}
    assert recorded | values | TERMS_ONLY | NOT_RECORDED == set(MATTERING)


def may_move(node: ast.AST) -> bool:
    """Whether this calls `move` with a verb that leads to another status from any."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func) != "move":
        return False
    verb = ast.unparse(node.args[1])
    named = [Verb[verb.removeprefix("Verb.")]] if verb.startswith("Verb.") else list(Verb)
    return any(status != to for one in named for status, to in MOVES[one].items())


def test_a_verb_that_moves_a_ticket_tells_from_where_to_where() -> None:
    """Or else the test above would not see it: itself, or through what it calls."""
    known = {(path, function.name) for path, function, _ in calls_with_a_status()}
    movers = [(path, function) for path, function in functions() if any(map(may_move, ast.walk(function)))]
    assert len(movers) > 8
    for path, function in movers:
        called = [ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)]
        assert {(path, name) for name in (function.name, *called)} & known, f"{path}: {function.name}"


def test_what_may_begin_a_clock_matters() -> None:
    assert set(STARTING) <= set(MATTERING)
    assert {EventKind.PRIORITY_CHANGED, EventKind.DO_NOT_CLOSE_CHANGED} <= set(MATTERING)
