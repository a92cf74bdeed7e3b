"""The box join: a superset of the pairs that may belong together, the same by the index and on arrays."""

from __future__ import annotations

import math
import re
from itertools import count, product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, norm
from small_surveys import CENTRES, MJD, change, designation

from ssdb.association import pairs as join
from ssdb.association.pairs import candidate_pairs, read_candidate_pairs, source_columns
from ssdb.association.refine import refine, search_radii
from ssdb.association.visit_batch import read_batch
from ssdb.config import AssociationConfig
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.schema.apdb_dia import dia_source
from ssdb.sky.boxes import zone_boxes
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect
from ssdb.store.driver import driver_connection
from ssdb.store.transfer.read import read_arrays

FIRST_VISIT = count(1, 10)
ARCSEC = math.radians(1 / 3600)
POLES = [(0.0, 90.0), (300.0, -90.0)]
FAST = st.sampled_from([0.0, 0.2, 30.0])
"""Degrees a day: at rest, a main-belt asteroid, one that passes very close."""


class Fields:
    """Some visits of one field each: predictions and sources as arrays, with what is unknown as NaN."""

    def __init__(
        self,
        seed: int,
        centre: tuple[float, float],
        size: float,
        rate: float,
        n_visits: int = 3,
        n: int = 12,
        exposure_time: float | None = None,
    ) -> None:
        rng = np.random.default_rng(seed)
        first = next(FIRST_VISIT)
        self.visits = [first + index for index in range(n_visits)]
        self.exposure_time = exposure_time
        """Seconds; where it is known, sources are anywhere on the trails of objects, which hold at their time."""
        kinds = rng.permutation(["both", "both", "no sources", "no predictions"])[:n_visits]
        with_predictions = [v for v, kind in zip(self.visits, kinds, strict=True) if kind != "no predictions"]
        with_sources = [v for v, kind in zip(self.visits, kinds, strict=True) if kind != "no sources"]
        self.predicted_visit = np.repeat(with_predictions, n)
        n_predictions = len(self.predicted_visit)
        start = self._scatter(centre, size, n_predictions, rng)
        if n_predictions:
            start[0] = unit_vectors(*np.array([centre]).T)[0]
        self.eph_ra, self.eph_dec = directions(start)
        if n_predictions:
            self.eph_ra[0], self.eph_dec[0] = centre
        angle = rng.uniform(0, 2 * math.pi, n_predictions)
        self.rate_ra, self.rate_dec = rate * np.sin(angle), rate * np.cos(angle)
        self.rate_dec[rng.random(n_predictions) < 0.2] = np.nan
        shutter = 0.008 if exposure_time is None else 0.0  # or the boxes are so wide that trails are no matter
        self.eph_time = MJD + rng.uniform(-shutter, shutter, n_predictions)
        self.major, self.minor, self.angle = (
            np.where(rng.random(n_predictions) < 0.3, np.nan, rng.uniform(low, high, n_predictions)).astype("f4")
            for low, high in ((0.01, 10.0), (0.01, 3.0), (0.0, 180.0))
        )
        self.source_visit = np.repeat(with_sources, 3 * n)
        n_sources = len(self.source_visit)
        self.time = MJD + rng.uniform(-shutter, shutter, n_sources)
        self.vector = self._scatter(centre, size, n_sources, rng)
        for index in np.flatnonzero(rng.random(n_sources) < 0.7):
            others = np.flatnonzero(self.predicted_visit == self.source_visit[index])
            if len(others):
                along = rng.uniform(-0.5, 0.5) * (exposure_time or 0.0) / 86400
                there = self.moved(np.array([rng.choice(others)]), self.time[index : index + 1] + along)
                self.vector[index] = there[0] + rng.normal(0, 0.3 * size * ARCSEC / math.sqrt(3), 3)
        self.ra, self.dec = directions(self.vector)
        self.vector = unit_vectors(self.ra, self.dec)
        self.ra_err, self.dec_err = (rng.uniform(0, 1 / 3600, n_sources).astype("f4") for _ in range(2))
        self.trail_length = np.where(rng.random(n_sources) < 0.5, np.nan, 10 ** rng.uniform(0, 2.5, n_sources)).astype(
            "f4"
        )
        self.v_magnitude = np.where(rng.random(n_predictions) < 0.3, np.nan, rng.uniform(15, 25, n_predictions)).astype(
            "f4"
        )

    @staticmethod
    def _scatter(centre: tuple[float, float], size: float, n: int, rng: np.random.Generator) -> np.ndarray:
        return unit_vectors(*np.array([centre]).T) + rng.normal(0, size * ARCSEC, (n, 3))

    def moved(self, index: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Unit vectors of predictions at times: turned about the pole of the great circle on which they move."""
        start, lon = unit_vectors(self.eph_ra[index], self.eph_dec[index]), np.radians(self.eph_ra[index])
        east = np.stack([-np.sin(lon), np.cos(lon), 0 * lon], axis=-1)
        rates = np.stack([self.rate_ra[index], self.rate_dec[index]], axis=-1)
        rates[np.isnan(rates).any(axis=1)] = 0.0
        speed = np.linalg.norm(rates, axis=1)
        towards = rates[:, :1] * east + rates[:, 1:] * np.cross(start, east)
        towards /= np.where(speed > 0, speed, 1.0)[:, None]
        angle = np.radians(speed * (time - self.eph_time[index]))[:, None]
        return np.cos(angle) * start + np.sin(angle) * towards

    def load(self, database: Database) -> None:
        """Ingests everything; a visit without predictions has no known object."""
        exposures = {"visit": self.visits, "midpointMjdTai": [MJD] * len(self.visits)}
        if self.exposure_time is not None:
            exposures |= {"exposureTime": [self.exposure_time] * len(self.visits)}
        ingest_visits(database, pa.table(exposures))
        numbers = np.arange(len(self.predicted_visit))
        columns = {
            "visit": pa.array(self.predicted_visit, pa.int64()),
            "designation": pa.array([designation(number) for number in numbers.tolist()], pa.string()),
            "midpointMjdTai": self.eph_time,
            "ephRa": self.eph_ra,
            "ephDec": self.eph_dec,
            "ephRateRa": self.rate_ra,
            "ephRateDec": self.rate_dec,
            "ephErrMajor": self.major,
            "ephErrMinor": self.minor,
            "ephErrPa": self.angle,
            "ephVmag": self.v_magnitude,
        }
        ingest_predictions(database, pa.table(columns), complete=True)
        identifiers = self.visits[0] * 1000 + np.arange(len(self.source_visit))
        columns = {
            "diaSourceId": pa.array(identifiers, pa.int64()),
            "visit": pa.array(self.source_visit, pa.int64()),
            "midpointMjdTai": self.time,
            "ra": self.ra,
            "dec": self.dec,
            "raErr": self.ra_err,
            "decErr": self.dec_err,
            "trailLength": self.trail_length,
        }
        ingest_sources(database, pa.table(columns))

    def pairs(self, database: Database, config: AssociationConfig) -> list[tuple[int, int]]:
        """What the join finds: indices of a prediction and of a source."""
        with database.writing() as connection:
            found = both_joins(connection, self.visits, config)
            sql = 'SELECT visit, "ssObjectId", designation FROM "SsPrediction"'
            names = {row[:2]: row[2] for row in connection.execute(sa.text(sql))}
        index = {designation(number): number for number in range(len(self.predicted_visit))}
        keys = zip(found["visit"].tolist(), found["ssObjectId"].tolist(), strict=True)
        predictions = [index[names[key]] for key in keys]
        sources = (found["diaSourceId"] - self.visits[0] * 1000).tolist()
        assert found["ra"].tolist() == self.ra[sources].tolist()
        return list(zip(predictions, sources, strict=True))

    def all_pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Every pair of a visit: prediction, source, separation at the source's time and as predicted (arcsec)."""
        prediction, source = np.nonzero(self.predicted_visit[:, None] == self.source_visit)
        at_its_time = angles(self.moved(prediction, self.time[source]), self.vector[source])
        start = unit_vectors(self.eph_ra[prediction], self.eph_dec[prediction])
        return prediction, source, at_its_time, angles(start, self.vector[source])

    def largest_motion(self) -> np.ndarray:
        """How far each prediction may move to a source of its visit, arcsec."""
        speed = np.nan_to_num(np.hypot(self.rate_ra, self.rate_dec)) * 3600
        times = [self.time[self.source_visit == visit] for visit in self.predicted_visit]
        spans = [np.abs(t - own).max(initial=0.0) for t, own in zip(times, self.eph_time, strict=True)]
        return speed * np.array(spans)


def both_joins(connection: sa.Connection, visits: list[int], config: AssociationConfig) -> dict[str, np.ndarray]:
    """What the join finds for all predictions of visits: the same in the database and on arrays, to the bit."""
    read = read_batch(connection, visits, config)
    considered = np.ones(len(read.predictions["visit"]), bool)
    found = read_candidate_pairs(connection, read, considered, config)
    columns = [dia_source.c[name] for name in ("visit", *source_columns(config)) if name not in ("band", "flagged")]
    wanted = sa.select(*columns).where(dia_source.c.visit.in_(visits)).order_by(dia_source.c.dec)
    sources = read_arrays(connection, wanted)
    if config.mode == "uncertainty":
        sources["band"], sources["flagged"] = np.zeros(len(sources["ra"]), "S32"), np.zeros(len(sources["ra"]), "i2")
    on_arrays = candidate_pairs(sources, read, considered, config)
    assert on_arrays.keys() == found.keys()
    for name, values in found.items():
        np.testing.assert_array_equal(on_arrays[name], values, name)
        assert on_arrays[name].dtype == values.dtype, name
    return found


def unit_vectors(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    lon, lat = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def directions(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y, z = vectors.T
    return np.degrees(np.arctan2(y, x)) % 360.0 % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))


def angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(axis=-1)) / ARCSEC


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    centre=st.sampled_from([*CENTRES, *POLES]),
    radius=st.sampled_from([0.5, 30.0, 3600.0]),
    rate=FAST,
)
def test_no_pair_within_the_radius_is_missed(
    database: Database, seed: int, centre: tuple[float, float], radius: float, rate: float
) -> None:
    """Across 0h, at the poles, with a degree of radius, for fast objects: all pairs, none twice, few that are none."""
    fields = Fields(seed, centre, 3 * radius, rate)
    fields.load(database)
    found = fields.pairs(database, AssociationConfig(radius_arcsec=radius))
    assert len(set(found)) == len(found)
    prediction, source, separation, from_start = fields.all_pairs()
    within = separation <= radius
    assert set(found) >= set(zip(prediction[within].tolist(), source[within].tolist(), strict=True))
    # The box is at most thrice as far as the circle in it, and that only beside a pole.
    reach = 3.1 * (radius + fields.largest_motion()[prediction])
    near = from_start <= reach
    assert set(found) <= set(zip(prediction[near].tolist(), source[near].tolist(), strict=True))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    centre=st.sampled_from([*CENTRES, *POLES]),
    config=st.builds(
        AssociationConfig,
        mode=st.just("uncertainty"),
        n_sigma=st.sampled_from([0.5, 3.0]),
        max_radius_arcsec=st.sampled_from([1.0, 60.0]),
        default_sigma_arcsec=st.sampled_from([0.05, 2.0]),
        floor_arcsec=st.sampled_from([0.0, 1.0]),
    ),
)
def test_no_pair_within_the_ellipses_is_missed(
    database: Database, seed: int, centre: tuple[float, float], config: AssociationConfig
) -> None:
    """Whatever chi-square can keep, by the eigenvalues of the errors' sum, is among the pairs of the join."""
    fields = Fields(seed, centre, 5.0, 0.2)
    fields.load(database)
    found = fields.pairs(database, config)
    prediction, source, separation, _ = fields.all_pairs()
    # Along the longest axis of the prediction's error and with the source's larger error: no direction allows more.
    major = np.where(np.isnan(fields.major), config.default_sigma_arcsec, fields.major)[prediction]
    error = 3600 * np.maximum(fields.ra_err, fields.dec_err)[source].astype(float)
    sigma = np.sqrt(major.astype(float) ** 2 + error**2 + config.floor_arcsec**2)
    limit = math.sqrt(chi2.isf(2 * norm.sf(config.n_sigma), 2))
    within = separation <= np.minimum(limit * sigma, config.max_radius_arcsec)
    assert set(found) >= set(zip(prediction[within].tolist(), source[within].tolist(), strict=True))
    assert len(set(found)) == len(found)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    centre=st.sampled_from([*CENTRES, *POLES]),
    rate=st.sampled_from([0.0, 2.0, 10.0]),
    exposure_time=st.sampled_from([None, 30.0, 300.0]),
    config=st.builds(
        AssociationConfig,
        mode=st.just("uncertainty"),
        n_sigma=st.sampled_from([0.5, 4.0]),
        max_radius_arcsec=st.sampled_from([5.0, 120.0]),
    ),
)
def test_no_pair_on_a_trail_is_missed(
    database: Database,
    seed: int,
    centre: tuple[float, float],
    rate: float,
    exposure_time: float | None,
    config: AssociationConfig,
) -> None:
    """What the exact test keeps of all pairs of a visit, it keeps of those of the join."""
    fields = Fields(seed, centre, 3.0, rate, exposure_time=exposure_time)
    fields.load(database)
    found = set(fields.pairs(database, config))
    prediction, source, *_ = fields.all_pairs()
    predictions = {
        "visit": fields.predicted_visit,
        "midpointMjdTai": fields.eph_time,
        "ephRa": fields.eph_ra,
        "ephDec": fields.eph_dec,
        "ephRateRa": fields.rate_ra,
        "ephRateDec": fields.rate_dec,
        "ephErrMajor": fields.major,
        "ephErrMinor": fields.minor,
        "ephErrPa": fields.angle,
    }
    length = np.nan_to_num(np.hypot(fields.rate_ra, fields.rate_dec)) / 24 * (exposure_time or 0.0)
    of_source = {"ra": fields.ra, "dec": fields.dec, "midpointMjdTai": fields.time, "trailLength": fields.trail_length}
    of_source |= {"raErr": fields.ra_err, "decErr": fields.dec_err, "diaSourceId": np.arange(len(fields.ra))}
    pairs = {name: values[source] for name, values in of_source.items()}
    pairs |= {"prediction": prediction, "ra_dec_Cov": np.zeros(len(source)), "trail": length[prediction]}
    kept = refine(predictions, pairs, config, 1e-4).pair
    assert found >= set(zip(prediction[kept].tolist(), source[kept].tolist(), strict=True))


@pytest.mark.parametrize(("centre", "radius"), [(CENTRES[1], 2.0), (POLES[0], 30.0), (CENTRES[5], 3600.0)])
@pytest.mark.parametrize("mode", ["fixed", "uncertainty"])
def test_both_databases_find_the_same_pairs(
    sqlite_url: str, postgresql_url: str, centre: tuple[float, float], radius: float, mode: str
) -> None:
    """The two statements are one."""
    fields = Fields(3, centre, 2 * min(radius, 30.0), 2.0)
    config = AssociationConfig(mode=mode, radius_arcsec=radius, max_radius_arcsec=radius)
    found = []
    for url in (sqlite_url, postgresql_url):
        database = connect(url)
        fields.load(database)
        found.append(fields.pairs(database, config))
        database.close()
    assert found[0] == found[1]
    assert found[0]


@pytest.mark.parametrize("dec", [90.0, -90.0])
def test_at_a_pole_every_right_ascension_is_near(database: Database, dec: float) -> None:
    """Sources half an arcsecond from the pole all round, for a prediction at the pole and for one beside it."""
    ingest_visits(database, pa.table({"visit": [1], "midpointMjdTai": [MJD]}))
    predictions = {"visit": [1, 1], "designation": ["433", "434"], "ephRa": [0.0, 123.0], "ephDec": [dec, dec * 0.9999]}
    ingest_predictions(database, pa.table(predictions))
    ra = np.arange(0.0, 360.0, 22.5)
    sources = {"diaSourceId": range(16), "visit": [1] * 16, "ra": ra, "dec": [math.copysign(90 - 0.5 / 3600, dec)] * 16}
    ingest_sources(database, pa.table(sources))
    config = AssociationConfig(radius_arcsec=33.0)
    with database.writing() as connection:
        pairs = both_joins(connection, [1], config)
    by_object = [np.sort(pairs["diaSourceId"][pairs["prediction"] == index]).tolist() for index in (0, 1)]
    assert by_object == [list(range(16))] * 2


@pytest.mark.parametrize("ra", [10.0, 0.0001])
def test_a_source_at_the_edge_of_a_box_is_in_it(database: Database, ra: float) -> None:
    """And one that is the next number away is not; of several in one place all are."""
    ingest_visits(database, pa.table({"visit": [1, 2], "midpointMjdTai": [MJD] * 2}))
    predictions = {"visit": [1, 2], "designation": ["433"] * 2, "ephRa": [ra] * 2, "ephDec": [1.0] * 2}
    ingest_predictions(database, pa.table(predictions))
    config = AssociationConfig(radius_arcsec=2.0)
    boxes = zone_boxes(
        [ra], [1.0], search_radii({"ephRateRa": np.zeros(1), "ephRateDec": np.zeros(1)}, config, 0, 0) / 3600
    )
    edges = [boxes.ra0.max(), np.nextafter(boxes.ra0.max(), 0.0), boxes.ra1.min(), np.nextafter(boxes.ra1.min(), 90.0)]
    sources = {"diaSourceId": range(16), "visit": [1, 2] * 8, "ra": np.repeat(edges, 4), "dec": [1.0] * 16}
    ingest_sources(database, pa.table(sources))
    with database.writing() as connection:
        found = both_joins(connection, [1, 2], config)
    assert found["diaSourceId"].tolist() == [0, 2, 8, 10, 1, 3, 9, 11]


def test_an_error_ellipse_that_is_none_counts_as_unknown(database: Database) -> None:
    """Zero and negative errors of a prediction are the default: the box is as wide as the exact test needs."""
    fields = Fields(8, (10.0, 10.0), 2.0, 0.0)
    fields.major[:] = np.nan
    fields.load(database)
    config = AssociationConfig(mode="uncertainty", default_sigma_arcsec=1.0)
    unknown = fields.pairs(database, config)
    assert unknown
    for value in (0.0, -0.01):
        change(database, 'UPDATE "SsPrediction" SET "ephErrMajor" = :value', value=value)
        assert fields.pairs(database, config) == unknown


def test_the_error_of_a_source_may_be_as_small_as_it_likes(database: Database) -> None:
    """The square of 1e-25 deg is nothing in single precision: no reason to fail."""
    fields = Fields(8, (10.0, 10.0), 2.0, 0.0)
    fields.load(database)
    change(database, 'UPDATE "DiaSource" SET "raErr" = 1e-25, "decErr" = 1e-25')
    assert fields.pairs(database, AssociationConfig(mode="uncertainty"))


def _plan(database: Database, visits: list[int], config: AssociationConfig, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the database says it would run the join, asked where association runs it."""
    plans: list[str] = []
    read = join.read_arrays

    def explained(
        connection: sa.Connection, statement: sa.Select, parameters: dict[str, Any], bounded: bool
    ) -> dict[str, np.ndarray]:
        compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
        text = str(compiled)
        if "box b" in text:
            values = compiled.construct_params(parameters)
            if connection.dialect.name == "postgresql":
                found = driver_connection(connection).execute(f"EXPLAIN {text}", values)
                plans.extend(row[0] for row in found.fetchall())
            else:
                places = tuple(values[name] for name in compiled.positiontup)
                found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", places)
                plans.extend(row.detail for row in found)
        return read(connection, statement, parameters, bounded=bounded)

    with monkeypatch.context() as patch, database.writing() as connection:
        patch.setattr(join, "read_arrays", explained)
        both_joins(connection, visits, config)
    return "\n".join(plans)


def _pretend_to_be_huge(database: Database) -> None:
    """Lets the planner believe that DiaSource has a billion rows."""
    if database.dialect == "postgresql":
        change(database, "UPDATE pg_class SET reltuples = 1e9 WHERE oid = '\"DiaSource_0\"'::regclass")
    else:
        change(database, "UPDATE sqlite_stat1 SET stat = '1000000000 10000 5 1' WHERE idx LIKE '%zone%'")
        change(database, "ANALYZE sqlite_schema")


@pytest.mark.parametrize("statistics", ["none", "fresh", "of a huge table"])
def test_the_join_goes_through_the_index(database: Database, monkeypatch: pytest.MonkeyPatch, statistics: str) -> None:
    """Visit, zone and right ascension all bound the search in the index, whatever is known of the table."""
    rng = np.random.default_rng(2)
    visit = np.repeat(np.arange(1, 51), 200)
    ingest_visits(database, pa.table({"visit": np.arange(1, 51), "midpointMjdTai": [MJD] * 50}))
    ra, dec = rng.uniform(0, 2, 10_000), rng.uniform(-1, 1, 10_000)
    ingest_sources(database, pa.table({"diaSourceId": np.arange(10_000), "visit": visit, "ra": ra, "dec": dec}))
    few = np.arange(0, 10_000, 10)
    names = [designation(int(index)) for index in few]
    predictions = {"visit": visit[few], "designation": names, "ephRa": ra[few], "ephDec": dec[few]}
    ingest_predictions(database, pa.table(predictions))
    if statistics != "none":
        change(database, "ANALYZE")
    if statistics == "of a huge table":
        _pretend_to_be_huge(database)
    for mode, n_visits in product(("fixed", "uncertainty"), (1, 50)):
        plan = _plan(database, list(range(1, n_visits + 1)), AssociationConfig(mode=mode), monkeypatch)
        if database.dialect == "sqlite":
            bounds = r"\(visit=\? AND zone=\? AND ra>\? AND ra<\?\)"
            assert re.search(rf"USING INDEX ix_DiaSource_visit_zone_ra {bounds}", plan), plan
            assert not re.search(r"SCAN (d|DiaSource)\b", plan), plan
        else:
            scan = re.search(r'"?DiaSource_0_visit_zone_ra_idx"?.*\n\s+Index Cond: (.*)', plan)
            assert scan, plan
            for bound in ("visit = ", "zone = ", "ra >= ", "ra <= "):
                assert bound in scan[1], plan
            assert 'Seq Scan on "' not in plan, plan


def test_the_settings_of_the_join_end_with_it(postgresql_url: str) -> None:
    """What helps the join must not bend the plans of the statements after it."""
    database = connect(postgresql_url)
    fields = Fields(1, (0.0, 0.0), 1.0, 0.0)
    fields.load(database)
    names = ("jit", "enable_hashjoin", "enable_mergejoin", "enable_seqscan")
    with database.writing() as connection:
        before = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
        config = AssociationConfig()
        both_joins(connection, fields.visits, config)
        assert [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names] == before
    database.close()
