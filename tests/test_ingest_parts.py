"""Files that are read a part at a time: the same rows, reports and errors as when they are read at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from ingesting import dump, without_clock
from small_surveys import MJD, designation

import ssdb
import ssdb.io.row_source
from ssdb.errors import InputError
from ssdb.identity.identify import identify
from ssdb.ingest.table import visits_of_rows
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import arrow_schema
from ssdb.store.database import Database
from ssdb.store.tables.results import clear_results

N = 200
VISITS = {"visit": [1, 2, 3], "midpointMjdTai": [MJD, MJD + 1, MJD + 2]}
MAP = {"columns": {"ra": {"column": "alpha", "unit": "rad"}, "psfFlux": "flux", "band": {"constant": "r"}}}


def sources() -> pa.Table:
    """Sources of three visits in any order, with unknown values, and names of a survey's own for two columns."""
    rng = np.random.default_rng(5)
    flux = np.where(rng.random(N) < 0.2, np.nan, rng.normal(size=N))
    flux[7] = -999.0
    return pa.table(
        {
            "diaSourceId": rng.permutation(N),
            "visit": rng.integers(1, 4, N),
            "detector": rng.integers(0, 3, N),
            "alpha": rng.uniform(-1.0, 6.0, N),
            "dec": rng.uniform(-90.0, 90.0, N),
            "flux": flux,
            "isNegative": pa.array([None if x < 0.1 else x < 0.5 for x in rng.random(N)]),
            "comment": [f"row {i}" for i in range(N)],
        }
    )


def predictions() -> pa.Table:
    """Objects in three visits, each twice at most, named in two ways."""
    rng = np.random.default_rng(6)
    objects = np.concatenate([rng.permutation(N)[: N // 3] for _ in range(3)])
    visit = np.repeat([1, 2, 3], N // 3)
    return pa.table(
        {
            "visit": visit,
            "designation": [designation(int(number)) for number in objects],
            "ephRa": rng.uniform(0, 360, len(visit)),
            "ephDec": rng.uniform(-80, 80, len(visit)),
            "ephVmag": np.where(rng.random(len(visit)) < 0.3, np.nan, 20.0),
            "midpointMjdTai": MJD + visit - 1,
        }
    )


def corners(n: int = 40) -> pa.Table:
    """Quadrilaterals of detectors in three visits, with sizes, one of them unknown; those of a detector together."""
    rng = np.random.default_rng(8)
    ra, dec = rng.uniform(0, 360, n), rng.uniform(-80, 80, n)
    return pa.table(
        {
            "visit": np.repeat(np.arange(n) % 3 + 1, 4),
            "detector": np.repeat(rng.permutation(n), 4),
            "corner": np.tile([0, 1, 2, 3], n),
            "ra": np.repeat(ra, 4) + np.tile([0.0, 0.1, 0.1, 0.0], n),
            "dec": np.repeat(dec, 4) + np.tile([0.0, 0.0, 0.1, 0.1], n),
            "width": pa.array([None if i < 4 else 4000 for i in range(4 * n)], pa.int32()),
        }
    )


def with_row(table: pa.Table, row: int, **values: Any) -> pa.Table:
    """A table in which a row has other values."""
    for name, value in values.items():
        index = table.schema.get_field_index(name)
        column = table.column(name).to_pylist()
        column[row] = value
        table = table.set_column(index, table.schema.field(index), pa.array(column, table.schema.field(index).type))
    return table


@pytest.fixture(
    params=[(3, 50), (7, 7), (64, 1000), (1000, 20)], ids=lambda size: f"{size[0]} rows, groups of {size[1]}"
)
def in_parts(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Calls something with a table as it is, and with a file that is read in parts of so many rows."""
    size, group = request.param

    def both(call: Any, table: pa.Table) -> tuple[Any, Any]:
        at_once = call(table)
        path = tmp_path / "table.parquet"
        pyarrow.parquet.write_table(table, path, row_group_size=group)
        with monkeypatch.context() as patch:
            patch.setattr(ssdb.io.row_source, "ROWS_PER_PART", size)
            return at_once, call(path)

    return both


def _emptied(database: Database) -> None:
    with database.writing() as connection:
        clear_results(connection, [1, 2, 3])
        for table in ("SsPrediction", "DiaSource", "VisitDetector"):
            connection.exec_driver_sql(f'DELETE FROM "{table}"')


def _told(report: Any) -> dict[str, Any]:
    return report.as_dict() | {"source": ""}


@pytest.mark.parametrize("invalid", [False, True], ids=["all", "without what is wrong"])
def test_sources_are_the_same(database: Database, in_parts: Any, invalid: bool) -> None:
    ssdb.ingest_visits(database, VISITS)
    table = sources()
    if invalid:
        for row, values in (
            (3, {"dec": 91.0}),
            (50, {"alpha": None}),
            (150, {"diaSourceId": table["diaSourceId"][4].as_py()}),
        ):
            table = with_row(table, row, **values)

    def load(source: Any) -> tuple[Any, Any]:
        _emptied(database)
        told: list[tuple[int, int]] = []
        report = ssdb.ingest_sources(
            database, source, columns=MAP, skip_invalid=invalid, progress=lambda done, of: told.append((done, of))
        )
        assert sum(done for done, _ in told) == report.rows
        assert {of for _, of in told} == {report.rows}
        return _told(report), without_clock(dump(database))

    (report, rows), (other, other_rows) = in_parts(load, table)
    assert report == other
    assert report["rows"] == (N - 3 if invalid else N)
    assert report["left_out"] == ("comment",)
    assert rows == other_rows


def test_predictions_are_the_same(database: Database, in_parts: Any) -> None:
    ssdb.ingest_visits(database, VISITS)

    def load(source: Any) -> tuple[Any, Any]:
        _emptied(database)
        report = ssdb.ingest_predictions(database, source, complete=True)
        return _told(report), without_clock(dump(database))

    (report, rows), (other, other_rows) = in_parts(load, predictions())
    assert report == other
    assert rows == other_rows
    assert len(rows["SsPrediction"]) == predictions().num_rows


def test_predictions_with_names_or_identifiers_are_the_same(database: Database, in_parts: Any) -> None:
    """Some rows have a name, some an identifier, some both, and some a name that is not the stored one."""
    ssdb.ingest_visits(database, VISITS)
    table = predictions()
    names = table["designation"].to_pylist()
    object_ids = identify(names)[0].tolist()
    number = np.arange(len(names))
    spelled = [name if i % 3 else name.replace(" ", "_") for i, name in enumerate(names)]
    table = table.drop_columns(["designation"])
    table = table.append_column("designation", pa.array(spelled, mask=number % 4 == 0))
    table = table.append_column("ssObjectId", pa.array(object_ids, mask=number % 4 == 1))

    def load(source: Any) -> tuple[Any, Any]:
        _emptied(database)
        report = ssdb.ingest_predictions(database, source, complete=True)
        return _told(report), without_clock(dump(database))

    (report, rows), (other, other_rows) = in_parts(load, table)
    assert report == other
    assert rows == other_rows
    assert len(rows["SsPrediction"]) == len(names)
    assert {row["designation"] for row in rows["SsPrediction"]} == set(names)


FEW_PARTS = pytest.mark.parametrize("in_parts", [(7, 7), (64, 1000)], ids=["7 rows", "64 rows"], indirect=True)
"""Enough where one row is wrong: far from the end of a part, and where all rows are in few."""


@FEW_PARTS
@pytest.mark.parametrize(
    ("row", "values"),
    [
        (190, {"dec": 95.0}),
        (77, {"visit": 9}),
        (120, {"diaSourceId": 10}),  # which another row has, far away
        (199, {"flux": "no number"}),
    ],
    ids=["position", "visit", "twice", "type"],
)
def test_errors_are_the_same_and_nothing_is_stored(
    database: Database, in_parts: Any, row: int, values: dict[str, Any]
) -> None:
    ssdb.ingest_visits(database, VISITS)
    table = sources()
    if isinstance(values.get("flux"), str):
        table = table.set_column(5, "flux", table["flux"].cast(pa.string()))
    table = with_row(table, row, **values)
    before = dump(database)

    def refused(source: Any) -> str:
        with pytest.raises(InputError) as caught:
            ssdb.ingest_sources(database, source, columns=MAP)
        assert dump(database) == before
        return str(caught.value).partition(": ")[2]

    at_once, in_turn = in_parts(refused, table)
    assert at_once == in_turn


@pytest.mark.parametrize("shuffled", [False, True], ids=["together", "mixed"])
def test_detectors_are_the_same(database: Database, in_parts: Any, shuffled: bool) -> None:
    """Whether the corners of a detector are together in the file or not."""
    ssdb.ingest_visits(database, VISITS)
    table = corners()
    if shuffled:
        table = table.take(np.random.default_rng(9).permutation(table.num_rows))

    def load(source: Any) -> tuple[Any, Any]:
        _emptied(database)
        return _told(ssdb.ingest_detectors(database, source)), without_clock(dump(database))

    (report, rows), (other, other_rows) = in_parts(load, table)
    assert report == other
    assert rows == other_rows
    assert len(rows["VisitDetector"]) == 40


@FEW_PARTS
@pytest.mark.parametrize(
    ("row", "values"),
    [(150, {"dec": 95.0}), (83, {"visit": None}), (121, {"corner": 0}), (150, {"width": 0}), (77, {"corner": 9})],
    ids=["position", "no visit", "twice", "no size", "outline"],
)
def test_errors_of_detectors_are_the_same(database: Database, in_parts: Any, row: int, values: dict[str, Any]) -> None:
    ssdb.ingest_visits(database, VISITS)
    table = with_row(corners(), row, **values)
    before = dump(database)

    def refused(source: Any) -> str:
        with pytest.raises(InputError) as caught:
            ssdb.ingest_detectors(database, source)
        assert dump(database) == before
        return str(caught.value).partition(": ")[2]

    at_once, in_turn = in_parts(refused, table)
    assert at_once == in_turn


_CHILD = """
import sys
import ssdb
database = ssdb.connect(sys.argv[1])
ssdb.ingest_sources(database, sys.argv[2], replace=True)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak memory is read from /proc")
def test_memory_does_not_grow_with_the_file(postgresql_url: str, tmp_path: Path) -> None:
    """Of a file of 110 MB and one of 15 MB a process has about as much in memory."""
    with_visits = ssdb.connect(postgresql_url)
    ssdb.ingest_visits(with_visits, {"visit": [1], "midpointMjdTai": [MJD]})
    with_visits.close()
    rng = np.random.default_rng(7)
    names = [field.name for field in arrow_schema(dia_source) if field.type == pa.float32()][:40]
    peaks = []
    for n in (40_000, 320_000):
        columns: dict[str, Any] = {"diaSourceId": np.arange(n), "visit": np.ones(n, np.int64)}
        columns |= {"ra": rng.uniform(0, 360, n), "dec": rng.uniform(-90, 90, n)}
        columns |= {name: rng.random(n) for name in names if name not in columns}  # in double precision
        path = tmp_path / f"{n}.parquet"
        pyarrow.parquet.write_table(pa.table(columns), path, row_group_size=20_000)
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, postgresql_url, str(path)], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout) / 1024)
    assert (tmp_path / "320000.parquet").stat().st_size - (tmp_path / "40000.parquet").stat().st_size > 80e6
    assert peaks[1] - peaks[0] < 50, peaks


@pytest.mark.parametrize("how", ["replaced", "written to"])
@pytest.mark.parametrize("kind", ["sources", "predictions"])
def test_a_file_that_changes_after_it_was_checked_is_refused(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, how: str
) -> None:
    """What comes instead was not checked: a declination of 95 degrees would be stored."""
    ssdb.ingest_visits(database, VISITS)
    if kind == "sources":
        good, bad = sources(), with_row(sources(), 100, dec=95.0)
    else:
        good, bad = predictions(), with_row(predictions(), 100, ephDec=95.0)
    path, other = tmp_path / "file.parquet", tmp_path / "other.parquet"
    pyarrow.parquet.write_table(good, path)
    pyarrow.parquet.write_table(bad, other)
    lock = visits_of_rows.lock_visits

    def changing(*arguments: Any) -> Any:
        if how == "replaced":
            other.replace(path)
        else:
            path.write_bytes(other.read_bytes())
        return lock(*arguments)

    before = dump(database)
    monkeypatch.setattr(ssdb.io.row_source, "ROWS_PER_PART", 20)
    monkeypatch.setattr(visits_of_rows, "lock_visits", changing)
    load = getattr(ssdb, f"ingest_{kind}")
    with pytest.raises(InputError, match="changed while it was being read"):
        load(database, path, columns=MAP if kind == "sources" else None)
    assert dump(database) == before
