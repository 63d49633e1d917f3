"""Every drill, or the named ones, one after the other; ends with 1 if one of them does not hold. `python3 drills/all.py repair limits`"""

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# In the order of what an operator does.
NAMES = [
    "install",
    "upgrade",
    "monitoring",
    "operators",
    "usage",
    "limits",
    "runs",
    "openapi",
    "configuration",
    "repair",
    "mail",
    "protection",
]


def main():
    wanted = sys.argv[1:] or NAMES
    if unknown := set(wanted) - set(NAMES):
        sys.exit(f"there is no drill {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    outcomes = []
    for name in wanted:
        begun = time.monotonic()
        code = subprocess.run([sys.executable, HERE / f"{name}.py"], check=False).returncode
        outcomes.append((name, code, time.monotonic() - begun))
        print(flush=True)
    for name, code, seconds in outcomes:
        print(f"{name:16} {'held' if code == 0 else 'DID NOT HOLD':14} {seconds:5.1f} s")
    return 1 if any(code for _, code, _ in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
