"""Files that somebody saves in a copy while it is updated are not lost."""

import sys
from pathlib import Path

import pytest

from .support import run

# Each update runs in a fork in which something is saved at the n-th step, as counted by an audit hook.
PROGRAM = """
import contextlib, errno, io, json, os, shutil, sys
from pathlib import Path
from posthog_mcp_store.vendor._commands import main

HOW, copy, DONE, REFUSED, EDITED = sys.argv[1], Path(sys.argv[2]), 0, 1, 4
PRISTINE = copy.parent.parent / "pristine"
STEPS = ("open", "os.", "ctypes.", "shutil.")
MINE = "mine = 1\\n"

def save(path):
    path.write_text(MINE)

def save_by_renaming(path):
    path.with_name(".saving").write_text(MINE)
    path.with_name(".saving").replace(path)

def save_new(path):
    path.parent.mkdir(exist_ok=True)
    path.with_name("mine.py").write_text(MINE)

def save_another_copy(path):
    shutil.move(copy, copy.parent.parent / "theirs")
    copy.mkdir()
    (copy / "mine.py").write_text(MINE)

def updated(n, saving):
    done, busy = [], []
    def hook(event, arguments):
        if busy or not event.startswith(STEPS):
            return
        done.append(event)
        if len(done) == n:
            busy.append(True)
            try:
                saving(copy / "_store.py")
            except FileNotFoundError:
                os._exit(99)  # They see that nothing was saved.
            busy.pop()
        if event == "ctypes.dlsym" and HOW != "swapped":
            raise AttributeError(event)
        if event == "os.rename" and HOW == "by files" and os.fsdecode(arguments[0]) == str(copy):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
    sys.addaudithook(hook)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = main(["--update", "--without", "testing", str(copy)])
    return status, len(done), done.index("ctypes.dlsym") if "ctypes.dlsym" in done else 0, said.getvalue()

def forked(n, saving):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, json.dumps(updated(n, saving)).encode())
        os._exit(0)
    os.close(writing)
    _, ended = os.waitpid(child, 0)
    with os.fdopen(reading) as told:
        return json.loads(told.read()) if os.waitstatus_to_exitcode(ended) == 0 else None

def begin_anew():
    for path in copy.parent.iterdir():
        shutil.rmtree(path)
    shutil.rmtree(copy.parent.parent / "theirs", ignore_errors=True)
    shutil.copytree(PRISTINE, copy)

def is_saved():
    return any(path.read_text() == MINE for path in (copy / "_store.py", copy / "mine.py") if path.exists())

shutil.copytree(copy, PRISTINE)
for _ in range(2):
    begin_anew()
    status, steps, swapping, said = forked(0, save)
    assert status == DONE, said
WAYS = [save, save_by_renaming, save_new, save_another_copy]
outcomes = {"updated": 0, "left": 0, "kept": 0, "undone": 0}
after = range(swapping + 6, steps, (steps - swapping) // 9)
moments = {*range(1, swapping, swapping // 3), *range(swapping - 1, swapping + 6), *after}
for number, moment in enumerate(sorted(moments)):
    for saving in WAYS if 0 <= moment - swapping < 6 else [WAYS[number % len(WAYS)]]:
        begin_anew()
        told = forked(moment, saving)
        if told is None:
            outcomes["undone"] += 1
            continue
        status, said = told[0], told[-1]
        case = (moment, saving.__name__, status, said)
        assert status in (DONE, EDITED) or (status == REFUSED and saving is save_another_copy), case
        kept = [*copy.parent.glob(".mcp_store.*"), *copy.glob(".mcp_store.*")]
        assert [path for path in kept if f" is in {path}" not in said] == [], case
        assert is_saved(), case
        outcomes["kept" if kept else "updated" if status == DONE else "left"] += 1
print(json.dumps(outcomes))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it knows the steps by a call that only Linux has")
@pytest.mark.parametrize("how", ["swapped", "in two steps", "by files"])
def test_files_saved_while_a_copy_is_updated_are_not_lost(small: Path, small_copy: Path, how: str) -> None:
    outcomes = run("-c", PROGRAM, how, str(small_copy), path=small).stdout

    # Both were seen, so edits came before the step that counts, and after it.
    assert '"updated": 0' not in outcomes
    assert '"left": 0' not in outcomes
