"""Figures beside their targets, as a Markdown table, and the machine they were measured on."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from django.db import connection


@dataclass(frozen=True)
class Figure:
    """One line of the table; without `holds` it is told for information only."""

    what: str
    target: str
    measured: str
    holds: bool | None = None

    @property
    def verdict(self) -> str:
        return "" if self.holds is None else "holds" if self.holds else "**misses**"


def table(figures: list[Figure]) -> str:
    lines = ["| what | target | measured | verdict |", "| --- | --- | --- | --- |"]
    lines += [f"| {one.what} | {one.target} | {one.measured} | {one.verdict} |" for one in figures]
    return "\n".join(lines)


def machine(load_before: float) -> str:
    """Cores, versions, and how busy the machine was with other things before."""
    parts = {
        "cores": f"{os.cpu_count()} ({_cpu()})",
        "Python": platform.python_version(),
        "PostgreSQL": _postgres(),
        **{name: version(name) for name in ("Django", "gunicorn", "celery")},
        "load average before": f"{load_before:.2f}",
    }
    return ", ".join(f"{name} {value}" for name, value in parts.items())


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _postgres() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return str(cursor.fetchone()[0])
