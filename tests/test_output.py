"""Files that ssdb writes: whole or not at all, with the permissions they had, and never in place of what is no file."""

from __future__ import annotations

import os
import resource
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from permissions import NOBODY, without_privileges
from refusing import PROCESSES

from ssdb.cli import main
from ssdb.errors import InputError
from ssdb.io.output import output_file
from ssdb.io.writers import write_columns

ENDINGS = ["parquet", "fits", "fits.gz", "ecsv", "csv", "csv.gz", "vot"]
MANY = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 30000) SELECT n, n * n AS m FROM t"


def _export(url: str, path: Path) -> str:
    """What is told of an export, which fails."""
    result = CliRunner().invoke(main, ["--db", url, "export", "Visit", "-o", str(path)])
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("ssdb: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


# Permissions


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_new_file_may_do_what_the_umask_says(ending: str, sqlite_url: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows.{ending}"
    with _umask(0o027):
        assert CliRunner().invoke(main, ["--db", sqlite_url, "export", "Visit", "-o", str(path)]).exit_code == 0
    assert _mode(path) == 0o640
    with _umask(0o002):
        assert CliRunner().invoke(main, ["--db", sqlite_url, "query", "SELECT 1 a", "-o", f"{path}.csv"]).exit_code == 0
    assert _mode(Path(f"{path}.csv")) == 0o664


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("mode", [0o600, 0o664, 0o640])
def test_a_file_that_is_replaced_keeps_its_mode(ending: str, mode: int, tmp_path: Path) -> None:
    import pyarrow as pa

    path = tmp_path / f"rows.{ending}"
    path.write_bytes(b"older")
    path.chmod(mode)
    os.utime(path, (1, 1))
    write_columns(pa.table({"a": [1]}), path)
    assert _mode(path) == mode
    assert path.read_bytes() != b"older"
    assert path.stat().st_mtime > 1_000_000
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_that_is_replaced_keeps_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"older")
    os.chown(path, 1234, 4321)
    with output_file(path) as part:
        part.write_bytes(b"newer")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of somebody else's")
def test_another_group_than_before_may_do_no_more_than_everybody() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory, path = Path(name), Path(name, "rows.csv")
        directory.chmod(0o777)
        path.write_bytes(b"older")
        path.chmod(0o666)
        os.chown(path, 1234, 4321)
        path.chmod(0o662)
        with without_privileges(), output_file(path) as part:
            part.write_bytes(b"newer")
        assert path.read_bytes() == b"newer"
        assert path.stat().st_uid == NOBODY
        assert _mode(path) == 0o622


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="the system has no extended attributes")
def test_a_file_that_is_replaced_keeps_its_extended_attributes(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"older")
    try:
        os.setxattr(path, "user.origin", b"survey")
    except OSError:
        pytest.skip("the file system has no extended attributes")
    with output_file(path) as part:
        part.write_bytes(b"newer")
    assert os.getxattr(path, "user.origin") == b"survey"


def test_a_file_without_permission_to_write_is_not_replaced() -> None:
    """As `>` would not; that the directory allows it is not the point."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "rows.csv")
        Path(name).chmod(0o777)
        path.write_bytes(b"mine")
        path.chmod(0o444)
        with without_privileges(), pytest.raises(InputError, match=r"rows\.csv is write-protected"), output_file(path):
            pytest.fail("not refused")
        assert path.read_bytes() == b"mine"


def test_other_names_of_a_file_keep_the_old_one_which_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "rows.csv").write_bytes(b"older")
    os.link(tmp_path / "rows.csv", tmp_path / "copy.csv")
    with output_file(tmp_path / "rows.csv") as part:
        part.write_bytes(b"newer")
    assert (tmp_path / "rows.csv").read_bytes() == b"newer"
    assert (tmp_path / "copy.csv").read_bytes() == b"older"
    assert "rows.csv has 2 names" in caplog.text


# What is no file


@pytest.mark.parametrize("target", ["there.parquet", "missing.parquet"])
def test_a_link_is_neither_followed_nor_replaced(target: str, sqlite_url: str, tmp_path: Path) -> None:
    link = tmp_path / "rows.parquet"
    (tmp_path / "there.parquet").write_bytes(b"mine")
    link.symlink_to(target)
    assert f"rows.parquet is a symbolic link to {tmp_path / target}" in _export(sqlite_url, link)
    assert os.readlink(link) == target
    assert (tmp_path / "there.parquet").read_bytes() == b"mine"
    assert not (tmp_path / "missing.parquet").exists()


def test_a_link_that_comes_while_the_file_is_written_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "there.csv").write_bytes(b"mine")
    writing = output_file(tmp_path / "rows.csv")
    writing.__enter__().write_bytes(b"newer")
    (tmp_path / "rows.csv").symlink_to("there.csv")
    with pytest.raises(InputError, match="symbolic link"):
        writing.__exit__(None, None, None)
    assert (tmp_path / "there.csv").read_bytes() == b"mine"
    assert sorted(os.listdir(tmp_path)) == ["rows.csv", "there.csv"]


def test_a_directory_that_is_a_link_is_a_directory(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to("data")
    result = CliRunner().invoke(
        main, ["--db", sqlite_url, "export", "Visit", "-o", str(tmp_path / "link" / "rows.csv")]
    )
    assert result.exit_code == 0, result.output
    assert os.listdir(tmp_path / "data") == ["rows.csv"]


def test_a_pipe_a_socket_and_a_device_stay(sqlite_url: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert "pipe.csv is no file" in _export(sqlite_url, tmp_path / "pipe.csv")
    assert stat.S_ISFIFO((tmp_path / "pipe.csv").lstat().st_mode)
    with closing(socket.socket(socket.AF_UNIX)) as listening, tempfile.TemporaryDirectory() as name:
        listening.bind(f"{name}/s.csv")
        assert "s.csv is no file" in _export(sqlite_url, Path(name, "s.csv"))
    before = os.lstat("/dev/null")
    for path in ("/dev/null", "/dev/full"):
        assert f"{path} is no file: what a pipe is to take is printed by `ssdb query --format csv`" in _export(
            sqlite_url, Path(path)
        )
    assert os.path.samestat(before, os.lstat("/dev/null"))


def test_a_pipe_for_standard_output_is_told_how_to_be_filled(sqlite_url: str) -> None:
    words = [sys.executable, "-m", "ssdb.cli", "--db", sqlite_url, "query", "SELECT 1", "-o", "/dev/stdout"]
    words[1:3] = ["-c", "from ssdb.cli import main; main()"]
    done = subprocess.run([*words, "--format", "csv"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "/dev/stdout is no file" in done.stderr


def test_a_directory_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").mkdir()
    with pytest.raises(InputError, match=r"rows\.csv is a directory"), output_file(tmp_path / "rows.csv"):
        pytest.fail("not refused")


def test_what_cannot_be_replaced_is_told_before_the_database_is_asked(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").symlink_to("elsewhere.csv")
    words = ["--db", "postgresql://127.0.0.1:1/none", "query", "SELECT 1", "-o", str(tmp_path / "rows.csv")]
    assert "symbolic link" in CliRunner().invoke(main, words).stderr


# No room


@pytest.mark.parametrize("ending", ENDINGS)
def test_where_the_file_does_not_fit_the_older_one_stays(ending: str, sqlite_url: str, tmp_path: Path) -> None:
    """By a limit of the process, which raises EFBIG where a full device raises ENOSPC."""
    path = tmp_path / f"rows.{ending}"
    path.write_bytes(b"older")
    with ProcessPoolExecutor(1, PROCESSES) as pool:
        exit_code, stderr = pool.submit(_query_where_little_fits, sqlite_url, path).result()
    assert exit_code == 1, stderr
    assert stderr.startswith(f"ssdb: {path}: cannot be written: ")
    assert stderr.count("\n") == 1, stderr
    assert path.read_bytes() == b"older"
    assert [name for name in os.listdir(tmp_path) if name.startswith(".ssdb")] == []


def _query_where_little_fits(url: str, path: Path) -> tuple[int, str]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    result = CliRunner().invoke(main, ["--db", url, "query", MANY, "-o", str(path)])
    return result.exit_code, result.stderr


def _can_mount() -> bool:
    return (
        shutil.which("unshare") is not None
        and not subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode
    )


QUERIES = """
import os, sys
from pathlib import Path
from click.testing import CliRunner
from ssdb.cli import main
url, sql, disk, *endings = sys.argv[1:]
for ending in endings:
    path = Path(disk, f"rows.{ending}")
    path.write_text("older")
    result = CliRunner().invoke(main, ["--db", url, "query", sql, "-o", str(path)])
    print(result.exit_code, *os.listdir(disk), path.read_text(), result.stderr.rstrip(), sep="|")
    path.unlink()
"""


@pytest.mark.skipif(not _can_mount(), reason="no mounts of its own for a process here")
def test_on_a_full_device_the_older_file_stays(sqlite_url: str, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    program = shlex.join([sys.executable, "-c", QUERIES, sqlite_url, MANY, str(disk), *ENDINGS])
    script = f"mount -t tmpfs -o size=64k none {disk} && {program}"
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=True)
    told = [line.split("|") for line in done.stdout.splitlines()]
    assert [line[:-1] for line in told] == [["1", f"rows.{ending}", "older"] for ending in ENDINGS]
    assert all("No space left" in line[-1] or "Not enough space" in line[-1] for line in told), told


# After a kill

WRITING = """
import sys
from pathlib import Path
from ssdb.io.output import output_file
with output_file(sys.argv[1]) as part:
    part.write_text("half")
    print(part, flush=True)
    sys.stdin.read()
"""


@contextmanager
def _process_that_writes(path: Path) -> Iterator[subprocess.Popen[str]]:
    """One that has written half of a file, and waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITING, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        assert Path(process.stdout.readline().strip()).read_text() == "half"
        yield process
    finally:
        with suppress(OSError):
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            assert stream
            stream.close()


def test_what_a_killed_process_left_is_named_and_removed_by_the_next_one(tmp_path: Path) -> None:
    with _process_that_writes(tmp_path / "rows.csv") as process:
        process.send_signal(signal.SIGKILL)
    (left,) = os.listdir(tmp_path)
    assert left.startswith(f".ssdb-writing-{process.pid}-")
    assert f"ssdb, process {process.pid} on {socket.gethostname()}" in (tmp_path / left / "lock").read_text()
    with output_file(tmp_path / "other.csv") as part:
        part.write_bytes(b"whole")
    assert os.listdir(tmp_path) == ["other.csv"]


def test_what_a_running_process_has_in_hand_is_not_removed(tmp_path: Path) -> None:
    with _process_that_writes(tmp_path / "rows.csv") as process:
        with output_file(tmp_path / "rows.csv") as part:
            part.write_bytes(b"of the second")
        process.communicate("go on")
        assert process.returncode == 0
    assert (tmp_path / "rows.csv").read_text() == "half"
    assert os.listdir(tmp_path) == ["rows.csv"]


def test_an_interrupted_process_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"older")
    with _process_that_writes(tmp_path / "rows.csv") as process:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert os.listdir(tmp_path) == ["rows.csv"]
    assert (tmp_path / "rows.csv").read_bytes() == b"older"


def test_nothing_that_could_be_somebody_elses_is_taken_for_left_behind(tmp_path: Path) -> None:
    """Directories and files of nearly that name, with other things in them, and a link to a directory elsewhere."""
    names = [".ssdb-writing-1-", ".ssdb-writing-notes", ".ssdb-x1y2z3", ".ssdb-export-1-abcdefgh"]
    for name in [*names, ".ssdb-writing-1-mine1234"]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.tex").write_text("mine")
    (tmp_path / ".ssdb-writing-1-file1234").write_text("mine")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "new").mkdir(parents=True)
    (elsewhere / "lock").write_text("")
    (elsewhere / "new" / "rows.csv").write_text("mine")
    (tmp_path / ".ssdb-writing-1-link1234").symlink_to("elsewhere")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    with output_file(tmp_path / "rows.csv") as part:
        part.write_bytes(b"whole")
    (tmp_path / "rows.csv").unlink()
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_without_locks_nothing_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that has none."""
    with _process_that_writes(tmp_path / "rows.csv") as process:
        process.send_signal(signal.SIGKILL)
    left = os.listdir(tmp_path)

    def no_locks(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with output_file(tmp_path / "other.csv") as part:
        part.write_bytes(b"whole")
    assert sorted(os.listdir(tmp_path)) == sorted([*left, "other.csv"])


def test_ten_processes_that_write_the_same_file_leave_one_of_theirs(tmp_path: Path) -> None:
    """Each looks for what others left while these begin and end."""
    code = (
        "import sys\nfrom ssdb.io.output import output_file\n"
        "for n in range(30):\n    with output_file(sys.argv[1]) as part:\n        part.write_text(sys.argv[2] * 1000)\n"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "rows.csv")]
    processes = [subprocess.Popen([*words, str(number)], stderr=subprocess.PIPE, text=True) for number in range(10)]
    assert [process.communicate()[1] for process in processes] == [""] * 10
    assert os.listdir(tmp_path) == ["rows.csv"]
    text = (tmp_path / "rows.csv").read_text()
    assert text == text[0] * 1000


@pytest.fixture(autouse=True)
def _no_core_files() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
