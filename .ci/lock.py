"""Lock the dependencies of pyproject.toml with hashes, for every Python and platform, naming no index.

`--check` tells whether the locks still are what pyproject.toml asks for, keeping every pin that fits.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"base": [], "embedded": ["--extra", "embedded"], "dev": ["--extra", "dev"]}
NETWORK = ("error sending request", "dns error", "Failed to fetch", "Could not connect", "timed out", "tcp connect")


def main() -> int:
    check = "--check" in sys.argv
    return max([_one(name, check) for name in LOCKS])


def _one(name: str, check: bool) -> int:
    lock = ROOT / "requirements" / f"{name}.txt"
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / lock.name
        fresh.write_text(lock.read_text() if check else "")
        result = _compile(name, fresh)
        if result.returncode != 0:
            return _not_compiled(lock, result.stderr.strip(), check)
        if check and _pins(fresh) != _pins(lock):
            differing = sorted(_pins(fresh) ^ _pins(lock))
            print(
                f"requirements/{lock.name} is not what pyproject.toml asks for ({', '.join(differing)}). Run: make lock"
            )
            return 1
        if not check:
            lock.write_text(fresh.read_text())
    return 0


def _compile(name: str, to: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "uv", "pip", "compile", "-q", "--universal", "--python-version", "3.11"]
    command += ["--generate-hashes", "--no-header", *LOCKS[name], "pyproject.toml"]
    return subprocess.run([*command, "-o", str(to)], cwd=ROOT, capture_output=True, text=True, check=False)


def _not_compiled(lock: Path, said: str, check: bool) -> int:
    """Out of reach of an index nothing can be compared, which is said and passes; anything else fails."""
    if check and any(word in said for word in NETWORK):
        print(f"requirements/{lock.name} not compared: no package index could be reached")
        return 0
    print(f"requirements/{lock.name}: {said}")
    return 1


def _pins(lock: Path) -> set[str]:
    return {line.rstrip(" \\") for line in lock.read_text().splitlines() if "==" in line}


if __name__ == "__main__":
    sys.exit(main())
