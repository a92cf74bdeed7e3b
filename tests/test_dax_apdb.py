"""Rubin's own reader of the APDB, on a database that ssdb has written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from astropy.time import Time
from dia_surveys import BEGIN, field, load, load_visits, rows_of
from test_dia_associate import done

from ssdb.ingest.forced import ingest_forced
from ssdb.schema.apdb_dia import dia_object, dia_object_last, dia_source
from ssdb.store.database import Database

sql = pytest.importorskip("lsst.dax.apdb.sql", reason="lsst-dax-apdb is not installed")
from lsst.sphgeom import Angle, Circle, LonLat, UnitVector3d  # noqa: E402

PAGE = Path(__file__).resolve().parents[1] / "docs" / "dia.md"
NOW = Time(BEGIN + 10, format="mjd", scale="tai")


def circle(ra: float, dec: float, radius: float) -> Any:
    """A region of the sky (deg)."""
    return Circle(UnitVector3d(LonLat.fromDegrees(ra, dec)), Angle.fromDegrees(radius))


@pytest.fixture
def survey(database: Database) -> Database:
    """Four visits, all given to DiaObjects."""
    load_visits(database, range(1, 5))
    load(database, field(range(1, 5)))
    done(database)
    return database


def with_views(database: Database) -> None:
    """The statements of the documentation."""
    section = PAGE.read_text(encoding="utf-8").split("## Rubin's own reader")[1].split("\n## ")[0]
    (statements,) = re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
    with database.writing() as connection:
        for statement in statements.split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)


def opened(database: Database, **options: Any) -> Any:
    """The reader; level 0 of HTM is what the views have."""
    url = database.engine.url.render_as_string(hide_password=False)
    config = sql.ApdbSqlConfig(db_url=url, **options)
    config.pixelization.htm_level = 0
    return sql.ApdbSql(config)


def test_it_refuses_the_tables_as_they_are(survey: Database) -> None:
    with pytest.raises(RuntimeError, match="Version key 'version:schema' does not exist in metadata table"):
        opened(survey)


@pytest.mark.parametrize("index", ["baseline", "last_object_table"])
def test_it_reads_objects_and_sources_by_way_of_views(survey: Database, index: str) -> None:
    with_views(survey)
    apdb = opened(survey, prefix="apdb_", dia_object_index=index)
    found = apdb.getDiaObjects(circle(10.0, -30.0, 1.0)).set_index("diaObjectId").sort_index()
    stored = rows_of(survey, dia_object_last if index == "last_object_table" else dia_object)
    assert found.index.tolist() == [row["diaObjectId"] for row in stored]
    for name in set(found.columns) & set(stored[0]):
        ours = np.array([np.nan if row[name] is None else row[name] for row in stored], float)
        # Of single numbers psycopg gives the shortest text that is one.
        np.testing.assert_allclose(found[name].to_numpy(float, na_value=np.nan), ours, rtol=1e-7, err_msg=name)

    ids = found.index[:5].tolist()
    sources = apdb.getDiaSources(circle(10.0, -30.0, 1.0), ids, NOW)
    wanted = {row["diaSourceId"]: row for row in rows_of(survey, dia_source) if row["diaObjectId"] in ids}
    assert sorted(sources["diaSourceId"]) == sorted(wanted)
    for row in sources.itertuples():
        ours = wanted[row.diaSourceId]
        assert (row.diaObjectId, row.visit, row.ra, row.band) == tuple(
            ours[name] for name in ("diaObjectId", "visit", "ra", "band")
        )
    everywhere = apdb.getDiaSources(circle(10.0, -30.0, 1.0), None, NOW)
    assert len(everywhere) == len(rows_of(survey, dia_source))
    assert apdb.containsVisitDetector(2, 0, circle(10.0, -30.0, 1.0), NOW)
    assert len(apdb.getDiaObjectsForDedup()) == len(stored)
    assert len(apdb.getDiaObjects(circle(100.0, 30.0, 1.0))) == 0


def test_it_reads_forced_sources(survey: Database) -> None:
    number = rows_of(survey, dia_object)[0]["diaObjectId"]
    given = {"diaObjectId": [number], "visit": [2], "ra": [10.0], "dec": [-30.0], "psfFlux": [5.0], "psfFluxErr": [1.0]}
    ingest_forced(survey, given)
    with_views(survey)
    apdb = opened(survey, prefix="apdb_")
    found = apdb.getDiaForcedSources(circle(10.0, -30.0, 1.0), [number], NOW)
    assert found[["diaObjectId", "visit", "psfFlux"]].to_numpy().tolist() == [[number, 2, 5.0]]


@pytest.mark.parametrize("ra", [0.0, 45.0, 90.0, 200.0, 359.999])
@pytest.mark.parametrize("dec", [-89.0, -0.001, 0.0, 89.0])
def test_octants_of_the_views_are_those_of_htm(sqlite_url: str, ra: float, dec: float) -> None:
    from lsst.sphgeom import HtmPixelization

    from ssdb import connect

    with connect(sqlite_url) as database:
        load_visits(database, [1], ra=ra, dec=dec)
        load(database, field([1], n=20, ra=ra, dec=dec if abs(dec) < 80 else np.sign(dec) * 88.0))
        with_views(database)
        with database.reading() as connection:
            found = connection.execute(sa.text('SELECT ra, "dec", "pixelId" FROM "apdb_DiaSource"')).all()
        htm = HtmPixelization(0)
        ours = [row.pixelId for row in found]
        assert ours == [htm.index(UnitVector3d(LonLat.fromDegrees(row.ra, row.dec))) for row in found]
