"""The storm in small: a hundred tickets in a few seconds, engines killed, a provider that refuses and loses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.flow

ROOT = Path(__file__).resolve().parent.parent.parent
SMALL = ["--tickets", "100", "--seconds", "8", "--lease", "5", "--quiet", "6", "--quick", "--count-only"]


@pytest.mark.parametrize("how", [[], ["--standby-only"]], ids=["with Celery", "without Valkey and workers"])
def test_no_page_is_lost_and_none_is_repeated_needlessly(how: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE", "REDIS"))}
    command = [sys.executable, "-m", "bench.paging_storm", *SMALL, *how]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 of 100 | holds" in done.stdout
