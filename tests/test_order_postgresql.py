"""No answer depends on the order in which PostgreSQL's aggregates take rows: SQL promises none of a subquery's."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from every_type import stored
from hypothesis import given, settings
from hypothesis import strategies as st
from small_surveys import change, differences, exported, load_night

import ssdb
from ssdb.association.visit_batch import VisitBatch
from ssdb.config import AssociationConfig
from ssdb.equal_rows import ascends
from ssdb.errors import DatabaseError
from ssdb.ingest.table.visits_of_rows import rows_of_visits
from ssdb.report.depth import _medians
from ssdb.simulate import Night, SimulationConfig, simulate_night
from ssdb.sky.footprint import unpack_outlines
from ssdb.store.database import Database
from ssdb.store.query_plans import ends_of
from ssdb.store.transfer import read
from ssdb.store.transfer.read import read_arrays

_LAST_FIRST = (
    "CREATE FUNCTION last_first(bytea, bytea, bytea) RETURNS bytea IMMUTABLE LANGUAGE sql "
    "AS 'SELECT $2 || coalesce($1, '''')'",
    "CREATE AGGREGATE string_agg(bytea, bytea) (SFUNC = last_first, STYPE = bytea)",
)


_CLOCK = {
    *("validityStartMjdTai", "validityEndMjdTai", "timeWithdrawnMjdTai", "diaRunId", "diaAssociatedAt"),
    "mergedAt",
}
"""Columns that say when something was done."""


@pytest.fixture
def turned_url(postgresql_url: str) -> str:
    """A database whose aggregate joins the last row first, as one on several servers may."""
    name = sa.make_url(postgresql_url).database
    with closing(ssdb.connect(postgresql_url)) as database:
        for statement in (*_LAST_FIRST, f"ALTER DATABASE {name} SET search_path = public, pg_catalog"):
            change(database, statement)
    return postgresql_url


@pytest.fixture(scope="module")
def night() -> Night:
    """A small night of several visits, on detectors with outlines."""
    sizes = {"n_visits": 4, "n_sources": 60, "n_objects": 40, "field_radius_deg": 0.2}
    return simulate_night(SimulationConfig(seed=5, n_detectors=4, **sizes))


def _everything(url: str, night: Night, directory: Path) -> dict[str, pa.Table]:
    """All tables after commands that read in bulk."""
    with closing(ssdb.connect(url)) as database:
        load_night(database, night)
        for config in (AssociationConfig(), AssociationConfig(mode="uncertainty")):
            assert ssdb.associate(database, everything=True, config=config).failed == {}
        assert ssdb.associate_dia(database).failed == {}
        ssdb.merge_objects(database, radius_arcsec=30.0)
        ssdb.withdraw(database, visit=int(night.visits["visit"][1].as_py()), detector=0)
        ssdb.summarize(database)
        return exported(database, directory)


def test_the_aggregate_does_take_the_last_row_first(turned_url: str) -> None:
    """Or what follows would show nothing."""
    with closing(ssdb.connect(turned_url)) as database, database.reading() as connection:
        text = "SELECT string_agg(int2send(n::int2), '') FROM (SELECT generate_series(1, 3) n ORDER BY n) q"
        assert connection.scalar(sa.text(text)) == b"\0\3\0\2\0\1"


def test_a_night_gives_the_same_rows(sqlite_url: str, turned_url: str, night: Night, tmp_path: Path) -> None:
    usual = _everything(sqlite_url, night, tmp_path)
    assert usual["SSSource"].num_rows > 20
    assert usual["DiaObject"].num_rows > 10
    others = {name.partition(".")[2] for name in differences(usual, _everything(turned_url, night, tmp_path))}
    assert others <= _CLOCK


# Bulk reading

_PLAIN_READ = read._read


@pytest.mark.parametrize("bounded", [True, False])
def test_rows_come_as_the_statement_says(database: Database, bounded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order the server sends them; what they are ordered by need not be selected, and unknown is last."""
    numbers = [(3, 1.0), (-1, None), (3, None), (0, -1.5), (-1, 2.0), (-1, -1.5), (7, 0.0)]
    table = stored(database, [{"id": i, "aShort": a, "aDouble": b} for i, (a, b) in enumerate(numbers)])
    statement = sa.select(table.c.id.label("number"), table.c.aShort).order_by(table.c.aShort, table.c.aDouble)
    for seed in range(6):
        order = np.random.default_rng(seed).permutation(len(numbers))

        def shuffled(*args: object, order: np.ndarray = order) -> dict[str, np.ndarray]:
            return {name: values[order] for name, values in _PLAIN_READ(*args).items()}

        monkeypatch.setattr(read, "_read", shuffled)
        with database.reading() as connection:
            found = read_arrays(connection, statement, bounded=bounded)
            by_label = read_arrays(connection, statement.order_by(None).order_by(table.c.id), bounded=bounded)
        assert {name: values.tolist() for name, values in found.items()} == {
            "number": [5, 4, 1, 3, 0, 2, 6],
            "aShort": [-1, -1, -1, 0, 3, 3, 7],
        }
        assert by_label["aShort"].tolist() == [a for a, _ in numbers]


def test_an_order_that_cannot_be_seen_to_is_refused(database: Database) -> None:
    table = stored(database, [])
    with database.reading() as connection, pytest.raises(TypeError, match="ascending"):
        read_arrays(connection, sa.select(table.c.id).order_by(table.c.id.desc()))


# What is searched in arrays


@given(st.lists(st.tuples(st.integers(-2, 2), st.sampled_from([-1.0, 0.0, 5.0])), max_size=6), st.booleans())
def test_arrays_ascend_where_their_rows_do(pairs: list[tuple[int, float]], each_once: bool) -> None:
    columns = [np.array([pair[side] for pair in pairs]) for side in (0, 1)]
    in_order = pairs == sorted(set(pairs) if each_once else pairs)
    assert ascends(*columns, each_once=each_once) == in_order


@pytest.mark.parametrize("values", [[np.nan, 1.0], [0.0, np.nan], [np.nan, np.nan]])
def test_what_is_unknown_is_in_no_order(values: list[float]) -> None:
    assert not ascends(np.array(values))


@settings(max_examples=30)
@given(st.permutations(range(5)))
def test_rows_in_another_order_are_an_error_where_they_are_searched(order: list[int]) -> None:
    """Never a result that lacks something."""
    rows = np.array(order)
    visits, key = np.arange(100, 105), {"visit": np.array([100, 100, 101, 103, 103])[rows]}
    places = {name: np.zeros(5) for name in ("midpointMjdTai", "earliest", "latest")}
    predictions = key | {"ssObjectId": np.array([1, 2, 1, 1, 5])[rows], "midpointMjdTai": places["midpointMjdTai"]}
    detectors = key | {"detector": np.array([1, 2, 1, -1, 5], np.int16)[rows]} | places
    nothing = {name: values[:0] for name, values in (predictions | detectors).items()}
    outlines = unpack_outlines([None] * 5)
    works = (
        lambda: VisitBatch(visits[rows], nothing, nothing, outlines),
        lambda: VisitBatch(visits, predictions, nothing, outlines),
        lambda: VisitBatch(visits, nothing, detectors, outlines),
        lambda: rows_of_visits(visits, visits[rows]),
        lambda: _medians({"visit": key["visit"], "place": predictions["ssObjectId"], "n": np.ones(5)}, visits),
    )
    for work in works:
        if order == sorted(order):
            work()
        else:
            with pytest.raises(DatabaseError, match="another order"):
                work()


@settings(max_examples=12)
@given(st.permutations([5, 7, 7, 9]))
def test_the_ends_of_visits_are_theirs_in_any_order(visits: list[int]) -> None:
    assert ends_of(visits) == ends_of(np.array(visits)) == (5, 9)
