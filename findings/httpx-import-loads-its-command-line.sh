#!/usr/bin/env bash
# `import httpx` loads httpx's own command line, and with it click, pygments and rich, in every program in whose
# environment these three are installed for any reason, not only after `pip install httpx[cli]`. Importing httpx then
# takes two thirds longer. The successor httpx2 does not.
#
# Packages: httpx 0.28.1 and its successor httpx2 2.16.2; click 8.5.1, pygments 2.20.0, rich 15.0.0.
# Seen:     httpx loads ['click', 'pygments', 'rich'], 0.062 s without them, 0.104 s with them
#           httpx2 loads []
# Matters:  to command lines and serverless functions, whose start-up counts: a tool with rich and click pays for httpx's
#           command line too. Without click, as with typer 0.26 and later, httpx leaves it alone.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check \
  "httpx==0.28.1" "httpx2==2.16.2" "click==8.5.1" "pygments==2.20.0" "rich==15.0.0" 2>/dev/null
"$place/venv/bin/python" - <<'PYTHON'
import statistics
import subprocess
import sys

PROGRAM = """
import sys, time
if {hidden!r}:
    sys.modules["click"] = None
began = time.perf_counter()
import {library}
print(time.perf_counter() - began, *sorted({{"click", "pygments", "rich"}} & set(sys.modules) if not {hidden!r} else ()))
"""


def imported(library: str, *, hidden: bool) -> tuple[float, list[str]]:
    """Seconds, the median of several processes, and what was loaded."""
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM.format(library=library, hidden=hidden)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for _ in range(7)
    ]
    return statistics.median(float(words[0]) for words in outputs), outputs[-1][1:]


with_them, loaded = imported("httpx", hidden=False)
without, _ = imported("httpx", hidden=True)
print(f"httpx loads {loaded}, {without:.3f} s without them, {with_them:.3f} s with them")
_, of_successor = imported("httpx2", hidden=False)
print(f"httpx2 loads {of_successor}")
sys.exit(0 if loaded == ["click", "pygments", "rich"] and with_them > without and not of_successor else 1)
PYTHON
