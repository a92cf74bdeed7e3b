"""The package as seen by who imports it."""

from __future__ import annotations

import subprocess
import sys

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable, Table

import ssdb

HEAVY = {"numpy", "sqlalchemy", "astropy", "pyarrow", "scipy", "psycopg", "alembic", "click"}


def test_every_public_name_is_there_and_is_loaded_when_it_is_used() -> None:
    for name in ssdb.__all__:
        assert getattr(ssdb, name) is not None
        assert getattr(ssdb, name).__doc__, name


def test_names_are_sorted_and_listed_by_dir() -> None:
    """The editor's completion."""
    assert ssdb.__all__ == sorted(set(ssdb.__all__))
    assert set(ssdb.__all__) <= set(dir(ssdb))


def test_star_import_gives_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from ssdb import *", names)
    assert set(ssdb.__all__) <= set(names)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'ssdb' has no attribute 'asociate'"):
        ssdb.asociate  # noqa: B018
    assert not hasattr(ssdb, "_nothing")


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, ssdb; print(*{name.partition('.')[0] for name in sys.modules})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(result.stdout.split())


def test_a_submodule_can_be_used_after_import() -> None:
    code = "import ssdb; ssdb.query; import ssdb.config; print(ssdb.config.AssociationConfig is ssdb.AssociationConfig)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "True\n"


def test_every_error_is_an_ssdb_error() -> None:
    errors = [getattr(ssdb, name) for name in ssdb.__all__ if name.endswith("Error")]
    assert len(errors) > 5
    assert all(issubclass(error, ssdb.SsdbError) for error in errors)


def _tables() -> tuple[QTable, QTable, QTable]:
    visits = QTable({"visit": [1, 2], "midpointMjdTai": [60800.1, 60800.2] * u.d, "band": ["r", "g"]})
    sources = QTable(
        {
            "diaSourceId": [10, 11, 12],
            "visit": [1, 1, 2],
            "ra": ([186.2, 186.3, 10.0] * u.deg).to(u.rad),
            "dec": [7.3, 7.4, -5.0] * u.deg,
            "psfFlux": [1.0, np.nan, 2.0] * u.uJy,
        }
    )
    predictions = QTable(
        {
            "visit": [1, 1],
            "designation": ["2003 YF26", "433"],
            "ephRa": [186.2, 200.0] * u.deg,
            "ephDec": [7.3 * 3600 + 0.5, 7.3 * 3600] * u.arcsec,
            "ephRateRa": [-0.124, 0.1] * u.deg / u.d,
            "ephRateDec": [-0.044, 0.1] * u.deg / u.d,
        }
    )
    return visits, sources, predictions


def test_the_whole_road_in_memory() -> None:
    visits, sources, predictions = _tables()
    copies = [table.copy() for table in (visits, sources, predictions)]
    database = ssdb.connect()
    assert ssdb.ingest_visits(database, visits).rows == 2
    assert ssdb.ingest_sources(database, sources).without_unit == ()
    assert ssdb.ingest_predictions(database, predictions, format="ssdb").visits == 1
    for table, copy in zip((visits, sources, predictions), copies, strict=True):
        assert all(np.array_equal(table[n], copy[n], equal_nan=table[n].dtype.kind == "f") for n in copy.colnames)

    steps: list[tuple[int, int]] = []
    report = ssdb.associate(
        database,
        visits=[1],
        config=ssdb.AssociationConfig(radius_arcsec=1.0),
        progress=lambda *step: steps.append(step),
    )
    assert isinstance(report, ssdb.AssociationReport)
    (outcome,) = report.visits
    assert isinstance(outcome, ssdb.VisitOutcome)
    assert (outcome.visit, outcome.n_sources, outcome.n_total_ss_objects, outcome.n_associated_ss_objects) == (
        1,
        2,
        2,
        1,
    )
    assert steps == [(1, 1)]

    result = ssdb.load_result(database, visit=1)
    assert isinstance(result, ssdb.AssociationResult)
    assert list(result.ssoAssocDiaSources["diaSourceId"]) == [10]
    assert list(result.unAssocDiaSources["diaSourceId"]) == [11]
    assert list(result.unAssocDiaSources["ssObjectId"]) == [0]
    assert (result.nTotalSsObjects, result.nAssociatedSsObjects) == (2, 1)
    assert list(result.ssSourceData["designation"]) == ["2003 YF26"]
    assert result.ssSourceData["ephOffset"].quantity.to_value(u.mas) == pytest.approx([500], abs=1e-3)
    assert list(result.unassociatedSsObjects["designation"]) == ["433"]
    assert result.ssoAssocDiaSources["psfFlux"].unit == u.nJy
    assert result.ssoAssocDiaSources["psfFlux"][0] == 1000
    assert result.unAssocDiaSources["psfFlux"].tolist() == [None]
    assert result.ssSourceData["ssObjectId"][0] == result.ssoAssocDiaSources["ssObjectId"][0] > 0

    assert ssdb.status(database)["matches"] == 1
    assert [row["status"] for row in ssdb.visit_status(database, [1, 2])] == ["done", "pending"]
    assert ssdb.query(database, "SELECT count(*) AS n FROM SSSource").rows == [(1,)]
    database.close()


def test_empty_results_have_the_columns_and_types_of_full_ones() -> None:
    visits, sources, predictions = _tables()
    database = ssdb.connect()
    ssdb.ingest_visits(database, visits)
    ssdb.ingest_sources(database, sources)
    ssdb.ingest_predictions(database, predictions, complete=True)
    ssdb.ingest_visits(database, {"visit": [3], "midpointMjdTai": [60800.3]})
    empty = {"visit": [3], "designation": ["433"], "ephRa": [1.0], "ephDec": [1.0]}
    ssdb.ingest_predictions(database, empty)
    ssdb.associate(database)
    full, none = ssdb.load_result(database, visit=1), ssdb.load_result(database, visit=3)
    assert (none.nTotalSsObjects, none.nAssociatedSsObjects) == (1, 0)
    for name in ("ssoAssocDiaSources", "unAssocDiaSources", "ssSourceData", "unassociatedSsObjects"):
        first, second = getattr(full, name), getattr(none, name)
        assert isinstance(first, Table)
        assert first.colnames == second.colnames
        for column in first.colnames:
            assert first[column].unit == second[column].unit, column
            assert first[column].dtype.kind == second[column].dtype.kind, column
    assert len(none.ssSourceData) == len(none.ssoAssocDiaSources) == len(none.unAssocDiaSources) == 0
    database.close()


def test_results_that_are_not_there_are_told() -> None:
    visits, sources, _ = _tables()
    database = ssdb.connect()
    ssdb.ingest_visits(database, visits)
    ssdb.ingest_sources(database, sources)
    with pytest.raises(ssdb.NotFoundError, match="visit 9 is not in the database"):
        ssdb.load_result(database, visit=9)
    with pytest.raises(ssdb.NotFoundError, match="visit 1 has not been associated"):
        ssdb.load_result(database, visit=1)
    with pytest.raises(ssdb.NotFoundError, match="visit 1, detector 7 is not in the database"):
        ssdb.load_result(database, visit=1, detector=7)
    with pytest.raises(ssdb.NotFoundError):
        ssdb.visit_status(database, [1, 9])
    database.close()


def test_two_databases_in_memory_are_two() -> None:
    first, second = ssdb.connect(), ssdb.connect()
    ssdb.ingest_visits(first, _tables()[0])
    assert ssdb.status(first)["visits"] == 2
    assert ssdb.status(second)["visits"] == 0
    first.close()
    second.close()


def test_a_url_that_is_no_database_of_ssdb_is_a_schema_error(tmp_path: object) -> None:
    with pytest.raises(ssdb.SchemaError, match="ssdb init"):
        ssdb.connect(f"sqlite:///{tmp_path}/nothere.db")
    database = ssdb.initialize(f"sqlite:///{tmp_path}/here.db")
    assert isinstance(database, ssdb.Database)
    database.close()
    ssdb.connect(f"sqlite:///{tmp_path}/here.db").close()
