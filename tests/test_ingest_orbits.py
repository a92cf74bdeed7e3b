"""Orbits into the database: what is stored, replaced and left out, whatever the format; on both databases."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import shared_data
from ingesting import at_once, dump, refused, truncated
from orbit_files import (
    CERES,
    HYPERBOLA,
    ONE_OPPOSITION,
    PALLAS,
    changed,
    columns,
    identify,
    mpc_row,
    mpcorb,
    number,
    stored,
)

from ssdb.cli import main
from ssdb.errors import ConfigError, InputError
from ssdb.ingest.orbits import ingest_orbits
from ssdb.io import text_lines
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect

ORBITS = (CERES, PALLAS, ONE_OPPOSITION, HYPERBOLA)
NAMES = (
    "designation",
    "packed_primary_provisional_designation",
    "unpacked_primary_provisional_designation",
)


# ---- what is stored --------------------------------------------------------------------------------------------------


def test_one_row_an_object_under_its_designation(database: Database, tmp_path: Path) -> None:
    report = ingest_orbits(database, mpcorb(tmp_path / "MPCORB.DAT", *ORBITS))
    assert (report.kind, report.rows, report.visits, report.invalid, report.doubts) == ("orbits", 4, 0, 0, ())
    rows = stored(database)
    assert [[rows[name][column] for column in NAMES] for name in ("1", "2", "2015 MQ204", "1I")] == [
        ["1", "00001", "1"],
        ["2", "00002", "2"],
        ["2015 MQ204", "K15MK4Q", "2015 MQ204"],
        ["1I", "0001I", "1I"],
    ]
    assert sorted(row["id"] for row in rows.values()) == [1, 2, 3, 4]


def test_writing_again_gives_the_same_rows(database: Database, tmp_path: Path) -> None:
    path = mpcorb(tmp_path / "MPCORB.DAT", *ORBITS)
    ingest_orbits(database, path)
    before = dump(database)
    assert ingest_orbits(database, path).rows == 4
    assert dump(database) == before


def test_a_new_orbit_replaces_the_whole_row_and_keeps_its_id(database: Database, tmp_path: Path) -> None:
    """A covariance that is not that of the elements beside it would be worse than none."""
    ingest_orbits(database, columns(mpc_row(mpc_orb_jsonb='{"COM": 1}', q_unc=1e-8, h=18.0, earth_moid=0.7)))
    before = stored(database)["2015 MQ204"]
    assert (before["mpc_orb_jsonb"], before["q_unc"]) == ('{"COM": 1}', 1e-8)
    ingest_orbits(database, mpcorb(tmp_path / "new.dat", CERES, changed(ONE_OPPOSITION, 9, "18.55")))
    after = stored(database)
    assert set(after) == {"1", "2015 MQ204"}
    row = after["2015 MQ204"]
    assert (row["id"], row["h"], row["nobs_total"]) == (before["id"], 18.55, 12)
    assert {row[name] for name in ("mpc_orb_jsonb", "q_unc", "earth_moid")} == {None}


def test_a_number_becomes_the_primary_provisional_designation_where_that_is_known(
    database: Database, tmp_path: Path
) -> None:
    number(database, "2", "I02F00A", "A802 FA")
    ingest_orbits(database, mpcorb(tmp_path / "MPCORB.DAT", CERES, PALLAS))
    assert [stored(database)["A802 FA"][name] for name in NAMES] == ["A802 FA", "I02F00A", "A802 FA"]
    assert set(stored(database)) == {"1", "A802 FA"}


def test_a_row_under_the_number_does_not_stay_beside_that_of_the_designation(
    database: Database, tmp_path: Path
) -> None:
    path = mpcorb(tmp_path / "MPCORB.DAT", CERES, PALLAS)
    ingest_orbits(database, path)
    number(database, "2", "I02F00A", "A802 FA")
    ingest_orbits(database, path)
    assert set(stored(database)) == {"1", "A802 FA"}
    ingest_orbits(database, path)
    assert set(stored(database)) == {"1", "A802 FA"}


def test_a_secondary_designation_becomes_the_primary_one(database: Database, tmp_path: Path) -> None:
    path = mpcorb(tmp_path / "MPCORB.DAT", CERES, changed(ONE_OPPOSITION, 1, "K10H23L"))
    ingest_orbits(database, path)
    assert set(stored(database)) == {"1", "2010 HL23"}
    identify(database, "K15MK4Q", "2015 MQ204", "K10H23L", "2010 HL23")
    ingest_orbits(database, path)
    assert set(stored(database)) == {"1", "2015 MQ204"}


def test_a_number_leads_through_a_secondary_designation_to_the_primary_one(database: Database, tmp_path: Path) -> None:
    number(database, "2", "K10H23L", "2010 HL23")
    identify(database, "K15MK4Q", "2015 MQ204", "K10H23L", "2010 HL23")
    ingest_orbits(database, mpcorb(tmp_path / "MPCORB.DAT", CERES, PALLAS))
    assert [stored(database)["2015 MQ204"][name] for name in NAMES] == ["2015 MQ204", "K15MK4Q", "2015 MQ204"]
    assert set(stored(database)) == {"1", "2015 MQ204"}


def test_an_object_under_two_names_in_one_file_is_there_twice(database: Database, tmp_path: Path) -> None:
    number(database, "2", "I02F00A", "A802 FA")
    report = ingest_orbits(database, mpcorb(tmp_path / "a.dat", PALLAS, changed(PALLAS, 1, "I02F00A"), header=""))
    assert (report.rows, report.invalid) == (1, 1)
    assert report.doubts == ("the object is there twice (line 2)",)


def test_the_parts_of_a_long_file_are_one_file(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers of lines, objects that are there twice, the ids: nothing knows where a part ends."""
    lines = [changed(CERES, 1, f"{n:05d}") for n in range(1, 30)]
    lines[10] = "no orbit at all"
    lines[20] = changed(CERES, 1, "00005")
    path = mpcorb(tmp_path / "MPCORB.DAT", *lines)
    ingest_orbits(database, path)
    expected = dump(database)
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM mpc_orbits")
    monkeypatch.setattr(text_lines, "_BYTES_PER_BLOCK", 1000)
    report = ingest_orbits(database, path)
    assert (report.rows, report.invalid) == (27, 2)
    assert report.doubts == (
        "not readable in the columns of MPCORB.DAT (line 16)",
        "the object is there twice (line 26)",
    )
    assert dump(database) == expected


def test_two_at_once_store_both_files(database_url: str, tmp_path: Path) -> None:
    first = mpcorb(tmp_path / "a.dat", CERES, PALLAS)
    second = mpcorb(tmp_path / "b.dat", PALLAS, ONE_OPPOSITION)

    def load(path: Path) -> int:
        database = connect(database_url)
        try:
            return ingest_orbits(database, path).rows
        finally:
            database.close()

    assert at_once([lambda: load(first), lambda: load(second)]) == [2, 2]
    database = connect(database_url)
    assert set(stored(database)) == {"1", "2", "2015 MQ204"}
    database.close()


def test_progress_is_told(database: Database, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    ingest_orbits(
        database, mpcorb(tmp_path / "MPCORB.DAT", *ORBITS), progress=lambda now, of_all: told.append((now, of_all))
    )
    assert sum(now for now, _ in told) == 4


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (changed(CERES, 71, "1.0000000"), "e is 1, where a does not lead to q"),
        (changed(CERES, 71, "-0.100000"), "e is below 0"),
        (changed(CERES, 60, "190.00000"), "i is not within 0 to 180 (deg)"),
        (changed(CERES, 38, "         "), "argperi is unknown"),
        (changed(CERES, 71, "      nan"), "e is unknown"),
        (changed(CERES, 27, "231.5x975"), "not readable in the columns of MPCORB.DAT"),
        (CERES[:60], "not readable in the columns of MPCORB.DAT"),
        (CERES[1:], "not readable in the columns of MPCORB.DAT"),
        (changed(CERES, 21, "K25DV"), "the epoch is not a packed date"),
        (changed(CERES, 21, "K2XBL"), "the epoch is not a packed date"),
        (changed(CERES, 1, "0000I"), "the designation is not a packed one"),
        (changed(CERES, 93, "  3.7656157"), "a and n are not of one orbit"),
    ],
)
def test_a_line_without_a_usable_orbit_is_left_out_and_told(
    sqlite_url: str, tmp_path: Path, line: str, words: str
) -> None:
    """November has no 31st; the shifted line has numbers where none belong."""
    database = connect(sqlite_url)
    report = ingest_orbits(database, mpcorb(tmp_path / "MPCORB.DAT", PALLAS, line, "", ONE_OPPOSITION))
    assert (report.rows, report.invalid, report.doubts) == (2, 1, (f"{words} (line 7)",))
    assert set(stored(database)) == {"2", "2015 MQ204"}
    database.close()


def test_a_file_without_any_usable_orbit_is_refused_with_the_reasons(database: Database, tmp_path: Path) -> None:
    path = mpcorb(tmp_path / "MPCORB.DAT", changed(CERES, 71, "-0.100000"), changed(PALLAS, 60, "190.00000"))
    refused(
        database,
        ingest_orbits,
        path,
        "MPCORB.DAT: there is no usable orbit in it",
        "e is below 0 (line 6)",
        "180 (deg) (line 7)",
    )


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_that_ends_in_its_middle_leaves_nothing(database: Database, tmp_path: Path, compressed: bool) -> None:
    """Of a plain file only the last line can tell: what is whole is there."""
    ingest_orbits(database, columns(mpc_row()))
    lines = [changed(CERES, 1, f"{n:05d}") for n in range(1, 3000)]
    path = mpcorb(tmp_path / "MPCORB.DAT", *lines)
    if not compressed:
        path.write_bytes(path.read_bytes()[:-140])
        assert ingest_orbits(database, path).doubts == ("not readable in the columns of MPCORB.DAT (line 3004)",)
        return
    packed = tmp_path / "MPCORB.DAT.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    refused(database, ingest_orbits, truncated(packed), "MPCORB.DAT.gz", "is it complete?")


def test_nothing_of_a_file_that_fails_late_is_stored(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "_BYTES_PER_BLOCK", 20_000)
    path = tmp_path / "MPCORB.DAT.gz"
    lines = "".join(changed(CERES, 1, f"{n:05d}") + "\n" for n in range(1, 3000))
    content = gzip.compress(lines.encode())
    path.write_bytes(content[:-20])
    told: list[int] = []
    refused(database, ingest_orbits, path, "is it complete?", progress=lambda now, of_all: told.append(now))
    assert sum(told) > 2000


def test_other_files_and_options_are_refused(database: Database, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("orbits of the week\n")
    refused(database, ingest_orbits, text, "notes.txt", "these are not orbits", "it begins with orbits, of, the, week")
    refused(database, ingest_orbits, text, "notes.txt", "no orbit in the columns of MPCORB.DAT", format="mpcorb")
    refused(database, ingest_orbits, tmp_path / "none.dat", "none.dat: there is no such file")
    empty = tmp_path / "empty.dat"
    empty.touch()
    refused(database, ingest_orbits, empty, "empty.dat: the file is empty")
    refused(database, ingest_orbits, {"a": [1.0]}, "these are not orbits", error=InputError)
    refused(database, ingest_orbits, text, "format must be one of", format="astorb", error=ConfigError)
    refused(database, ingest_orbits, {"a": [1.0]}, "from a path", format="mpcorb", error=ConfigError)
    refused(database, ingest_orbits, text, "Sorcha", format="mpcorb", simulated_names=True, error=ConfigError)


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_command_tells_what_it_did(database_url: str, tmp_path: Path) -> None:
    path = mpcorb(tmp_path / "MPCORB.DAT", *ORBITS, "no orbit")
    result = CliRunner().invoke(main, ["--db", database_url, "ingest", "orbits", str(path)])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{path}: 4 orbits: 4 new, 0 changed, 0 unchanged\n"
    assert "not readable in the columns of MPCORB.DAT (line 10)" in result.stderr
    assert "1 rows left out" in result.stderr
    result = CliRunner().invoke(main, ["--db", database_url, "ingest", "orbits", str(path), "--json"])
    assert json.loads(result.stdout)[0]["rows"] == 4
    result = CliRunner().invoke(main, ["--db", database_url, "ingest", "orbits", str(path), "--format", "sorcha"])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)


def test_the_real_file_is_stored_whole(database: Database) -> None:
    report = ingest_orbits(database, shared_data("mpcorb/mpcorb.dat.gz"))
    assert (report.rows, report.invalid) == (22304, 0)
    rows = stored(database)
    assert len(rows) == 22304
    assert {row["epoch_mjd"] for row in rows.values()} == {61000.0}
    assert rows["433"]["packed_primary_provisional_designation"] == "00433"
