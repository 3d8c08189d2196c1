"""What the demo refuses, and what of its processes' chatter it shows."""

import socket
from pathlib import Path

import pytest
import yaml

from supportdesk import demo
from supportdesk.demo_folder import ROOT, Refused, only_one, reset


def test_a_port_in_use_is_refused_with_advice() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Refused, match="Try another"):
            demo.usable_port(str(taken.getsockname()[1]))


@pytest.mark.parametrize("text", ["", "eighty", "-1", "0", "65536"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="PORT"):
        demo.usable_port(text)


def test_one_folder_holds_one_demo(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(Refused, match="Another demo"), only_one(tmp_path):
        pass


def test_reset_deletes_the_demos_folder_and_no_other(tmp_path: Path) -> None:
    mine, other = tmp_path / "demo", tmp_path / "photos"
    other.mkdir()
    mine.mkdir()
    with only_one(mine), pytest.raises(Refused, match="Another demo"):
        reset(mine)
    reset(mine)
    with pytest.raises(Refused, match="left alone"):
        reset(other)
    assert (mine.exists(), other.exists()) == (False, True)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('{"at": "2026-11-23T02:14:05Z", "level": "info", "logger": "x", "message": "routine"}', ""),
        (
            '{"at": "2026-11-23T02:14:05Z", "level": "error", "logger": "x", "message": "broken\\nmore"}',
            "error: broken",
        ),
        ("[2026-11-23 02:14:05 +0000] [1] [INFO] Listening", ""),
        (
            "[2026-11-23 02:14:05 +0000] [1] [ERROR] Worker failed",
            "[2026-11-23 02:14:05 +0000] [1] [ERROR] Worker failed",
        ),
        ('  File "x.py", line 1', ""),
        ("ValueError: no", "ValueError: no"),
    ],
)
def test_the_screen_shows_what_is_worth_it(line: str, shown: str) -> None:
    assert demo.worth_showing(line) == shown


def test_the_demo_runs_what_production_runs(tmp_path: Path) -> None:
    """One process for each service of ours in docker-compose.yml, but for the one that prepares the database."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ours = {name for name, service in services.items() if service.get("build")} - {"migrate"}
    parts = demo._commands(tmp_path, 8000, 2525)
    assert {"paging-worker" if name == "paging" else name for name in parts} == ours
    assert parts["watcher"][-1] == services["watcher"]["command"][-1] == "paging_watch"
