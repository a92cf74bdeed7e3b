"""DiaObjects of others as a beginning, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import sqlalchemy as sa
from astropy.table import Table
from click.testing import CliRunner
from dia_surveys import ARCSEC, BEGIN, load, load_visits, objects_of, rows_of, sources, stored
from test_dia_associate import done, holds

from ssdb import connect, ingest_objects, merge_objects, withdraw
from ssdb.cli import main
from ssdb.config import DiaConfig
from ssdb.dia.associate import associate_dia
from ssdb.errors import InputError
from ssdb.given_objects import given_moments, merge_moments
from ssdb.ingest.forced import ingest_forced
from ssdb.moments import FLUXES, add_fluxes, flux_columns, no_moments
from ssdb.schema.apdb_dia import dia_object, dia_object_last
from ssdb.schema.dia import dia_object_base, dia_object_moment
from ssdb.store.clock import mjd_tai_now
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import initialize
from ssdb.store.tables.dia_objects import recompute_objects

N = 12
OBJECTS = {"diaObjectId": [7, 8], "ra": [10.0, 10.1], "dec": [-30.0, -30.0], "nDiaSources": [4, 1]}


def table(**columns: Any) -> dict[str, Any]:
    """Two DiaObjects."""
    return {name: values for name, values in (OBJECTS | columns).items() if values is not None}


def seen(visits: Sequence[int]) -> list[pa.Table]:
    """Sources of visits at the same places, but for their errors, all seen in g or r with the same errors."""
    found = []
    for visit in visits:
        rng = np.random.default_rng([5, visit])
        d_east, d_north = rng.normal(0.0, 0.05 * ARCSEC, (2, N))
        dec = np.linspace(-30.3, -29.7, N) + d_north
        more = {"psfFlux": rng.normal(1000.0, 100.0, N).astype(np.float32), "band": ["g" if visit % 2 else "r"] * N}
        found.append(sources(visit, 10.0 + d_east / np.cos(np.radians(dec)), dec, **more))
    return found


def rows(database: Database, target: sa.Table = dia_object) -> list[Any]:
    return [dict(row) for row in rows_of(database, target)]


def one(database: Database, number: int, target: sa.Table = dia_object_last) -> dict[str, Any]:
    (row,) = (dict(row) for row in rows_of(database, target) if row["diaObjectId"] == number)
    return row


def recomputed(database: Database) -> None:
    with database.writing() as connection:
        recompute_objects(
            connection, np.array([row["diaObjectId"] for row in rows(database)]), DiaConfig(), mjd_tai_now()
        )


@pytest.fixture
def other(tmp_path: Path) -> Database:
    """Another database."""
    return initialize(f"sqlite:///{tmp_path / 'other.db'}")


def test_a_survey_goes_on_as_if_its_sources_were_here(database: Database, other: Database, tmp_path: Path) -> None:
    early, late = range(1, 6), range(6, 11)
    load_visits(other, [*early, *late])
    load(other, seen(early))
    done(other)
    pa.parquet.write_table(pa.Table.from_pylist(rows(other)), tmp_path / "objects.parquet")
    load(other, seen(late))
    done(other)

    report = ingest_objects(database, tmp_path / "objects.parquet")
    assert (report.kind, report.rows, report.new, report.doubts) == ("DiaObjects", N, N, ())
    assert ingest_objects(database, tmp_path / "objects.parquet").unchanged == N
    load_visits(database, late)
    load(database, seen(late))
    done(database)
    assert len(rows(database)) == N
    for ours, theirs in zip(rows(database), rows(other), strict=True):
        for name, value in theirs.items():
            if name == "validityStartMjdTai" or name.endswith("MaxSlope"):  # nobody knows the last flux of before
                continue
            tolerance = 1e-9 * ARCSEC if name in ("ra", "dec") else 1e-13 if name == "ra_dec_Cov" else 0.0
            if value is None:
                assert ours[name] is None, name
            else:
                assert ours[name] == pytest.approx(value, rel=2e-6, abs=tolerance), name
    before = stored(database)
    recomputed(database)
    assert stored(database) == before
    holds(database)


def test_what_was_stored_is_what_came(database: Database) -> None:
    given = table(
        raErr=[2e-5, None], decErr=[3e-5, None], ra_dec_Cov=[1e-11, None], r_psfFluxMean=[100.0, 50.0],
        r_psfFluxMeanErr=[1.7, None], r_psfFluxSigma=[3.3, None], r_psfFluxNdata=[3, None], r_psfFluxMin=[90.0, None],
        r_psfFluxMax=[110.0, None], r_psfFluxMaxSlope=[2.5, None], r_psfFluxErrMean=[3.1, None],
        g_scienceFluxMean=[7.0, None], g_scienceFluxMeanErr=[0.3, None], g_fpFluxMean=[5.0, 6.0],
        g_fpFluxMeanErr=[0.7, None], firstDiaSourceMjdTai=[59000.5, None], lastDiaSourceMjdTai=[59100.5, None],
        validityStartMjdTai=[59200.0, 59201.0],
    )  # fmt: skip
    ingest_objects(database, given)
    for again in range(2):
        first, second = rows(database)
        for place, row in enumerate((first, second)):
            for name, values in given.items():
                if values[place] is None or (again and name == "validityStartMjdTai"):
                    continue
                single = isinstance(dia_object.c[name].type, sa.REAL)
                assert row[name] == pytest.approx(values[place], rel=1e-7 if single else 0.0, abs=0.0), name
        assert first["validityEndMjdTai"] is None
        assert second["r_psfFluxNdata"] == 1
        assert second["g_psfFluxNdata"] == 0
        assert second["raErr"] is second["r_psfFluxMeanErr"] is second["firstDiaSourceMjdTai"] is None
        recomputed(database)
    last = one(database, 7)
    assert (last["searchRa"], last["zone"], last["nDiaSources"]) == (10.0, 3600, 4)
    moments = {(row["diaObjectId"], row["band"]): row for row in rows(database, dia_object_moment)}
    moment = moments[7, "r"]
    assert (moment["nWeighted"], moment["nValues"], moment["nErrors"], moment["lastFlux"]) == (3, 3, 3, None)
    assert moment["weight"] == pytest.approx(1.7**-2, rel=1e-6)
    assert moment["squares"] == pytest.approx(2 * 3.3**2, rel=1e-6)
    assert moments[7, "g"]["forcedWeight"] == pytest.approx(0.7**-2, rel=1e-6)
    holds(database)


def test_sources_are_added_and_taken_back(database: Database) -> None:
    ingest_objects(database, table(r_psfFluxMean=[1000.0, 10.0], r_psfFluxMeanErr=[5.0, None], r_psfFluxNdata=[4, 1]))
    before = stored(database)
    load_visits(database, [1, 2])
    load(database, [sources(n, [10.0, 10.1], -30.0, psfFlux=[1010.0, 20.0]) for n in (1, 2)])
    done(database)
    assert objects_of(database) == {1000: 7, 1001: 8, 2000: 7, 2001: 8}
    assert [row["nDiaSources"] for row in rows(database)] == [6, 3]
    first, second = rows(database)
    assert first["r_psfFluxMean"] == pytest.approx((1000.0 + 2 * 1010.0) / 3)
    assert first["r_psfFluxNdata"] == 6
    assert first["r_psfFluxSigma"] is None  # that of the four is not known
    assert first["firstDiaSourceMjdTai"] is None
    assert second["r_psfFluxMean"] == pytest.approx(20.0)  # the one of before has no weight
    assert second["r_psfFluxNdata"] == 2
    assert second["lastDiaSourceMjdTai"] == BEGIN + 2
    holds(database)
    withdraw(database, visit=2)
    assert one(database, 7)["nDiaSources"] == 5
    withdraw(database, visit=1)
    after = stored(database)
    assert after["DiaObject"] == before["DiaObject"]
    assert after["DiaObjectLast"] == before["DiaObjectLast"]
    assert after["DiaObjectMoment"] == before["DiaObjectMoment"]
    holds(database)


def test_a_visit_that_is_done_again_gives_the_same_objects(database: Database) -> None:
    ingest_objects(database, table(raErr=[1e-5, 1e-5], decErr=[1e-5, 1e-5]))
    load_visits(database, [1])
    load(database, [sources(1, [10.0, 10.1, 10.2], -30.0)])
    done(database)
    before = stored(database)
    assert not associate_dia(database, [1], solar_system=False).failed
    assert stored(database) == before
    assert [row["diaObjectId"] for row in rows(database)] == [7, 8, 1002]
    holds(database)


@pytest.mark.parametrize("position", ["weighted", "mean"])
def test_the_place_of_many_sources_weighs_as_much(database: Database, position: str) -> None:
    ingest_objects(database, table(nDiaSources=[15, 1]), position=position)
    load_visits(database, [1])
    away = 0.16 * ARCSEC
    load(database, [sources(1, [10.0], -30.0 + away, raErr=[0.2 * ARCSEC], decErr=[0.2 * ARCSEC])])
    associate_dia(database, solar_system=False, config=DiaConfig(position=position))
    moved = (one(database, 7)["dec"] + 30.0) / away
    assert moved == pytest.approx(1 / 16)
    before = stored(database)
    associate_dia(database, [1], solar_system=False, config=DiaConfig(position=position))
    assert stored(database) == before


def test_objects_of_others_that_are_one_are_merged(database: Database) -> None:
    given = table(
        ra=[10.0, 10.0], dec=[-30.0, -30.0 + 1.0 * ARCSEC], raErr=[1e-5, 1e-5], decErr=[1e-5, 1e-5],
        nDiaSources=[4, 2], r_psfFluxMean=[100.0, 130.0], r_psfFluxMeanErr=[1.0, 2.0], r_psfFluxNdata=[4, 2],
        r_psfFluxSigma=[3.0, 2.0], firstDiaSourceMjdTai=[59000.0, 59001.0], lastDiaSourceMjdTai=[59002.0, 59005.0],
        r_fpFluxMean=[10.0, 20.0], r_fpFluxMeanErr=[1.0, 1.0],
    )  # fmt: skip
    ingest_objects(database, given)
    assert merge_objects(database).merged == {8: 7}
    row = one(database, 7, dia_object)
    assert (row["nDiaSources"], row["firstDiaSourceMjdTai"], row["lastDiaSourceMjdTai"]) == (6, 59000.0, 59005.0)
    assert row["dec"] == pytest.approx(-30.0 + 0.5 * ARCSEC, abs=1e-12)
    assert row["r_psfFluxMean"] == pytest.approx((100.0 + 130.0 / 4) / 1.25)
    assert row["r_psfFluxSigma"] == pytest.approx(np.sqrt((27 + 4 + 900 * 8 / 6) / 5))
    assert row["r_fpFluxMean"] == pytest.approx(15.0)
    before = stored(database)
    recomputed(database)
    after = stored(database)
    assert after == before
    assert ingest_objects(database, given).unchanged == 2
    with pytest.raises(InputError, match=r"2 objects .* or were merged"):
        ingest_objects(database, given | {"nDiaSources": [5, 5]})
    holds(database)


def test_forced_fluxes_are_added_to_those_that_came(database: Database) -> None:
    ingest_objects(database, table(r_fpFluxMean=[10.0, None], r_fpFluxMeanErr=[1.0, None]))
    load_visits(database, [1])
    forced = {"diaObjectId": [7, 8], "visit": [1, 1], "ra": [10.0, 10.1], "dec": [-30.0, -30.0], "band": ["r", "r"]}
    ingest_forced(database, forced | {"psfFlux": [20.0, 30.0], "psfFluxErr": [1.0, 2.0]})
    assert [row["r_fpFluxMean"] for row in rows(database)] == pytest.approx([15.0, 30.0])
    assert one(database, 7, dia_object)["r_fpFluxMeanErr"] == pytest.approx(np.sqrt(0.5))
    ingest_forced(database, forced | {"psfFlux": [40.0, 30.0], "psfFluxErr": [1.0, 2.0]})
    assert [row["r_fpFluxMean"] for row in rows(database)] == pytest.approx([25.0, 30.0])
    before = stored(database)
    recomputed(database)
    assert stored(database) == before


def test_the_newest_version_counts(database: Database) -> None:
    given = {
        "diaObjectId": [7, 8, 7, 9, 7],
        "ra": [1.0, 2.0, 3.0, 4.0, 5.0],
        "dec": [0.0] * 5,
        "nDiaSources": [1, 2, 3, 4, 5],
        "validityStartMjdTai": [59000.0, 59000.0, 59002.0, 59000.0, 59001.0],
        "validityEndMjdTai": [59001.0, None, None, 59003.0, 59002.0],
    }
    report = ingest_objects(database, given)
    assert report.doubts[-2:] == (
        "2 earlier versions of objects left out",
        "1 objects left out that have ended (validityEndMjdTai)",
    )
    assert [(r["diaObjectId"], r["ra"], r["validityStartMjdTai"]) for r in rows(database)] == [
        (7, 3.0, 59002.0),
        (8, 2.0, 59000.0),
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"diaObjectId": [7, 7]}, r"parquet: diaObjectId is there twice \(row 2\)"),
        (
            {"diaObjectId": [7, 7], "validityStartMjdTai": [59000.0, 59000.0]},
            r"diaObjectId is there twice for one validityStartMjdTai \(row 2\)",
        ),
        ({"diaObjectId": [7, None]}, r"diaObjectId is missing \(row 2\)"),
        ({"nDiaSources": [4, -3]}, r"nDiaSources is below 0 \(row 2\)"),
        ({"nDiaSources": [4, None]}, r"nDiaSources is missing \(row 2\)"),
        ({"nDiaSources": None}, r"column nDiaSources is missing"),
        ({"ra": None}, r"column ra is missing"),
        ({"ra": [10.0, None]}, r"ra is not a number within -180 to 360 \(deg\) \(row 2\)"),
        ({"dec": [95.0, 0.0]}, r"dec is not a number within -90 to 90 \(deg\) \(row 1\)"),
        ({"raErr": [200.0, 0.0]}, r"raErr is "),
        ({"r_psfFluxSigma": [1.0, -1.0]}, r"r_psfFluxSigma is below 0 \(row 2\)"),
        ({"r_psfFluxNdata": [-3, 1]}, r"r_psfFluxNdata is below 0 \(row 1\)"),
        (
            {"firstDiaSourceMjdTai": [59001.0, 59000.0], "lastDiaSourceMjdTai": [59000.0, 59000.0]},
            r"firstDiaSourceMjdTai is after lastDiaSourceMjdTai \(row 1\)",
        ),
        ({"lastDiaSourceMjdTai": [2459000.5, None]}, r"looks like JD"),
    ],
)
def test_bad_objects_are_refused(database: Database, tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    path = tmp_path / "objects.parquet"
    pa.parquet.write_table(pa.table(table(**changed)), path)
    with pytest.raises(InputError, match=said) as caught:
        ingest_objects(database, path)
    assert "\n" not in str(caught.value)
    assert not rows(database)
    assert not rows(database, dia_object_base)


def test_an_object_is_replaced_while_it_has_no_sources(database: Database) -> None:
    ingest_objects(database, table(r_psfFluxMean=[1.0, 2.0]))
    report = ingest_objects(
        database, table(dec=[-30.0, -31.0], g_psfFluxMean=[3.0, 4.0]) | {"r_psfFluxMean": [1.0, 5.0]}
    )
    assert (report.new, report.changed, report.unchanged) == (0, 2, 0)
    assert [(r["dec"], r["r_psfFluxMean"], r["g_psfFluxMean"]) for r in rows(database)] == [
        (-30.0, 1.0, 3.0),
        (-31.0, 5.0, 4.0),
    ]
    ingest_objects(database, table())
    load_visits(database, [1])
    load(database, [sources(1, [10.0, 10.2], -30.0)])
    done(database)
    before = stored(database)
    assert ingest_objects(database, table()).unchanged == 2
    with pytest.raises(
        InputError, match=r"1 objects are stored already with other values.*\(diaObjectId 7\): nDiaSour"
    ):
        ingest_objects(database, table(nDiaSources=[5, 1]))
    with pytest.raises(InputError, match=r"1 objects are stored already, made of sources .*\(diaObjectId 1001\)"):
        ingest_objects(database, table(diaObjectId=[7, 1001]))
    assert stored(database) == before
    assert ingest_objects(database, table(nDiaSources=[4, 9])).changed == 1


@pytest.mark.parametrize("suffix", ["csv", "fits", "ecsv", "vot"])
def test_formats(database: Database, database_url: str, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"objects.{suffix}"
    given = Table(table(r_psfFluxMean=[100.0, -5.0], r_psfFluxMeanErr=[1.0, 2.0]))
    given.write(path, **({"format": "votable"} if suffix == "vot" else {}))
    result = CliRunner().invoke(main, ["--db", database_url, "ingest", "objects", str(path)])
    assert result.exit_code == 0, result.output
    assert "2 DiaObjects: 2 new, 0 changed, 0 unchanged" in result.output
    with connect(database_url) as again:
        assert [row["r_psfFluxMean"] for row in rows(again)] == [100.0, -5.0]


def test_moments_of_columns_and_of_two_sets() -> None:
    rng = np.random.default_rng(3)
    n, k = 50, 9

    def drawn(times: Sequence[float]) -> list[dict[str, Any]]:
        made = []
        for time in times:
            flux = rng.normal(1000.0, 50.0, n)
            flux[rng.random(n) < 0.1] = np.nan
            values = (flux, np.where(rng.random(n) < 0.1, np.nan, 5.0), rng.normal(9, 1, n), rng.uniform(1, 2, n))
            made.append({"midpointMjdTai": np.full(n, time)} | dict(zip(FLUXES, values, strict=True)))
        return made

    def total(parts: list[dict[str, Any]]) -> dict[str, Any]:
        moments = no_moments(n)
        for part in parts:
            moments = add_fluxes(moments, part)
        return dict(moments)

    early, late = drawn(range(k)), drawn(range(k, 2 * k))
    everything, merged = total(early + late), merge_moments(total(early), total(late))
    for name, values in everything.items():
        if name != "steepest":
            np.testing.assert_allclose(merged[name], values, rtol=1e-12, err_msg=name)
    clean = total([{name: np.nan_to_num(v, nan=5.0) for name, v in part.items()} for part in early])
    back = given_moments(flux_columns(clean))
    for name in ("nWeighted", "weight", "nValues", "lowest", "highest", "steepest", "nErrors", "errorMean"):
        np.testing.assert_allclose(back[name], clean[name], rtol=1e-12, err_msg=name)
    for name, values in flux_columns(clean).items():
        np.testing.assert_allclose(flux_columns(back)[name], values, rtol=1e-12, err_msg=name)
