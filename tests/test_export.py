"""``ssdb.export``: every table and view comes back from every kind of file as it was stored."""

from __future__ import annotations

import csv
import datetime
import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import sqlalchemy as sa
from astropy.io import fits
from astropy.io.votable import parse_single_table
from astropy.table import Table
from small_surveys import store_rows

import ssdb
from ssdb.io.tables import read_columns
from ssdb.schema import metadata
from ssdb.store.database import Database

TABLES = [table.name for table in metadata.sorted_tables]
BIG = 2**63 - 1
MIDDLE = {str: "a", bytes: b"m", bool: False, datetime.datetime: datetime.datetime(2001, 2, 3, 4, 5, 6)}
TIMES = [datetime.datetime(2020, 5, 1, 10, 30, 0, 123456), datetime.datetime(1999, 12, 31)]


def _two_values(type_: Any) -> tuple[list[Any], pa.DataType]:
    """Two values that a column must be able to hold, the greater one first."""
    match type_:
        case sa.Double():
            return [1 / 3, -1.7e-300], pa.float64()
        case sa.REAL():
            return [float(np.float32(0.1)), float(np.finfo(np.float32).min)], pa.float32()
        case sa.SmallInteger():
            return [2**15 - 1, -(2**15)], pa.int16()
        case sa.BigInteger():
            return [BIG, -BIG - 1], pa.int64()
        case sa.Integer():
            return [2**31 - 1, -(2**31)], pa.int32()
        case sa.Boolean():
            return [True, False], pa.bool_()
        case sa.TIMESTAMP():
            return TIMES, pa.timestamp("us")
        case sa.LargeBinary():
            return [b"\xff\x00\n", b"\x00"], pa.binary()
        case sa.String():
            return ['k"', "A,"][: type_.length or 2] if (type_.length or 2) > 1 else ["k", "A"], pa.string()
    raise AssertionError(type_)


def _rows(table: sa.Table) -> pa.Table:
    """Three rows: the greatest values, NULL wherever that is allowed, the smallest values."""
    columns = {}
    for column in table.columns:
        if column.computed is None:
            (high, low), type_ = _two_values(column.type)
            middle = None if column.nullable else MIDDLE.get(type(high), 5)
            columns[column.name] = pa.array([high, middle, low], type_)
    return pa.table(columns)


@pytest.fixture(scope="module")
def database(module_database_url: str) -> Iterator[Database]:
    """Three rows in every table."""
    opened = ssdb.connect(module_database_url)
    with opened.writing() as connection:
        for table in metadata.sorted_tables:
            store_rows(connection, table, _rows(table))
    yield opened
    opened.close()


def _stored(name: str) -> list[dict[str, Any]]:
    """The rows by key ascending: the smallest, the middle one, the greatest. Without a key NULL comes first."""
    low, middle, high = _rows(metadata.tables[name]).to_pylist()[::-1]
    return [low, middle, high] if metadata.tables[name].primary_key.columns else [middle, low, high]


def _as_text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat(sep=" ", timespec="microseconds") if isinstance(value, datetime.datetime) else value


@pytest.mark.parametrize("name", TABLES)
def test_parquet_holds_every_value_type_unit_and_null(database: Database, name: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    assert ssdb.export(database, name, path) == 3
    table = pa.parquet.read_table(path)
    assert table.to_pylist() == _stored(name)
    assert table.schema.types == _rows(metadata.tables[name]).schema.types
    units = {field.name: (field.metadata or {}).get(b"unit", b"").decode() for field in table.schema}
    assert units == {c.name: c.info["unit"] for c in metadata.tables[name].columns if c.computed is None}


@pytest.mark.filterwarnings("ignore:Column .* contains NULL")
@pytest.mark.parametrize("ending", ["ecsv", "fits", "vot"])
@pytest.mark.parametrize("name", TABLES)
def test_astropy_reads_every_value_unit_and_null(database: Database, name: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows.{ending}"
    assert ssdb.export(database, name, path) == 3
    table = Table.read(path)
    expected = _stored(name)
    assert table.colnames == list(expected[0])
    for column in table.colnames:
        mask = np.ma.getmaskarray(np.ma.asarray(table[column]))
        for row, is_masked, value in zip(expected, mask, table[column], strict=True):
            if isinstance(value, np.bool_ | bool) and ending == "fits" and row[column] is None:
                continue  # astropy reads an undefined logical value as False
            got = None if is_masked or value != value else value.item() if isinstance(value, np.generic) else value
            got = got.decode() if isinstance(got, bytes) else got
            assert (got or None if isinstance(got, str) else got) == _as_text(row[column]), (column, row[column])
        unit = metadata.tables[name].columns[column].info["unit"]
        assert table[column].unit == (unit or None), column


@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
@pytest.mark.parametrize("name", ["DiaSource", "VisitDetector", "AssociationRun", "SsCandidate", "mpc_orbits"])
def test_csv_holds_every_value_and_nothing_for_null(database: Database, name: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows.{ending}"
    assert ssdb.export(database, name, path) == 3
    with gzip.open(path, "rt", encoding="utf-8") if ending.endswith("gz") else path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for got, expected in zip(rows, _stored(name), strict=True):
        assert list(got) == list(expected)
        for column, value in expected.items():
            if value is None:
                assert got[column] == "", column
            elif isinstance(value, bool):
                assert got[column].lower() == str(value).lower(), column
            elif isinstance(value, float):
                single = isinstance(metadata.tables[name].columns[column].type, sa.REAL)
                assert (np.float32 if single else float)(got[column]) == value, column
            else:
                assert got[column] == str(_as_text(value)), column


def test_a_generated_column_is_not_exported(database: Database, tmp_path: Path) -> None:
    """A file that was exported can be ingested."""
    ssdb.export(database, "DiaSource", tmp_path / "rows.parquet")
    assert "zone" not in pa.parquet.read_schema(tmp_path / "rows.parquet").names


@pytest.mark.parametrize("name", ["sssource", "SSSOURCE", "SSSource"])
def test_a_name_may_be_in_capitals_or_not(database: Database, name: str, tmp_path: Path) -> None:
    assert ssdb.export(database, name, tmp_path / "rows.parquet") == 3


@pytest.mark.parametrize(("visits", "n"), [([BIG], 1), ([5, BIG], 2), ([5, 5], 1), ([], 0)])
def test_only_rows_of_the_visits_that_are_asked_for(
    database: Database, visits: list[int], n: int, tmp_path: Path
) -> None:
    path = tmp_path / "rows.parquet"
    assert ssdb.export(database, "SSSource", path, visits=visits) == n
    assert set(pa.parquet.read_table(path)["visit"].to_pylist()) == (set(visits) if n else set())


@pytest.mark.parametrize("ending", ["parquet", "ecsv", "fits", "vot", "csv"])
def test_no_rows_are_a_file_with_columns(database: Database, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows.{ending}"
    assert ssdb.export(database, "SSSource", path, visits=[]) == 0
    names = pa.parquet.read_table(path).column_names if ending == "parquet" else Table.read(path).colnames
    assert names == [column.name for column in metadata.tables["SSSource"].columns]


@pytest.mark.parametrize("visits", [[6], [5, 6]])
def test_an_exposure_that_is_not_there_is_named(database: Database, visits: list[int], tmp_path: Path) -> None:
    """As in ``ssdb status``: a number that was typed wrong is no empty answer."""
    with pytest.raises(ssdb.NotFoundError, match="visit 6 is not in the database"):
        ssdb.export(database, "SSSource", tmp_path / "rows.parquet", visits=visits)
    assert list(tmp_path.iterdir()) == []


def test_astropy_reads_exported_parquet(database: Database, tmp_path: Path) -> None:
    """Texts that are NULL are masked, units are there; for others there are no more columns than in the table."""
    ssdb.export(database, "SsPrediction", tmp_path / "rows.parquet")
    table = Table.read(tmp_path / "rows.parquet")
    plain = pa.parquet.read_table(tmp_path / "rows.parquet")
    assert table.colnames == plain.column_names
    assert table["ephRa"].unit == "deg"
    n_masked = 0
    for field in plain.schema:
        values = plain[field.name].to_pylist()
        if field.type == pa.string():
            assert [None if one is np.ma.masked else str(one) for one in table[field.name]] == values
            n_masked += values.count(None)
    assert n_masked
    assert read_columns(tmp_path / "rows.parquet").equals(plain.replace_schema_metadata())


def test_exported_votables_have_ucds(database: Database, tmp_path: Path) -> None:
    ssdb.export(database, "DiaSource", tmp_path / "rows.vot")
    fields = {field.name: field for field in parse_single_table(tmp_path / "rows.vot").fields}
    columns = [column for column in metadata.tables["DiaSource"].columns if column.computed is None]
    assert any(column.info["ucd"] for column in columns)
    for column in columns:
        assert (fields[column.name].ucd or "") == column.info["ucd"], column.name


def test_exported_fits_keeps_null_of_booleans(database: Database, tmp_path: Path) -> None:
    """As FITS has it (4.0, 7.3.3.1): a zero byte. astropy reads it so where it is asked for bytes."""
    ssdb.export(database, "DiaSource", tmp_path / "rows.fits")
    stored = read_columns(tmp_path / "rows.fits")
    names = [field.name for field in stored.schema if field.type == pa.bool_()]
    assert names
    for name in names:
        assert None in stored[name].to_pylist(), name
    with fits.open(tmp_path / "rows.fits", logical_as_bytes=True) as hdus:
        assert b"" in hdus[1].data[names[0]].tolist()


def test_rows_with_texts_for_keys_come_in_the_same_order_on_both_databases(database: Database, tmp_path: Path) -> None:
    """By characters, whatever the language that the server was set up for."""
    path = tmp_path / "rows.parquet"
    ssdb.export(database, "SsAlias", path)
    assert pa.parquet.read_table(path)["alias"].to_pylist() == ["A,", "a", 'k"']


def test_the_view_of_unseen_objects_has_types_and_units(database_url: str, tmp_path: Path) -> None:
    database = ssdb.connect(database_url)
    ssdb.ingest_visits(database, {"visit": [7, 8], "midpointMjdTai": [60000.0, 60000.1]})
    names = ["2003 YF26", "433"]
    predictions = {"visit": [7, 8], "designation": names, "ephRa": [10.0, 20.0], "ephDec": [-5.0, 5.0]}
    ssdb.ingest_predictions(database, predictions | {"ephVmag": [None, 21.5]})
    ssdb.associate(database)
    path = tmp_path / "rows.ecsv"
    assert ssdb.export(database, "unassociatedssobject", path) == 2
    table = Table.read(path)
    assert list(table["designation"]) == names
    assert list(table["ephRa"]) == [10.0, 20.0]
    assert table["ephRa"].unit == "deg"
    assert table["ephVmag"].unit == "mag"
    assert table["ephVmag"].tolist() == [None, 21.5]
    assert table["ssObjectId"].dtype == np.int64
    assert ssdb.export(database, "UnassociatedSsObject", path, visits=[8]) == 1
    assert list(Table.read(path)["designation"]) == ["433"]
    database.close()


def test_an_unknown_table_is_named_with_those_there_are(database: Database, tmp_path: Path) -> None:
    with pytest.raises(ssdb.ConfigError, match=r"no table 'SSSources'.*SSSource.*UnassociatedSsObject"):
        ssdb.export(database, "SSSources", tmp_path / "rows.parquet")
    with pytest.raises(ssdb.ConfigError, match="no table"):
        ssdb.export(database, "alembic_version", tmp_path / "rows.parquet")


def test_a_table_without_visits_has_none_to_choose(database: Database, tmp_path: Path) -> None:
    with pytest.raises(ssdb.ConfigError, match="SsAlias has no visits"):
        ssdb.export(database, "SsAlias", tmp_path / "rows.parquet", visits=[1])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["rows", "rows.txt", "rows.parquet.bak", "missing/rows.parquet"])
def test_a_place_that_cannot_be_written_to_is_named(database: Database, name: str, tmp_path: Path) -> None:
    with pytest.raises(ssdb.InputError, match=str(tmp_path / name)):
        ssdb.export(database, "SSSource", tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_in_the_place_of_the_file_stays(database: Database, tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").mkdir()
    with pytest.raises(ssdb.InputError, match=r"rows\.parquet"):
        ssdb.export(database, "SSSource", tmp_path / "rows.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]


@pytest.mark.parametrize("ending", ["parquet", "ecsv", "fits", "vot", "csv"])
def test_the_file_is_there_whole_or_the_old_one_is_untouched(
    database: Database, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"rows.{ending}"
    path.write_text("what was there")

    def full(*_args: object) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", full)
        with pytest.raises(ssdb.InputError, match="No space left"):
            ssdb.export(database, "SSSource", path)
    assert path.read_text() == "what was there"
    assert list(tmp_path.iterdir()) == [path]
    assert ssdb.export(database, "SSSource", path) == 3
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() != b"what was there"


def test_text_that_fits_cannot_hold_is_an_error_of_one_line(database_url: str, tmp_path: Path) -> None:
    database = ssdb.connect(database_url)
    ssdb.ingest_visits(database, {"visit": [7], "midpointMjdTai": [60000.0], "instrument": ["Caméra"]})
    with pytest.raises(ssdb.InputError) as caught:
        ssdb.export(database, "Visit", tmp_path / "visits.fits")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.glob("*.fits")) == []
    ssdb.export(database, "Visit", tmp_path / "visits.ecsv")
    assert list(Table.read(tmp_path / "visits.ecsv")["instrument"]) == ["Caméra"]
    database.close()


def test_an_exported_table_can_be_ingested_again(database_url: str, tmp_path: Path) -> None:
    database = ssdb.connect(database_url)
    ssdb.ingest_visits(database, {"visit": [7], "midpointMjdTai": [60000.0], "band": ["r"]})
    ssdb.ingest_sources(database, {"diaSourceId": [BIG, 1], "visit": [7, 7], "ra": [359.9, 0.1], "dec": [1 / 3, -90.0]})
    ssdb.export(database, "Visit", tmp_path / "visits.fits")
    ssdb.export(database, "DiaSource", tmp_path / "sources.fits")
    copy = ssdb.connect()
    ssdb.ingest_visits(copy, tmp_path / "visits.fits")
    report = ssdb.ingest_sources(copy, tmp_path / "sources.fits")
    assert report.without_unit == ()
    sql = "SELECT * FROM DiaSource ORDER BY diaSourceId"
    assert ssdb.query(copy, sql) == ssdb.query(database, sql)
    copy.close()
    database.close()
