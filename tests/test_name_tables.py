"""Names: from the tables that the Minor Planet Center has them in now, and from MPCORB.DAT; nothing is guessed."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from identifications import EROS_PRIMARY, current, numbered
from ingesting import predictions, rows, visits
from orbit_files import CERES, ONE_OPPOSITION, PALLAS, changed, columns, mpc_row, mpcorb, stored

from ssdb.cli import main
from ssdb.errors import DesignationError, InputError, NotFoundError
from ssdb.identity.designation import pack, packed_from_id, ss_object_id
from ssdb.identity.packed_arrays import unpack
from ssdb.identity.resolve import resolve
from ssdb.ingest.identifications import ingest_identifications
from ssdb.ingest.orbits import ingest_orbits
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.visits import ingest_visits
from ssdb.store.database import Database

PLANETS = {
    "id": [1, 2, 3],
    "mp_number": ["433", "1931", "999999999"],
    "name": ["Eros", "Čapek", "Beyond"],
    "reference": ["MPC", None, None],
    "discoverers": [None, None, None],
}
COMETS = {
    "name": ["Halley", "PANSTARRS", "PANSTARRS", "Nobody"],
    "packed_primary_provisional_designation": ["PG82Q010", "CK17K020", None, "nonsense"],
    "unpacked_primary_provisional_designation": ["P/1682 Q1", "C/2017 K2", "P/2016 J1", "X"],
    "naming_publication_references": [["a", "b"], None, None, None],
}


UNNAMED = {99941: "1998 AB12", 99942: "A904_BC", 99943: "2040 P-L", 99944: "", 99945: "Beyond the " + "columns" * 6}
"""What stands where the name would be, and is none, or may be cut off."""


def test_minor_planets(database: Database) -> None:
    report = ingest_identifications(database, PLANETS)
    assert (report.kind, report.rows, report.invalid) == ("names", 2, 1)
    assert report.doubts == ("the designation has no packed form (row 3)",)
    assert set(report.left_out) == {"id", "reference", "discoverers"}
    for name in ("Eros", "eros", "EROS"):
        assert (resolve(database, name).designation, resolve(database, name).kind) == ("433", "name")
    assert resolve(database, "ČAPEK").designation == "1931"
    assert "Eros" in resolve(database, "433").names


@pytest.mark.parametrize("names_first", [False, True])
def test_the_names_of_numbered_ones_are_those_of_the_primary(database: Database, names_first: bool) -> None:
    tables = [PLANETS, numbered(("433", "A898 PA", None))]
    for table in tables if names_first else reversed(tables):
        ingest_identifications(database, table)
    assert resolve(database, "Eros").ssObjectId == EROS_PRIMARY
    assert "Eros" in resolve(database, "A898 PA").names


def test_comets(database: Database) -> None:
    report = ingest_identifications(database, COMETS)
    assert (report.kind, report.rows, report.invalid) == ("names", 3, 1)
    assert report.doubts == ("the designation has no packed form (row 4)",)
    assert "naming_publication_references" in report.left_out
    assert resolve(database, "Halley").designation == "P/1682 Q1"
    with pytest.raises(DesignationError, match="2 objects"):
        resolve(database, "PANSTARRS")


def test_as_csv_by_the_command(database_url: str, tmp_path: Path) -> None:
    """Numbers stay text; the MPC's lists come as text in braces."""
    path = tmp_path / "minor_planet_names.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows(
            [["id", "mp_number", "name", "discoverers"], [5, "433", "Eros", "{}"], [6, "719", "Albert", ""]]
        )
    run = CliRunner().invoke(main, ["--db", database_url, "ingest", "identifications", str(path)])
    assert run.exit_code == 0, run.output
    answer = CliRunner().invoke(main, ["--db", database_url, "resolve", "Albert"])
    assert (answer.exit_code, "719" in answer.output) == (0, True)


def test_words_for_no_value_are_no_names(database_url: str, database: Database, tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("mp_number,name\n433,Eros\n719,NULL\n720,None\n721,--\nNULL,Nobody\n")
    for counted in ("1 new, 0 changed, 0 unchanged", "0 new, 0 changed, 1 unchanged"):
        run = CliRunner().invoke(main, ["--db", database_url, "ingest", "identifications", str(path)])
        assert (run.exit_code, run.stdout) == (0, f"{path}: 4 names: {counted}\n")
    assert [row["alias"] for row in rows(database, "SsAlias")] == ["Eros"]
    comets = {"name": ["NULL"], "packed_primary_provisional_designation": ["CK17K020"]}
    ingest_identifications(database, comets)
    assert [row["alias"] for row in rows(database, "SsAlias")] == ["Eros"]


def test_other_tables_are_refused_with_what_would_do(database: Database) -> None:
    with pytest.raises(InputError, match="minor_planet_names") as caught:
        ingest_identifications(database, {"name": ["Eros"], "number": [433]})
    assert "comet_names" in str(caught.value)


# ---- MPCORB.DAT ------------------------------------------------------------------------------------------------------


def test_the_names_of_orbits_answer(database: Database, tmp_path: Path) -> None:
    unnamed = changed(changed(CERES, 1, "00005"), 167, "     (5) 2001 AB12          ")
    old = changed(changed(CERES, 1, "00007"), 167, "     (7) A898 PA            ")
    survey = changed(changed(CERES, 1, "00008"), 167, "     (8) 2040 P-L           ")
    cut = changed(changed(CERES, 1, "00009"), 167, "(9) Abcdefghijklmnopqrstuvwxyz"[:28])
    short = changed(CERES, 1, "00010")[:150]
    lines = (CERES, PALLAS, ONE_OPPOSITION, unnamed, old, survey, cut, short)
    report = ingest_orbits(database, mpcorb(tmp_path / "MPCORB.DAT", *lines))
    assert (report.rows, report.doubts) == (8, ())
    assert {row["alias"]: row["ssObjectId"] for row in rows(database, "SsAlias")} == {
        "Ceres": ss_object_id("00001"),
        "Pallas": ss_object_id("00002"),
    }
    answer = resolve(database, "ceres")
    assert (answer.designation, answer.in_database, answer.names["Ceres"]) == ("1", True, "name")


def test_names_of_lines_without_the_computer(database: Database, tmp_path: Path) -> None:
    """An export that leaves the computer out, so that flags and a bare name come earlier."""
    short = [CERES[:150] + "4000 Ceres", changed(PALLAS, 1, "00433")[:150] + "3804 Eros\r"]
    short.append(changed(CERES, 1, "02309")[:150] + "0000 Mr._Spock")
    unnamed = [changed(CERES, 1, f"{number:05}")[:150] + f"0000 {text}" for number, text in UNNAMED.items()]
    ingest_orbits(database, mpcorb(tmp_path / "MPCORB.DAT", *short, *unnamed, header="Des'n  AbsMag  G    Epoch M\n"))
    assert {row["alias"] for row in rows(database, "SsAlias")} == {"Ceres", "Eros", "Mr. Spock"}
    assert resolve(database, "eros").designation == "433"


def test_names_of_orbits_are_those_of_the_primary(database: Database, tmp_path: Path) -> None:
    ingest_identifications(database, numbered(("1", "2010 AB", None)))
    ingest_orbits(database, mpcorb(tmp_path / "MPCORB.DAT", CERES))
    assert resolve(database, "Ceres").designation == "2010 AB"


def test_predictions_may_have_these_names(database: Database, tmp_path: Path) -> None:
    ingest_orbits(database, mpcorb(tmp_path / "MPCORB.DAT", CERES, PALLAS))
    ingest_visits(database, visits())
    ingest_predictions(database, {"visit": [10], "designation": ["Ceres"], "ephRa": [50.0], "ephDec": [-5.0]})
    assert [row["ssObjectId"] for row in rows(database, "SsPrediction")] == [ss_object_id("00001")]


# ---- designations ----------------------------------------------------------------------------------------------------

EXTENDED = {
    "C/2026 DY620": "C_QD000N",
    "P/2025 DA620": "P_PD0000",
    "A/2027 DZ6190": "A_RD0aEM",
    "2026 CA620": "_QC0000",
}


@pytest.mark.parametrize(("designation", "packed"), EXTENDED.items())
def test_extended_packed_forms(designation: str, packed: str) -> None:
    assert pack(designation) == pack(packed) == (packed, designation)
    assert packed_from_id(ss_object_id(packed)) == packed
    made, ids = unpack(_array(packed))
    assert (made.to_pylist(), ids.tolist()) == ([designation], [ss_object_id(packed)])


def _array(text: str) -> Any:
    import pyarrow as pa

    return pa.array([text])


@pytest.mark.parametrize("text", ["C_QI000N", "B_QD000N", "C_QD000", "C_QD000NN", "c_QD000N", "C_QD00-N"])
def test_what_only_looks_like_one(text: str) -> None:
    with pytest.raises(DesignationError):
        pack(text)


@pytest.mark.parametrize("name", ["k12Tb3c", "K12tB3C", "k15mk4q", "i98p00a"])
def test_small_letters_of_packed_designations_are_other_digits(database: Database, name: str) -> None:
    """Also where the names that are known have it in other letters."""
    ingest_identifications(database, current(("2010 AB", "2015 MQ204")))
    ingest_identifications(database, numbered(("433", "A898 PA", "Eros")))
    with pytest.raises(NotFoundError):
        resolve(database, name)


BAD = {"packed": "CK26D1z0A", "unpacked": "C/2026 D10000"}


def with_bad_row(table: dict[str, Any]) -> dict[str, Any]:
    """Identifications with a row of a primary designation that no identifier can be made from."""
    values = {
        "packed_primary_provisional_designation": BAD["packed"],
        "unpacked_primary_provisional_designation": BAD["unpacked"],
        "packed_secondary_provisional_designation": "K11C05D",
        "unpacked_secondary_provisional_designation": "2011 CD5",
        "permid": "719",
        "iau_name": "Albert",
        "published": 4,
        "object_type": 0,
        "numbered": False,
    }
    return {name: [*column, values[name]] for name, column in table.items()}


@pytest.mark.parametrize("name", ["2011 CD5", "719", "2015 MQ204"])
def test_a_primary_without_a_packed_form_stops_nobody(
    database: Database, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    ingest_identifications(database, with_bad_row(current(("2010 AB", "2015 MQ204"))))
    ingest_identifications(database, with_bad_row(numbered(("433", "A898 PA", "Eros"))))
    ingest_visits(database, visits())
    given = predictions() | {"designation": [name, "433", "2010 AB" if "MQ" not in name else name, "433"]}
    ingest_predictions(database, given)
    assert {row["designation"] for row in rows(database, "SsPrediction")} == {"A898 PA", "2015 MQ204", name}
    ingest_orbits(database, columns(mpc_row(), orbit_of(name)))
    assert name in stored(database)
    assert resolve(database, name).designation == name
    assert resolve(database, "Eros").designation == "A898 PA"
    if "MQ" not in name:
        assert BAD["unpacked"] in caplog.text


def orbit_of(name: str) -> dict[str, Any]:
    return mpc_row(packed_primary_provisional_designation=pack(name)[0], unpacked_primary_provisional_designation=name)


# ---- names that are none ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["ssdb", "sorcha"])
def test_a_name_that_is_none_costs_its_row_where_that_is_wanted(database: Database, tmp_path: Path, form: str) -> None:
    ingest_visits(database, visits())
    given = {"visit": [10] * 4, "designation": ["2015 MQ204", "no name", None, "433"]}
    given |= {"ephRa": [50.0, 50.1, 50.2, 50.5], "ephDec": [-5.0] * 4}
    source: Any = given
    if form == "sorcha":
        source = tmp_path / "s.csv"
        lines = ["ObjID,FieldID,fieldMJD_TAI,RA_deg,Dec_deg"]
        lines += [
            f"{name or ''},10,60000.1,{ra},-5" for name, ra in zip(given["designation"], given["ephRa"], strict=True)
        ]
        source.write_text("\n".join(lines) + "\n")
    with pytest.raises((DesignationError, InputError)):
        ingest_predictions(database, source)
    assert rows(database, "SsPrediction") == []
    report = ingest_predictions(database, source, skip_invalid=True)
    assert (report.rows, report.invalid) == (2, 2)
    assert {row["designation"] for row in rows(database, "SsPrediction")} == {"2015 MQ204", "433"}
    assert "no name" not in {row["alias"] for row in rows(database, "SsAlias")}


def test_an_identifier_of_another_object_costs_its_row_too(database: Database) -> None:
    ingest_visits(database, visits())
    given = {"visit": [10] * 3, "designation": ["2015 MQ204", "433", None], "ssObjectId": [5, ss_object_id("00433"), 7]}
    given |= {"ephRa": [50.0, 50.1, 50.2], "ephDec": [-5.0] * 3}
    report = ingest_predictions(database, given, skip_invalid=True)
    assert (report.rows, report.invalid) == (1, 2)
