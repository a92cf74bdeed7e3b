"""The association of one detector in memory: what comes out, and what does not go from one call to the next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy.table import Table
from small_surveys import CENTRES, MJD, designation
from task_inputs import HEIGHT, WIDTH, exposure, predictions, random_inputs, same_table, sky, sources, tangent_wcs

import ssdb
from ssdb.ask.association_result import AssociationResult
from ssdb.rubin.task import SsSingleFrameAssociation
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.survey import ss_prediction
from ssdb.store.database import Database

TABLES = {
    "ssoAssocDiaSources": dia_source,
    "unAssocDiaSources": dia_source,
    "ssSourceData": ss_source,
    "unassociatedSsObjects": ss_prediction,
}
NAN = float("nan")


def by_database(
    database: Database, image: ssdb.Exposure, near: Any, expected: Any, config: ssdb.AssociationConfig | None = None
) -> AssociationResult:
    """The same by way of a database of one's own."""
    of_visit = {"visit": np.full(len(near["ra"]), image.visit), "detector": np.full(len(near["ra"]), image.detector)}
    visit = {"visit": [image.visit], "midpointMjdTai": [image.midpoint_mjd_tai]}
    of_exposure = {name: v for name, v in (("band", image.band), ("exposureTime", image.exposure_time)) if v}
    visit |= {name: [value] for name, value in of_exposure.items()}
    of_visit |= {name: [value] * len(near["ra"]) for name, value in of_exposure.items()}
    ssdb.ingest_visits(database, visit)
    ssdb.ingest_detectors(database, image)
    ssdb.ingest_sources(database, {**of_visit, **near})
    ssdb.ingest_predictions(database, {**expected, "visit": np.full(len(expected["ephRa"]), image.visit)})
    assert not ssdb.associate(database, config=config).failed
    return ssdb.load_result(database, image.visit, image.detector)


def assert_same(one: AssociationResult, other: AssociationResult) -> None:
    for name in TABLES:
        assert same_table(getattr(one, name), getattr(other, name)), name
    assert (one.nTotalSsObjects, one.nAssociatedSsObjects) == (other.nTotalSsObjects, other.nAssociatedSsObjects)


# What comes out


def test_sources_that_are_objects_and_objects_without_a_source() -> None:
    """A source 0.2 arcsec beside its object, one alone, an object alone, and one that is not on the detector."""
    near = sources([101.0, 250.0], [100.0, 200.0])
    expected = predictions([100.0, 50.0, 1000.0], [100.0, 50.0, 100.0])
    result = SsSingleFrameAssociation().run(exposure(), near, "r", expected)
    assert (result.nTotalSsObjects, result.nAssociatedSsObjects) == (2, 1)
    assert result.ssoAssocDiaSources["diaSourceId"].tolist() == [100]
    assert result.unAssocDiaSources["diaSourceId"].tolist() == [101]
    assert result.unAssocDiaSources["ssObjectId"].tolist() == [0]
    assert result.ssSourceData["diaSourceId"].tolist() == [100]
    assert result.ssSourceData["designation"].tolist() == [designation(0)]
    assert result.ssSourceData["ephOffset"].quantity.to_value("arcsec") == pytest.approx(0.2, abs=1e-4)
    assert result.unassociatedSsObjects["designation"].tolist() == [designation(1)]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_result_is_that_of_a_database(database: Database, seed: int) -> None:
    """The same rows, to the bit, as loading and associating the detector in a database gives."""
    wcs = tangent_wcs()
    near, expected = random_inputs(wcs, seed)
    result = SsSingleFrameAssociation().run(exposure(wcs), near, None, expected)
    assert result.nAssociatedSsObjects > 5
    assert len(result.unassociatedSsObjects)
    assert_same(result, by_database(database, exposure(wcs), near, expected))


@pytest.mark.parametrize("lacking", [(), ("band", "reliability", "isDipole"), ("psfFluxErr", "trailAngle", "ephVmag")])
@pytest.mark.parametrize("seed", [1, 2])
def test_all_that_is_weighed_is_weighed_as_in_a_database(database: Database, seed: int, lacking: tuple[str]) -> None:
    """Magnitudes, trails, flags, reliabilities and bands, some unknown, in uncertainty mode: the same to the bit."""
    wcs, rng = tangent_wcs(), np.random.default_rng(seed)
    near, expected = random_inputs(wcs, seed)

    def single(low: float, high: float, n: int = 53) -> np.ndarray:
        return np.where(rng.random(n) < 0.2, np.nan, rng.uniform(low, high, n)).astype(np.float32)

    near |= {"psfFluxErr": single(300, 400), "psfFlux": single(-500, 1e4), "reliability": single(0, 1)}
    near |= {"trailLength": single(0, 20), "trailAngle": single(-90, 90)}
    near |= {"raErr": single(1e-5, 1e-4), "decErr": single(1e-5, 1e-4)}
    near |= {"isDipole": rng.random(53) < 0.2, "pixelFlags_cr": rng.random(53) < 0.1}
    near |= {"band": rng.choice(["r", "lsst_g", "é"], 53).tolist()}
    expected |= {"ephVmag": single(20, 23, 20), "ephErrMajor": single(0.2, 2, 20), "ephErrMinor": single(0.1, 0.2, 20)}
    expected |= {"ephErrPa": single(0, 180, 20), "ephRateRa": expected["ephRateRa"] * 5}
    near, expected = ({k: v for k, v in table.items() if k not in lacking} for table in (near, expected))
    config = ssdb.AssociationConfig(mode="uncertainty", max_radius_arcsec=20.0, min_probability=0.2)
    image = exposure(wcs, band="z", exposure_time=300.0)
    result = SsSingleFrameAssociation(config).run(image, near, None, expected)
    assert result.nAssociatedSsObjects > 2
    assert_same(result, by_database(database, image, near, expected, config))


@pytest.mark.parametrize("centre", CENTRES)
def test_the_result_is_that_of_a_database_everywhere_on_the_sky(centre: tuple[float, float]) -> None:
    """Across 0h and at the poles too."""
    wcs = tangent_wcs(*centre)
    near, expected = random_inputs(wcs, 3)
    result = SsSingleFrameAssociation().run(exposure(wcs), near, None, expected)
    assert result.nAssociatedSsObjects > 5
    assert_same(result, by_database(ssdb.connect(), exposure(wcs), near, expected))


def test_the_configuration_is_used() -> None:
    near, expected = sources([110.0], [100.0]), predictions([100.0], [100.0])  # 2 arcsec
    for radius, found in ((1.9, 0), (2.1, 1)):
        task = SsSingleFrameAssociation(ssdb.AssociationConfig(radius_arcsec=radius))
        assert task.run(exposure(), near, "r", expected).nAssociatedSsObjects == found


def test_an_object_just_off_the_detector_counts_only_with_a_source() -> None:
    """Within the padding, which is the search radius in pixels."""
    expected = predictions([WIDTH + 1.0], [150.0])
    task = SsSingleFrameAssociation()
    alone = task.run(exposure(), sources([10.0], [10.0]), "r", expected)
    assert (alone.nTotalSsObjects, len(alone.unassociatedSsObjects)) == (0, 0)
    seen = task.run(exposure(), sources([WIDTH - 1.0], [150.0]), "r", expected)
    assert (seen.nTotalSsObjects, seen.nAssociatedSsObjects) == (1, 1)


def test_sources_off_the_detector_are_no_objects() -> None:
    """Even exactly where an object is predicted that is not on the detector either."""
    result = SsSingleFrameAssociation().run(
        exposure(), sources([WIDTH + 500.0], [150.0]), "r", predictions([WIDTH + 500.0], [150.0])
    )
    assert (result.nTotalSsObjects, result.nAssociatedSsObjects) == (0, 0)
    assert result.unAssocDiaSources["diaSourceId"].tolist() == [100]


def test_a_source_at_another_time_is_compared_with_the_moved_prediction() -> None:
    """After 0.01 d at 1 deg/d north the object is 36 arcsec, 180 pixels, higher."""
    near = sources([100.0], [280.0]) | {"midpointMjdTai": [MJD + 0.01]}
    expected = predictions([100.0], [100.0]) | {"ephRateRa": [0.0], "ephRateDec": [1.0]}
    assert SsSingleFrameAssociation().run(exposure(), near, "r", expected).nAssociatedSsObjects == 1


# Nothing in


def empty_tables() -> dict[str, Any]:
    columns: dict[str, list[float]] = {"designation": [], "ephRa": [], "ephDec": []}
    return {
        "Table without columns": Table(),
        "Table": Table(columns),
        "pandas without columns": pd.DataFrame(),
        "pandas": pd.DataFrame(columns),
        "pyarrow": pa.table(columns),
        "mapping without columns": {},
        "mapping": columns,
    }


@pytest.mark.parametrize("kind", empty_tables())
def test_an_empty_table_of_objects_is_an_answer(kind: str) -> None:
    """No object is known: no error, and tables with all columns and types."""
    near, expected = random_inputs(tangent_wcs(), 5)
    task = SsSingleFrameAssociation()
    full, none = task.run(exposure(), near, "r", expected), task.run(exposure(), near, "r", empty_tables()[kind])
    assert (none.nTotalSsObjects, none.nAssociatedSsObjects) == (0, 0)
    assert len(none.unAssocDiaSources) == 53
    for name, table in TABLES.items():
        assert getattr(none, name).colnames == arrow_schema(table).names
    for name in ("ssSourceData", "unassociatedSsObjects"):
        for column in getattr(full, name).itercols():
            assert getattr(none, name)[column.name].dtype.kind == column.dtype.kind
            assert getattr(none, name)[column.name].unit == column.unit


@pytest.mark.parametrize("kind", empty_tables())
def test_without_sources_all_objects_are_expected_in_vain(kind: str) -> None:
    result = SsSingleFrameAssociation().run(
        exposure(), empty_tables()[kind], "r", predictions([9.0, 20.0], [9.0, 20.0])
    )
    assert (result.nTotalSsObjects, result.nAssociatedSsObjects) == (2, 0)
    assert len(result.unassociatedSsObjects) == 2
    assert len(result.unAssocDiaSources) == 0


def test_no_table_of_objects_is_no_work() -> None:
    with pytest.raises(ssdb.NoWorkFound, match="solarSystemObjectTable"):
        SsSingleFrameAssociation().run(exposure(), sources([1.0], [1.0]), "r")


# What is not usable


def test_a_repeated_identifier_is_named() -> None:
    near = sources([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) | {"diaSourceId": [2**62 + 1, 5, 2**62 + 1]}
    with pytest.raises(ssdb.DuplicateSourceError, match=str(2**62 + 1)) as caught:
        SsSingleFrameAssociation().run(exposure(), near, "r", predictions([1.0], [1.0]))
    assert isinstance(caught.value, RuntimeError)


@pytest.mark.parametrize("value", [NAN, np.inf, None])
@pytest.mark.parametrize("column", ["ra", "dec"])
def test_a_source_without_position_is_named_or_left_out(value: float | None, column: str) -> None:
    near = sources([10.0, 100.0, 50.0], [10.0, 100.0, 50.0])
    near[column] = pa.array([near[column][0], value, near[column][2]], pa.float64())
    expected = predictions([10.0], [10.0])
    with pytest.raises(ssdb.InputError, match=r"sourceTable: .*diaSourceId 101 in row 2"):
        SsSingleFrameAssociation().run(exposure(), near, "r", expected)
    task = SsSingleFrameAssociation(skip_invalid=True)
    result = task.run(exposure(), near, "r", expected)
    assert result.nAssociatedSsObjects == 1
    assert result.unAssocDiaSources["diaSourceId"].tolist() == [102]
    assert (task.metadata["nSources"], task.metadata["nInvalidSources"]) == (2, 1)


@pytest.mark.parametrize("column", ["ephRa", "ephDec"])
def test_an_object_without_position_is_named_or_left_out(column: str) -> None:
    expected = predictions([10.0, 20.0], [10.0, 20.0])
    expected[column] = [expected[column][0], NAN]
    with pytest.raises(ssdb.InputError, match=rf"solarSystemObjectTable: .*designation {designation(1)} in row 2"):
        SsSingleFrameAssociation().run(exposure(), sources([10.0], [10.0]), "r", expected)
    task = SsSingleFrameAssociation(skip_invalid=True)
    assert task.run(exposure(), sources([10.0], [10.0]), "r", expected).nTotalSsObjects == 1
    assert task.metadata["nInvalidSsObjects"] == 1


def test_errors_name_the_table() -> None:
    task, near, expected = SsSingleFrameAssociation(), sources([10.0], [10.0]), predictions([10.0], [10.0])
    with pytest.raises(ssdb.InputError, match=r"^sourceTable: dec is not a number within -90 to 90 .*row 1"):
        task.run(exposure(), near | {"dec": [91.0]}, "r", expected)
    with pytest.raises(ssdb.InputError, match=r"^solarSystemObjectTable: ephRa is not a number"):
        task.run(exposure(), near, "r", expected | {"ephRa": [1000.0]})
    with pytest.raises(ssdb.DesignationError, match=r"solarSystemObjectTable.*nothing like it"):
        task.run(exposure(), near, "r", expected | {"designation": ["nothing like it 7"]})
    with pytest.raises(ssdb.InputError, match=r"^solarSystemObjectTable: .*twice"):
        task.run(exposure(), near, "r", {name: [*column, *column] for name, column in expected.items()})


def test_sources_of_another_detector_are_refused() -> None:
    near = sources([10.0, 20.0], [10.0, 20.0])
    for column, value, others in (("detector", 7, 9), ("visit", 42, 43)):
        with pytest.raises(ssdb.InputError, match=f"sourceTable: .*{column} {others}"):
            SsSingleFrameAssociation().run(exposure(), near | {column: [value, others]}, "r", predictions([1.0], [1.0]))


def test_times_that_are_too_far_apart_are_an_error() -> None:
    expected = predictions([10.0], [10.0]) | {"midpointMjdTai": [MJD + 1.0]}
    with pytest.raises(ssdb.SsdbError, match=r"0\.02 d"):
        SsSingleFrameAssociation().run(exposure(), sources([10.0], [10.0]), "r", expected)


# From one call to the next


def test_nothing_of_a_call_is_seen_by_the_next() -> None:
    """The same visit, detector and identifiers again, with other rows."""
    task = SsSingleFrameAssociation()
    task.run(exposure(), sources([10.0, 20.0], [10.0, 20.0]), "r", predictions([10.0, 90.0], [10.0, 90.0]))
    result = task.run(exposure(), sources([30.0], [30.0]), "r", predictions([300.0], [30.0]))
    assert (result.nTotalSsObjects, result.nAssociatedSsObjects) == (1, 0)
    assert result.unAssocDiaSources["diaSourceId"].tolist() == [100]
    assert result.unassociatedSsObjects["designation"].tolist() == [designation(0)]


def test_nothing_of_a_failing_call_is_seen_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it fails at its inputs, or is interrupted somewhere."""
    task = SsSingleFrameAssociation()
    near, expected = random_inputs(tangent_wcs(), 6)
    wanted = task.run(exposure(), near, "r", expected)

    failing: list[tuple[Any, Any, Any]] = [
        (near | {"dec": np.full(53, 91.0)}, expected, ssdb.InputError),
        (near, expected | {"midpointMjdTai": np.full(20, MJD + 0.03)}, ssdb.SsdbError),
    ]
    for bad_sources, bad_predictions, error in failing:
        with pytest.raises(error):
            task.run(exposure(), bad_sources, "r", bad_predictions)
        assert task.metadata == {}
        assert_same(task.run(exposure(), near, "r", expected), wanted)

    def interrupted(*_arguments: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    for step in ("load", "find_matches", "result_of"):
        with monkeypatch.context() as patched:
            patched.setattr(f"ssdb.rubin.task.single_frame.{step}", interrupted)
            with pytest.raises(KeyboardInterrupt):
                task.run(exposure(), sources([1.0, 2.0], [1.0, 2.0]), "r", predictions([1.0], [1.0]))
        assert_same(task.run(exposure(), near, "r", expected), wanted)


def test_a_result_is_not_changed_by_the_next_call() -> None:
    """Its tables are made when they are looked at, of what was there when it was made."""
    task = SsSingleFrameAssociation()
    first = task.run(exposure(), sources([10.0], [10.0]), "r", predictions([10.0], [10.0]))
    task.run(exposure(visit=43), sources([20.0, 30.0], [20.0, 30.0]), "g", predictions([300.0], [10.0]))
    assert first.ssSourceData["visit"].tolist() == [42]
    assert first.ssoAssocDiaSources["band"].tolist() == ["r"]
    assert len(first.unAssocDiaSources) == 0


def test_threads_do_not_see_each_other() -> None:
    """One task, two threads, forty detectors: each result is that of its own inputs."""
    task = SsSingleFrameAssociation()

    def associated(number: int) -> tuple[list[int], list[str], int]:
        x, y = np.arange(5.0, 5.0 + 3 * (number % 7 + 1), 3) * 10 % WIDTH, np.full(number % 7 + 1, 20.0 + number)
        near = sources(x, y) | {"diaSourceId": 1000 * number + np.arange(len(x))}
        expected = predictions(x, y)
        result = task.run(exposure(visit=number % 3, detector=number), near, "r", expected)
        return (
            result.ssSourceData["diaSourceId"].tolist(),
            result.ssSourceData["designation"].tolist(),
            result.nTotalSsObjects,
        )

    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(associated, range(40)))
    for number, (found, names, total) in enumerate(results):
        n = number % 7 + 1
        assert found == (1000 * number + np.arange(n)).tolist()
        assert names == [designation(index) for index in range(n)]
        assert total == n


def test_the_metadata_of_a_call() -> None:
    config = ssdb.AssociationConfig(radius_arcsec=1.5)
    task = SsSingleFrameAssociation(config)
    assert task.metadata == {}
    task.run(exposure(), sources([10.0, 20.0], [10.0, 20.0]), "r", predictions([10.0, 90.0], [10.0, 90.0]))
    counts = {name: task.metadata[name] for name in ("nSources", "nExpectedSsObjects", "nAssociatedSsObjects")}
    assert counts == {"nSources": 2, "nExpectedSsObjects": 2, "nAssociatedSsObjects": 1}
    assert task.metadata["configuration"]["radius_arcsec"] == 1.5
    assert task.metadata["version"]
    timings = task.metadata["timings"]
    assert {"prepare", "load", "footprints", "join", "refine", "assign", "derive", "write", "result"} <= set(timings)
    assert 0 < sum(stage["seconds"] for stage in timings.values()) <= task.metadata["seconds"]
    assert timings["load"]["rows"] == 4


def test_the_outline_is_that_of_the_pixels() -> None:
    """Objects a tenth of a pixel inside and outside each edge, the search radius less than half of a pixel."""
    task = SsSingleFrameAssociation(ssdb.AssociationConfig(radius_arcsec=0.05, max_pixel_margin=0))
    for inside in (True, False):
        shift = -0.1 if inside else 0.1
        x = np.array([-0.5 - shift, WIDTH - 0.5 + shift, 200.0, 200.0])
        y = np.array([150.0, 150.0, -0.5 - shift, HEIGHT - 0.5 + shift])
        assert sky(x, y)[0].shape == (4,)
        assert task.run(exposure(), {}, "r", predictions(x, y)).nTotalSsObjects == (4 if inside else 0)
