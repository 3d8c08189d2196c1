"""Lock the dependencies of pyproject.toml with hashes, naming no index; --check compares."""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"base": [], "embedded": ["--extra", "embedded"], "dev": ["--extra", "dev"]}


def compile_lock(name: str, to: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "uv", "pip", "compile", "-q", "--generate-hashes", "--no-emit-index-url"]
    command += ["--no-header", "--python-version", "3.11", *LOCKS[name], "pyproject.toml", "-o", str(to)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def main() -> int:
    check = "--check" in sys.argv
    for name in LOCKS:
        lock = ROOT / "requirements" / f"{name}.txt"
        with tempfile.TemporaryDirectory() as folder:
            fresh = Path(folder) / lock.name
            # What is locked now is kept wherever it still fits, so that only edits of pyproject.toml show.
            fresh.write_text(lock.read_text() if check else "")
            result = compile_lock(name, fresh)
            if result.returncode != 0:
                print(f"requirements/{name}.txt could not be compared: {result.stderr.strip().splitlines()[-1]}")
                continue
            if not check:
                lock.write_text(fresh.read_text())
            elif _pins(fresh) != _pins(lock):
                print(f"requirements/{name}.txt is not what pyproject.toml asks for. Run: make lock")
                return 1
    return 0


def _pins(lock: Path) -> set[str]:
    return {line.split(" ")[0] for line in lock.read_text().splitlines() if "==" in line}


if __name__ == "__main__":
    sys.exit(main())
