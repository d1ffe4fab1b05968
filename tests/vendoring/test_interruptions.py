"""An update that is interrupted anywhere leaves the old copy or the new one."""

import sys
from pathlib import Path

import pytest

from .support import run

# Each update runs in a fork that is interrupted just before its n-th step, as counted by an audit hook.
PROGRAM = """
import contextlib, io, json, os, sys
from pathlib import Path
from posthog_mcp_store.vendor._commands import main

HOW, copy, DONE, KILLED = sys.argv[1], Path(sys.argv[2]), 0, 9
STEPS = ("open", "os.", "ctypes.")

def updated(n):
    done = []
    def hook(event, arguments):
        if event.startswith(STEPS):
            done.append(event)
            if len(done) == n and HOW == "kill":
                os._exit(KILLED)
            if len(done) == n:
                raise KeyboardInterrupt if HOW == "Ctrl-C" else OSError("the disk is full")
    sys.addaudithook(hook)
    try:
        status = main(["--update", "--without", "testing", str(copy)])
    except KeyboardInterrupt:
        status = 130
    return status, len(done), done.index("ctypes.dlsym") + 1 if "ctypes.dlsym" in done else 0

def is_new():
    return json.loads((copy / "MANIFEST.json").read_text())["without"] == ["testing"]

def forked(n):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            told = updated(n)
        os.write(writing, json.dumps(told).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as told:
        return json.loads(told.read() or "[9, 0, 0]")

def quietly(*arguments):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert main([*arguments, str(copy)]) == DONE, (arguments, said.getvalue())

# Twice, for what Python loads late would count as steps of the first.
for _ in range(2):
    status, steps, swapping = forked(0)
    quietly("--update", "--without", "nothing")
assert status == DONE and 100 < swapping < steps, (status, steps, swapping)
outcomes = {"old": 0, "new": 0}
for moment in sorted({*range(1, steps, steps // 15), *range(swapping - 4, swapping + 5)}):
    quietly("--update", "--without", "nothing")
    status, _, _ = forked(moment)
    quietly("--check")
    outcomes["new" if is_new() else "old"] += 1
    beside = [path for path in copy.parent.iterdir() if path != copy]
    assert all(path.name.startswith(".mcp_store.") for path in beside), beside
    if HOW != "kill" and moment < swapping:
        assert beside == [], (moment, beside)
    if HOW == "error":
        assert status == (DONE if is_new() else 1), (moment, status)
print(json.dumps(outcomes))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing swaps two directories in one step")
@pytest.mark.parametrize("how", ["kill", "Ctrl-C", "error"])
def test_an_interrupted_update_leaves_the_old_copy_or_the_new_one(small: Path, small_copy: Path, how: str) -> None:
    outcomes = run("-c", PROGRAM, how, str(small_copy), path=small).stdout

    # Both were seen, so the interruptions came before the step that counts, and after it.
    assert '"old": 0' not in outcomes
    assert '"new": 0' not in outcomes
