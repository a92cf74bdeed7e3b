"""DiaObjects in memory: what goes in and comes out, as Rubin's AssociationTask has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import QTable, Table, vstack
from dia_cases import NAN, Columns, rows
from hypothesis import given, settings
from hypothesis import strategies as st

import ssdb
from ssdb.dia.match import candidate_pairs, match_pairs
from ssdb.errors import ConfigError, InputError
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import arrow_schema
from ssdb.sky.sphere import cap_area

SOURCES = rows("diaSourceId", (0, 0), (5, 0), (10, 0), (15, 0), (0.05, 9), sigma=0.1) | {
    "diaSourceId": np.array([11, 12, 13, 2**62 + 1, 15]),
    "visit": np.full(5, 7),
    "midpointMjdTai": np.full(5, 60800.25),
    "reliability": np.array([0.9, 0.05, 0.9, NAN, 0.9]),
}
OBJECTS = rows("diaObjectId", (0.1, 0.1), (0, 9), (50, 50), sigma=0.03) | {"diaObjectId": np.array([3, 2**62 + 5, 5])}


def run(sources: Any = SOURCES, objects: Any = OBJECTS, **options: Any) -> ssdb.DiaAssociationResult:
    return ssdb.DiaAssociation(ssdb.DiaConfig(**options)).run(sources, objects)


def pairs(table: Table) -> dict[int, int]:
    return dict(zip(table["diaSourceId"].tolist(), table["diaObjectId"].tolist(), strict=True))


def test_matched_new_and_marginal_sources() -> None:
    result = run()
    assert pairs(result.matchedDiaSources) == {11: 3, 15: 2**62 + 5}
    assert pairs(result.unAssocDiaSources) == {12: 0, 13: 13, 2**62 + 1: 2**62 + 1}
    assert pairs(result.marginalDiaSources) == {12: 0}
    assert (result.nUpdatedDiaObjects, result.nUnassociatedDiaObjects, result.nLeftOut) == (2, 1, 0)
    new = result.newDiaObjects
    assert new["diaObjectId"].tolist() == [13, 2**62 + 1]
    assert new["nDiaSources"].tolist() == [1, 1]
    for name in ("firstDiaSourceMjdTai", "lastDiaSourceMjdTai"):
        assert new[name].tolist() == [60800.25, 60800.25]
    for name in ("ra", "dec"):
        assert new[name].tolist() == SOURCES[name][2:4].tolist()
    assert new["raErr"].quantity.to_value(u.arcsec) == pytest.approx([0.1, 0.1])
    assert result.matchedDiaSources.colnames == arrow_schema(dia_source).names


def test_new_objects_are_objects_of_the_next_call() -> None:
    columns = ["diaObjectId", "ra", "dec", "raErr", "decErr", "ra_dec_Cov"]
    objects = vstack([Table(OBJECTS)[columns], run().newDiaObjects[columns]])
    result = run(SOURCES, objects)
    assert pairs(result.matchedDiaSources) == {11: 3, 13: 13, 15: 2**62 + 5, 2**62 + 1: 2**62 + 1}


def test_empty_tables_have_the_same_columns() -> None:
    full = run()
    nothing = {name: values[:0] for name, values in SOURCES.items()}
    for empty in (run(nothing), run(nothing, {name: values[:0] for name, values in OBJECTS.items()}), run({}, {})):
        for table, of_full in zip(empty[:4], full[:4], strict=True):
            assert len(table) == 0
            assert table.colnames == of_full.colnames
            assert [column.dtype.kind for column in table.columns.values()] == [
                column.dtype.kind for column in of_full.columns.values()
            ]
    assert pairs(run(SOURCES, {}).unAssocDiaSources)[11] == 11


@pytest.mark.parametrize("kind", ["astropy", "pyarrow", "pandas", "units", "rubin", "path"])
def test_tables_of_any_kind_are_taken_and_not_changed(kind: str, tmp_path: Path) -> None:
    def of_kind(columns: Columns, key: str) -> Any:
        match kind:
            case "astropy":
                return Table(columns)
            case "pyarrow":
                return pa.table(columns)
            case "pandas":
                return pd.DataFrame(columns)
            case "units":
                made = QTable(columns)
                for name in ("raErr", "decErr"):
                    made[name] = (columns[name] * u.deg).to(u.mas)
                return made
            case "rubin":
                position = {f"coord_{name}": np.radians(columns[name]) for name in ("ra", "dec", "raErr", "decErr")}
                return Table(
                    {"id": columns[key], **position} | {n: v for n, v in columns.items() if n == "reliability"}
                )
        pq.write_table(pa.table(columns), tmp_path / f"{key}.parquet")
        return tmp_path / f"{key}.parquet"

    sources, objects = of_kind(SOURCES, "diaSourceId"), of_kind(OBJECTS, "diaObjectId")
    before = repr(sources), repr(objects)
    result, expected = run(sources, objects), run()
    assert (repr(sources), repr(objects)) == before
    for name in ("matchedDiaSources", "unAssocDiaSources", "marginalDiaSources"):
        assert pairs(getattr(result, name)) == pairs(getattr(expected, name))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_matches_are_those_of_the_arrays(seed: int) -> None:
    """Of sources in a small field, whose density is that of two arcminutes' radius."""
    rng = np.random.default_rng(seed)
    sources, objects = (
        rows(key, *rng.uniform(-2, 2, (n, 2)), sigma=rng.uniform(0.02, 0.3, n))
        for key, n in (("diaSourceId", 12), ("diaObjectId", 9))
    )
    for config in (ssdb.DiaConfig(), ssdb.DiaConfig(mode="nearest"), ssdb.DiaConfig(n_sigma=2.0, radius_arcsec=0.5)):
        near = candidate_pairs(sources, objects, config.radius_arcsec)
        # Errors are kept in single precision.
        stored = [columns | {n: columns[n].astype("f4") for n in ("raErr", "decErr")} for columns in (sources, objects)]
        found = match_pairs(*stored, *near, np.full(12, 12 / cap_area(120 / 3600)), config)
        expected = zip((found.source + 1).tolist(), (found.object + 1).tolist(), strict=True)
        result = ssdb.DiaAssociation(config).run(sources, objects)
        assert pairs(result.matchedDiaSources) == dict(expected)
        assert len(result.matchedDiaSources) + len(result.unAssocDiaSources) == 12


def test_known_objects_withdrawn_and_bad_sources_take_no_part() -> None:
    columns = SOURCES | {
        "ssObjectId": np.array([2**62 + 3, 0, 0, 0, 0]),
        "timeWithdrawnMjdTai": np.array([NAN, NAN, 60801.0, NAN, NAN]),
        "centroid_flag": np.array([False, False, False, False, True]),
    }
    for sources in (columns, Table(columns), pd.DataFrame(columns)):
        result = run(sources)
        assert pairs(result.matchedDiaSources) == {}
        assert sorted(pairs(result.unAssocDiaSources)) == [12, 2**62 + 1]
        assert result.nLeftOut == 3
    assert pairs(run(columns, bad_flags=()).matchedDiaSources) == {15: 2**62 + 5}


def test_unknown_ids_of_known_objects_are_none() -> None:
    known = pa.array([None, 2**62 + 3, None, 0, None], pa.int64())
    assert run(pa.table(SOURCES).append_column("ssObjectId", known)).nLeftOut == 1


def test_a_new_object_has_the_identifier_of_no_other() -> None:
    given = {"diaSourceId": [3, 4], "ra": [10.0, 10.1], "dec": [2.0, 2.0]}
    result = ssdb.DiaAssociation().run(given, {"diaObjectId": [3], "ra": [11.0], "dec": [2.0]})
    first, second = result.newDiaObjects["diaObjectId"].tolist()
    assert first > 4
    assert second == 4


def test_where_objects_must_be_confirmed_none_is_made() -> None:
    result = run(confirm=2)
    assert len(result.newDiaObjects) == 0
    assert sorted(pairs(result.marginalDiaSources)) == [12, 13, 2**62 + 1]


@pytest.mark.parametrize(
    ("sources", "objects", "message"),
    [
        ({"visit": [7, 7, 7, 8, 8]}, {}, r"diaSources: the sources are of several visits \(7, 8\): associate each"),
        ({"diaSourceId": [11, 12, 13, 13, 15]}, {}, r"diaSources: diaSourceId is there twice \(row 4\)"),
        ({"ra": [150.0, NAN, 150.0, 150.0, 150.0]}, {}, r"diaSources: .*row 2"),
        ({"dec": None}, {}, r"diaSources: there is no column dec \(coord_dec\)"),
        ({}, {"diaObjectId": [3, 3, 5]}, r"diaObjects: diaObjectId is there twice \(row 2\)"),
        ({}, {"dec": [1.0, 2.0, 95.0]}, r"diaObjects: dec .*\(row 3\)"),
        ({}, {"diaObjectId": None}, r"diaObjects: there is no column diaObjectId"),
    ],
)
def test_tables_that_are_not_usable_are_refused_by_name(sources: Any, objects: Any, message: str) -> None:
    given = [
        {name: values for name, values in (columns | changed).items() if values is not None}
        for columns, changed in ((SOURCES, sources), (OBJECTS, objects))
    ]
    with pytest.raises(InputError, match=f"^{message}"):
        run(*given)


def test_rows_that_are_not_usable_may_be_skipped() -> None:
    sources = SOURCES | {"ra": np.where(SOURCES["diaSourceId"] == 11, NAN, SOURCES["ra"])}
    objects = OBJECTS | {"dec": np.where(OBJECTS["diaObjectId"] == 3, NAN, OBJECTS["dec"])}
    result = ssdb.DiaAssociation(skip_invalid=True).run(sources, objects)
    assert pairs(result.matchedDiaSources) == {15: 2**62 + 5}
    assert (result.nLeftOut, result.nUnassociatedDiaObjects) == (1, 1)


def test_a_flag_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="bad_flags: DiaSource has no flag 'nonsense'"):
        run(bad_flags=("nonsense",))
