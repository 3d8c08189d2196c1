"""Known vulnerabilities of the locked dependencies; a finding fails, an advisory service out of reach is said aloud."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    lock = str(ROOT / "requirements" / "base.txt")
    result = subprocess.run([*command, "-r", lock, "--timeout", "10"], capture_output=True, text=True, check=False)
    if result.returncode == 0:
        print("no known vulnerability")
        return 0
    if "Found" in result.stderr and "vulnerabilit" in result.stderr:
        print(result.stdout)
        return 1
    print("not audited: the advisory service could not be reached")
    return 0


if __name__ == "__main__":
    sys.exit(main())
