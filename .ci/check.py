"""`make check`: everything that can be said of the code without running the suite. Each line says what it checked."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
NOWHERE = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
PRODUCTION = NOWHERE | {
    "DESK_ENV": "production",
    "SECRET_KEY": "only-to-look-at-the-settings-" * 2,
    "SITE_URL": "https://support.example.com",
    "ALLOWED_HOSTS": "support.example.com",
    "EMAIL_URL": "smtp://mail.example.com:25",
    "TRUSTED_PROXY_COUNT": "1",
}
MANAGE = [sys.executable, "-W", "ignore", "manage.py"]
CHECKS: list[tuple[str, list[str], dict[str, str]]] = [
    ("lint", [str(BIN / "ruff"), "check", "-q", "."], {}),
    ("format", [str(BIN / "ruff"), "format", "-q", "--check", "."], {}),
    ("types", [str(BIN / "mypy")], {"DESK_ENV": "test", **NOWHERE}),
    ("layers", [str(BIN / "lint-imports")], {}),
    ("migrations", [*MANAGE, "makemigrations", "--check", "--dry-run"], {"DESK_ENV": "test", **NOWHERE}),
    ("deployment", [*MANAGE, "check", "--deploy", "--fail-level", "WARNING"], PRODUCTION),
    ("compose", [sys.executable, ".ci/compose.py"], {}),
    ("locks", [sys.executable, ".ci/lock.py", "--check"], {}),
    ("audit", [sys.executable, ".ci/audit.py"], {}),
]


def main() -> int:
    failed = []
    for name, command, environment in CHECKS:
        env = {**os.environ, **environment}
        result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        said = (result.stdout + result.stderr).strip()
        print(f"{'ok' if result.returncode == 0 else 'FAILED':>6}  {name}")
        if result.returncode != 0:
            failed.append(name)
            print(said)
        elif name in {"audit", "locks"} and said:
            print(f"        {said.splitlines()[-1]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
