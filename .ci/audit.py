"""Known vulnerabilities of everything locked: a finding fails; what can't be asked about is said aloud and passes."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "dev.txt"  # holds the other two
NETWORK = ("ConnectionError", "ServiceError", "ConnectTimeout", "ReadTimeout", "Max retries", "timed out", "resolve")


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    command += ["-r", str(LOCK), "--timeout", "10", "--format", "json"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        dependencies = json.loads(result.stdout)["dependencies"]
    except (ValueError, KeyError):
        return _failed(result.stderr)
    findings = [f"{one['name']} {one['version']}: {_named(one)}" for one in dependencies if one.get("vulns")]
    skipped = sum("skip_reason" in one for one in dependencies)
    print("\n".join(findings), end="\n" if findings else "")
    print(f"{len(dependencies) - skipped} of {len(dependencies)} packages audited, {len(findings)} vulnerable", end="")
    print(f"; the advisory service here knows nothing of the other {skipped}" if skipped else "")
    return 1 if findings else 0


def _named(dependency: dict) -> str:
    return ", ".join(f"{one['id']} (fixed in {' or '.join(one['fix_versions']) or '?'})" for one in dependency["vulns"])


def _failed(said: str) -> int:
    """An unreachable service is no vulnerability; an audit that broke for any other reason is a failure."""
    if any(word in said for word in NETWORK):
        print("not audited: the advisory service could not be reached")
        return 0
    print(said)
    return 1


if __name__ == "__main__":
    sys.exit(main())
