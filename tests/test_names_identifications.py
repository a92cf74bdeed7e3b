"""The Minor Planet Center's tables of identifications through ingest into the database and into SsAlias."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import mpc_designation
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from identifications import EROS, EROS_PRIMARY, PACKED, current, numbered
from ingesting import MQ204, at_once, dump, refused, rows, truncated, with_value

from ssdb.errors import InputError
from ssdb.identity.designation import ss_object_id
from ssdb.identity.packed_arrays import pack_numbers
from ssdb.ingest.identifications import ingest_identifications
from ssdb.io.writers import write_columns
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect

PAIRS = (("2010 AB", "2015 MQ204"), ("2015 MQ204", "2015 MQ204"))


def aliases(database: Database) -> dict[str, tuple[int, str]]:
    return {row["alias"]: (row["ssObjectId"], row["kind"]) for row in rows(database, "SsAlias")}


def test_the_columns_tell_which_table_it_is(database: Database) -> None:
    report = ingest_identifications(database, {"id": [7, 8], "more": [1, 2], **current(*PAIRS)})
    assert (report.kind, report.rows, report.left_out) == ("identifications", 2, ("more",))
    ingest_identifications(database, EROS)
    stored = {
        row["unpacked_secondary_provisional_designation"]: row for row in rows(database, "current_identifications")
    }
    assert stored["2010 AB"]["packed_primary_provisional_designation"] == "K15MK4Q"
    assert stored["2010 AB"]["published"] is True
    ((eros),) = rows(database, "numbered_identifications")
    assert (eros["permid"], eros["iau_name"], eros["packed_primary_provisional_designation"]) == (
        "433",
        "Eros",
        "I98P00A",
    )


def test_names_of_every_kind_stand_for_the_primary(database: Database) -> None:
    ingest_identifications(database, current(*PAIRS))
    ingest_identifications(database, numbered(("433", "A898 PA", "Eros"), ("1P", "P/1682 Q1", None)))
    halley = int.from_bytes(b"PG82Q010", "big")
    assert aliases(database) == {
        "2015 MQ204": (MQ204, "provisional"),
        "K15MK4Q": (MQ204, "packed"),
        "2010 AB": (MQ204, "secondary"),
        "K10A00B": (MQ204, "packed"),
        "433": (EROS_PRIMARY, "number"),
        "00433": (EROS_PRIMARY, "packed"),
        "Eros": (EROS_PRIMARY, "name"),
        "A898 PA": (EROS_PRIMARY, "provisional"),
        "I98P00A": (EROS_PRIMARY, "packed"),
        "1P": (halley, "number"),
        "0001P": (halley, "packed"),
        "P/1682 Q1": (halley, "provisional"),
        "PG82Q010": (halley, "packed"),
    }


def test_files_as_the_minor_planet_center_gives_them(database: Database, tmp_path: Path) -> None:
    """CSV from psql (t and f, lists in braces, microseconds) and Parquet (lists, publication numbered 0 to 4)."""
    csv = tmp_path / "current.csv"
    csv.write_text(
        "id,packed_primary_provisional_designation,packed_secondary_provisional_designation,"
        "unpacked_primary_provisional_designation,unpacked_secondary_provisional_designation,"
        "published,identifier_ids,object_type,numbered,created_at,updated_at\n"
        '5,K15MK4Q,K10A00B,2015 MQ204,2010 AB,0,"{a,b}",0,t,2021-01-02 03:04:05.678901,\n'
        "6,K15MK4Q,K15MK4Q,2015 MQ204,2015 MQ204,,{},0,f,,\n"
    )
    ingest_identifications(database, csv)
    by_name = {
        row["unpacked_secondary_provisional_designation"]: row for row in rows(database, "current_identifications")
    }
    first, second = by_name["2010 AB"], by_name["2015 MQ204"]
    assert (first["published"], first["identifier_ids"], first["numbered"]) == (False, "{a,b}", True)
    assert first["created_at"].microsecond == 678901
    assert (second["published"], second["numbered"], second["updated_at"]) == (None, False, None)
    parquet = tmp_path / "current.parquet"
    table = pa.table({**current(*PAIRS), "identifier_ids": [["a"], []], "published": [0, 3]})
    pa.parquet.write_table(table, parquet)
    ingest_identifications(database, parquet)
    assert [row["published"] for row in rows(database, "current_identifications")] == [False, True]
    numbers = tmp_path / "numbered.csv"
    write_columns(pa.table(numbered(("433", "A898 PA", "Eros"))), numbers)
    ingest_identifications(database, numbers)
    assert aliases(database)["00433"] == (EROS_PRIMARY, "packed")


def test_writing_again_gives_the_same_rows(database: Database) -> None:
    for table in (current(*PAIRS), EROS):
        ingest_identifications(database, table)
    before = dump(database)
    for table in (EROS, current(*PAIRS[::-1])):
        ingest_identifications(database, table)
    assert dump(database) == before


def test_new_values_take_the_place_of_old_ones(database: Database) -> None:
    """Also where a key of the new row belongs to another stored row."""
    ingest_identifications(database, numbered(("433", "2010 AB", "Eros"), ("434", "2003 YF26", None)))
    ingest_identifications(database, numbered(("433", "A898 PA", None), ("435", "2003 YF26", "Eros")))
    stored = rows(database, "numbered_identifications")
    found = {(row["permid"], row["unpacked_primary_provisional_designation"], row["iau_name"]) for row in stored}
    assert found == {("433", "A898 PA", None), ("435", "2003 YF26", "Eros")}
    assert aliases(database)["433"] == (EROS_PRIMARY, "number")
    assert aliases(database)["Eros"] == (ss_object_id("K03Y26F"), "name")


@pytest.mark.parametrize("at_first", [current(*PAIRS), current(PAIRS[0])])
def test_names_follow_when_another_designation_becomes_the_primary(database: Database, at_first: dict) -> None:
    ingest_identifications(database, at_first)
    ingest_identifications(database, current(("2015 MQ204", "2010 AB"), ("2010 AB", "2010 AB")))
    expected = {"2015 MQ204": "secondary", "2010 AB": "provisional", "K15MK4Q": "packed", "K10A00B": "packed"}
    assert aliases(database) == {name: (ss_object_id("K10A00B"), kind) for name, kind in expected.items()}


@pytest.mark.parametrize("number_first", [True, False])
def test_a_number_leads_through_a_secondary_designation_to_the_primary(database: Database, number_first: bool) -> None:
    """The two tables are not published at the same moment."""
    tables = [numbered(("433", "2010 AB", "Eros")), current(("2010 AB", "2011 CD5"), ("2011 CD5", "2015 MQ204"))]
    for table in tables if number_first else tables[::-1]:
        ingest_identifications(database, table)
    assert {object_id for object_id, _ in aliases(database).values()} == {MQ204}
    kinds = {name: kind for name, (_, kind) in aliases(database).items() if kind != "packed"}
    assert kinds.pop("2015 MQ204") == "provisional"
    assert kinds == {"433": "number", "Eros": "name", "2010 AB": "secondary", "2011 CD5": "secondary"}


def test_what_has_no_identifier_is_stored_and_has_no_names(database: Database) -> None:
    """A packed form that nobody knows yet must not keep two million other rows out."""
    strange = with_value(
        current(PAIRS[0], ("S/2003 J 2", "S/2003 J 2")), "packed_primary_provisional_designation", 1, "#9"
    )
    strange = with_value(strange, "packed_secondary_provisional_designation", 1, "#9")
    ingest_identifications(database, strange)
    assert len(rows(database, "current_identifications")) == 2
    assert set(aliases(database)) == {"2010 AB", "K10A00B", "2015 MQ204", "K15MK4Q"}


def test_years_before_1925_may_be_written_either_way(database: Database) -> None:
    table = with_value(EROS, "unpacked_primary_provisional_designation", 0, "1898 PA")
    ingest_identifications(database, table)
    assert aliases(database)["A898 PA"] == (EROS_PRIMARY, "provisional")


WRONG = [
    ({"designation": ["433"]}, ["neither", "packed_secondary_provisional_designation", "permid", "designation"]),
    (
        {k: v for k, v in EROS.items() if "packed" not in k},
        ["column packed_primary_provisional_designation", "missing"],
    ),
    (current(PAIRS[0], PAIRS[0]), ["packed_secondary_provisional_designation is there twice", "row 2"]),
    (numbered(("433", "A898 PA", None), ("433", "2010 AB", None)), ["permid is there twice", "row 2"]),
    (numbered(("433", "A898 PA", "X"), ("434", "2010 AB", "X")), ["iau_name is there twice", "row 2"]),
    (with_value(EROS, "permid", 0, None), ["permid is missing", "row 1"]),
    (
        with_value(EROS, "unpacked_primary_provisional_designation", 0, "2010 AB"),
        ["packed and the unpacked primary", "row 1"],
    ),
    (
        with_value(current(*PAIRS), "unpacked_secondary_provisional_designation", 1, "433"),
        ["packed and the unpacked secondary", "row 2"],
    ),
    (current(("2010 AB", "2015 MQ204"), ("2015 MQ204", "2010 AB")), ["2010 AB", "2015 MQ204", "secondary to another"]),
]


def test_what_is_wrong_is_named_and_nothing_is_stored(database: Database, tmp_path: Path) -> None:
    ingest_identifications(database, numbered(("1P", "P/1682 Q1", None)))
    for number, (source, words) in enumerate(WRONG):
        refused(database, ingest_identifications, source, *words, error=InputError)
        path = tmp_path / f"{number}.parquet"
        write_columns(pa.table(source), path)
        refused(database, ingest_identifications, path, *words, error=InputError)
    refused(database, ingest_identifications, truncated(path), str(path), error=InputError)


def test_a_row_that_is_not_usable_need_not_stop_the_others(database: Database) -> None:
    table = current(*PAIRS, ("2011 CD5", "2015 MQ204"))
    for column, text in (("packed_secondary", None), ("unpacked_secondary", "9999 ZZ123456")):
        table[f"{column}_provisional_designation"][2] = text
    refused(database, ingest_identifications, table, "packed_secondary_provisional_designation is missing (row 3)")
    report = ingest_identifications(database, table, skip_invalid=True)
    assert (report.rows, report.invalid, report.new) == (2, 1, 2)
    with_two = aliases(database)
    ingest_identifications(database, current(*PAIRS))
    assert aliases(database) == with_two


def test_two_at_once_end_as_one_after_the_other(postgresql_url: str) -> None:
    with closing(connect(postgresql_url)) as one, closing(connect(postgresql_url)) as other:
        tables = [current(*PAIRS, ("A898 PA", "A898 PA")), EROS]
        results = at_once(
            [lambda: ingest_identifications(one, tables[0]), lambda: ingest_identifications(other, tables[1])]
        )
        assert [result.rows for result in results] == [3, 1]
        assert set(aliases(one)) == {
            "433",
            "00433",
            "Eros",
            *(("A898 PA", "2015 MQ204", "2010 AB")),
            *(PACKED[name] for name in ("A898 PA", "2015 MQ204", "2010 AB")),
        }


@settings(max_examples=50)
@given(st.lists(st.integers(1, 15_396_335), min_size=1))
@example([1, 433, 99_999, 100_000, 619_999, 620_000, 15_396_335])
def test_numbers_are_packed_as_the_library_packs_them(numbers: list[int]) -> None:
    texts = pa.array([str(number) for number in numbers])
    assert pack_numbers(texts).to_pylist() == [mpc_designation.pack_permanent(number) for number in numbers]


def test_what_is_no_number_has_no_packed_form() -> None:
    texts = pa.array(["1P", "73P-BB", "2I", "0", "15396336", "x", "", None], pa.string())
    assert pack_numbers(texts).to_pylist() == ["0001P", "0073Pbb", "0002I", None, None, None, None, None]
