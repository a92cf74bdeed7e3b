"""The folder of arrays that are kept: what is lost or damaged is made again, and nothing of others is removed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from permissions import without_privileges

from ssdb.io.kept_arrays import MOST, KeptArrays
from ssdb.units import Columns

ARRAYS: Columns = {
    "row": np.arange(500, dtype=np.int32),
    "place": np.linspace(0.0, 1.0, 900).reshape(300, 3),
    "none": np.empty((0, 6)),
    "state": np.array("abc"),
}


def same(found: Columns) -> bool:
    return set(found) == set(ARRAYS) and all((found[name] == values).all() for name, values in ARRAYS.items())


def test_the_latest_of_each_kind_stay(tmp_path: Path) -> None:
    kept = KeptArrays(tmp_path)
    for number in range(MOST + 3):
        found = kept.get("night", str(number), lambda number=number: {"row": np.arange(number + 1)})
        assert len(found["row"]) == number + 1
        os.utime(tmp_path / f"night-{number}", (number, number))
    kept.get("month", "1", lambda: {"row": np.arange(3)})
    assert len(list(tmp_path.glob("night-*"))) == MOST
    assert not list(tmp_path.glob(".ssdb-*"))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "lost": lambda file: file.unlink(),
    "empty": lambda file: os.truncate(file, 0),
    "cut in the header": lambda file: os.truncate(file, 40),
    "cut": lambda file: os.truncate(file, file.stat().st_size - 1),
    "zeros": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "of another shape": lambda file: np.save(file, ARRAYS["place"].reshape(3, 300)),
    "of another type": lambda file: np.save(file, ARRAYS["place"].astype(np.float32)),
    "objects": lambda file: np.save(file, np.array([None]), allow_pickle=True),
    "text": lambda file: file.write_text("place"),
    "an archive": lambda file: file.write_bytes(b"PK\x03\x04"),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
    "a link to itself": lambda file: (file.unlink(), file.symlink_to(file)),
    "all gone": lambda file: [one.unlink() for one in file.parent.iterdir()],
    "without contents": lambda file: (file.parent / "ssdb.json").unlink(),
    "contents cut": lambda file: os.truncate(file.parent / "ssdb.json", 5),
    "other contents": lambda file: (file.parent / "ssdb.json").write_text("[1, 2]"),
    "no contents": lambda file: (file.parent / "ssdb.json").write_text("{}"),
    "a file where the folder was": lambda file: (file.parent.rename(f"{file.parent}x"), file.parent.write_text("x")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_made_again(tmp_path: Path, damage: str) -> None:
    made = []

    def make() -> Columns:
        made.append(1)
        return ARRAYS

    for _ in range(2):
        assert same(KeptArrays(tmp_path).get("night", "1", make))
    assert len(made) == 1
    DAMAGES[damage](tmp_path / "night-1" / "place.npy")
    for _ in range(2):
        assert same(KeptArrays(tmp_path).get("night", "1", make))
    assert len(made) == 2


def test_folders_of_others_stay(tmp_path: Path) -> None:
    """A user may name a folder that has something else in it, whatever it is called."""
    for number in range(9):
        folder = tmp_path / f"night-{number}0250101"
        folder.mkdir()
        (folder / "image.npy").write_text("mine")
        (tmp_path / f"night-{number}.log").write_text("mine")
    mixed = tmp_path / "night-7"
    KeptArrays(tmp_path).get("night", "7", lambda: ARRAYS)
    (mixed / "notes.txt").write_text("mine")
    os.utime(mixed, (1, 1))
    for number in range(10, 20):
        KeptArrays(tmp_path).get("night", str(number), lambda: ARRAYS)
    KeptArrays(tmp_path).forget("night", "7")
    assert len(list(tmp_path.glob("night-?0250101/image.npy"))) == len(list(tmp_path.glob("night-?.log"))) == 9
    assert (mixed / "notes.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_read() -> None:
    """It may be that of somebody else, or of a whole group."""
    with tempfile.TemporaryDirectory() as open_to_all:
        Path(open_to_all).chmod(0o755)
        folder = Path(open_to_all) / "kept"
        KeptArrays(folder).get("night", "1", lambda: ARRAYS)
        folder.chmod(0o555)
        with without_privileges():
            kept = KeptArrays(folder)
            assert same(kept.get("night", "1", lambda: {}))
            assert kept.get("night", "2", lambda: {"row": np.ones(3)})["row"].sum() == 3.0
            kept.forget("night", "1")
        folder.chmod(0o755)
        assert [one.name for one in folder.iterdir()] == ["night-1"]
        assert same(KeptArrays(folder).get("night", "1", lambda: {}))


FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from ssdb.io.kept_arrays import KeptArrays
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
kept = KeptArrays(Path(sys.argv[1]))
small = kept.get("night", "1", lambda: {"row": np.arange(500)})
print(len(small["row"]), len(kept.get("night", "2", lambda: {"row": np.arange(90_000)})["row"]))
"""


def test_on_a_full_device_nothing_is_kept(tmp_path: Path) -> None:
    """By a limit of the process, which raises EFBIG where a full device raises ENOSPC."""
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("500 90000\n", "")
    assert [one.name for one in tmp_path.iterdir()] == ["night-1"]


AT_ONCE = """
import sys, time
from pathlib import Path
import numpy as np
from ssdb.io.kept_arrays import KeptArrays
kept, number = KeptArrays(Path(sys.argv[1])), int(sys.argv[2])
print("begun", flush=True)
until = time.monotonic() + 1.0
n = 0
while time.monotonic() < until or number < 0:
    found = kept.get("night", str(n % 3), lambda: {"row": np.full(20_000, n % 3), "height": np.full(20_000, n % 3)})
    assert (found["row"] == n % 3).all() and (found["height"] == n % 3).all()
    n += 1
    if n % 5 == number % 5:
        kept.forget("night", str(n % 3))
print(n)
"""


def test_processes_make_the_same_at_once_and_one_is_killed(tmp_path: Path) -> None:
    def start(number: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", AT_ONCE, tmp_path, str(number)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    killed, *others = [start(number) for number in (-1, 1, 2)]
    for one in (killed, *others):
        assert one.stdout is not None
        assert one.stdout.readline() == "begun\n"
    time.sleep(0.3)
    killed.kill()
    killed.communicate()
    for one in others:
        out, told = one.communicate(timeout=60)
        assert one.returncode == 0, told
        assert int(out) > 10
    KeptArrays(tmp_path).get("month", "1", lambda: ARRAYS)  # removes what the one that was killed has left
    assert {one.name.partition("-")[0] for one in tmp_path.iterdir()} <= {"night", "month"}
    contents = json.loads((tmp_path / "month-1" / "ssdb.json").read_text())
    assert contents["place"] == ["<f8", [300, 3]]
