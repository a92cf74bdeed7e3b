"""Orbits as text: whatever stands between values, and comments before the names of the columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from orbit_files import mpc_row
from test_ingest_orbits_sorcha import cometary

import ssdb
from ssdb.errors import InputError

ROWS = {"mpc_orbits": mpc_row(h=18.5), "sorcha": cometary("2015_MQ204")}


def written(path: Path, row: dict[str, Any], separator: str, before: str = "") -> Path:
    lines = (separator.join(map(str, line)) for line in (row.keys(), row.values()))
    path.write_text(before + "".join(f"{line}\n" for line in lines))
    return path


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("comments", ["", "# made by hand\n#\n"])
@pytest.mark.parametrize(
    ("separator", "ending"), [(",", "csv"), (";", "csv"), ("\t", "tsv"), ("\t", "txt"), ("|", "dat")]
)
def test_any_separator(tmp_path: Path, kind: str, comments: str, separator: str, ending: str) -> None:
    with ssdb.connect() as database:
        report = ssdb.ingest_orbits(database, written(tmp_path / f"o.{ending}", ROWS[kind], separator, comments))
        assert (report.rows, report.invalid) == (1, 0)
        query = ssdb.query(database, "SELECT designation, e FROM mpc_orbits")
    assert query.rows == [("2015 MQ204", pytest.approx(ROWS[kind]["e"]))]


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("before", ["#", "# "])
def test_names_in_a_comment_are_told(tmp_path: Path, kind: str, before: str) -> None:
    path = written(tmp_path / "o.csv", ROWS[kind], ",", f"# made by hand\n{before}")
    with (
        ssdb.connect() as database,
        pytest.raises(InputError, match="names of its columns are in a comment: take the #"),
    ):
        ssdb.ingest_orbits(database, path)


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("mark", ["#", ";"])
def test_a_comment_below_the_names_is_told_with_its_line(tmp_path: Path, kind: str, mark: str) -> None:
    path = written(tmp_path / "o.csv", ROWS[kind], ",")
    path.write_text(path.read_text() + f"{mark} the end\n")
    with ssdb.connect() as database:
        report = ssdb.ingest_orbits(database, path)
    assert (report.rows, report.invalid) == (1, 1)
    number = "row 2" if kind == "mpc_orbits" else "line 3"
    assert report.doubts == (f"there are not {len(ROWS[kind])} values ({number})",)


@pytest.mark.parametrize("word", ["--", "<NA>", "N/A", "NULL", "None", r"\N", "nan"])
def test_a_word_for_no_value_costs_no_orbit(tmp_path: Path, word: str) -> None:
    path = written(tmp_path / "o.csv", mpc_row(h=word, a=word, u_param=word, arc_length_total=word), ",")
    with ssdb.connect() as database:
        report = ssdb.ingest_orbits(database, path)
        query = ssdb.query(database, "SELECT h, a, u_param, arc_length_total FROM mpc_orbits")
    assert (report.rows, report.doubts) == (1, ())
    assert query.rows == [(None,) * 4]


@pytest.mark.parametrize("content", [b"XXXX\0\1garbagePAR1", b"hello,1\n2,3\n", b""], ids=["damaged", "text", "empty"])
def test_a_file_named_parquet_that_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "orbits.parquet"
    path.write_bytes(content)
    with (
        ssdb.connect() as database,
        pytest.raises(InputError, match=r"cannot be read as Parquet, is it complete|is empty"),
    ):
        ssdb.ingest_orbits(database, path)
