"""The PipelineTask on Rubin's own middleware: quanta with a Butler, pipelines, configuration, metadata, subtasks."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from small_surveys import differences, exported, rows

import ssdb
from ssdb.io.image.detector_image import Exposure

pytest.importorskip("lsst.pipe.base", reason="the extra lsst is not installed")

from lsst.daf.butler import Butler, DatasetType
from lsst.pex.config import Config, FieldValidationError
from lsst.pipe.base import NoWorkFound, Pipeline, Task
from lsst.pipe.base.simple_pipeline_executor import SimplePipelineExecutor
from lsst.sphgeom import ConvexPolygon, LonLat, UnitVector3d

from ssdb.lsst import (
    SolarSystemAssociationConfig,
    SolarSystemAssociationTask,
    SsSingleFrameAssociationConfig,
    SsSingleFrameAssociationConnections,
    SsSingleFrameAssociationTask,
)

VISIT, DETECTORS = 7, (0, 1)
CAMERA = "SmallCam"
PARTS = ("ssoAssocDiaSources", "unAssocDiaSources", "ssSourceData", "unassociatedSsObjects")

NAMES = ["2003 YF26", "2015 MQ204", "433", "2020 AA"]
PIXELS = {0: [(200.0, 300.0), (700.0, 500.0), (998.0, 400.0)], 1: [(400.0, 100.0)]}
"""Where objects are, by detector; the third is also within the other one's padding of 5 pixels."""


def header(detector: int) -> dict[str, Any]:
    """Cards of one of two detectors side by side, a tangent plane with pixels of 0.2 arcsec."""
    return {
        "NAXIS": 2,
        "NAXIS1": 1000,
        "NAXIS2": 800,
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": 0.01,
        "CRVAL2": -30.0,
        "CRPIX1": 500.5 - 1002 * detector,
        "CRPIX2": 400.5,
        "CD1_1": -0.2 / 3600,
        "CD1_2": 0.0,
        "CD2_1": 0.0,
        "CD2_2": 0.2 / 3600,
        "RADESYS": "ICRS",
        "DATE-AVG": "2025-05-01T03:00:00.000",
        "TIMESYS": "TAI",
        "EXPTIME": 30.0,
    }


def on_sky(detector: int, pixels: Any) -> tuple[np.ndarray, np.ndarray]:
    """Positions of zero-based pixels by astropy, degrees."""
    cards = {key: value for key, value in header(detector).items() if key != "DATE-AVG"}  # astropy would warn of it
    return WCS(fits.Header(cards)).all_pix2world(np.array(pixels), 0).T


def source_table(detector: int) -> Table:
    """A source 0.5 arcsec from every object but the second of detector 0, and one that is none; as Rubin names them."""
    places = [place for index, place in enumerate(PIXELS[detector]) if (detector, index) != (0, 1)]
    x, y = np.array([*places, (50.0, 700.0)]).T
    shift = np.where(np.arange(len(x)) < len(places), 2.5, 0.0)
    ra, dec = on_sky(detector, np.transpose([x + shift, y]))
    ids = np.arange(len(x)) + 100 * (detector + 1)
    return Table({"id": ids, "coord_ra": (ra * u.deg).to(u.rad), "coord_dec": (dec * u.deg).to(u.rad)})


def predictions() -> Table:
    """What is predicted for the visit; every detector's table has it all."""
    ra, dec = np.concatenate([on_sky(detector, PIXELS[detector]) for detector in DETECTORS], axis=1)
    return Table(
        {
            "designation": NAMES,
            "ephRa": ra * u.deg,
            "ephDec": dec * u.deg,
            "ephRateRa": [0.2] * 4,
            "ephRateDec": [0.1] * 4,
        }
    )


def exposure(detector: int) -> Exposure:
    return Exposure.from_header(fits.Header(header(detector)), visit=VISIT, detector=detector)


def config(**values: Any) -> SsSingleFrameAssociationConfig:
    """The table-and-header form."""
    made = SsSingleFrameAssociationConfig()
    made.exposureStorageClass = "StructuredDataDict"
    made.sourceTableStorageClass = "ArrowAstropy"
    made.connections.exposure = "image_header"
    made.update(**values)
    return made


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A data repository with the inputs of both detectors, and in another collection their predictions."""
    root = str(tmp_path_factory.mktemp("butler") / "repository")
    Butler.makeRepo(root)
    butler = Butler.from_config(root, writeable=True, run="inputs")
    insert = butler.registry.insertDimensionData
    camera = {"instrument": CAMERA}
    insert(
        "instrument", {"name": CAMERA, "detector_max": 2, "visit_max": 100, "class_name": "lsst.pipe.base.Instrument"}
    )
    insert("physical_filter", camera | {"name": "r_1", "band": "r"})
    insert("day_obs", camera | {"id": 20250430})
    insert("group", camera | {"name": "group7"})
    observed = camera | {"id": VISIT, "physical_filter": "r_1", "day_obs": 20250430}
    insert("exposure", observed | {"obs_id": "exposure7", "group": "group7"})
    insert("visit", observed | {"name": "visit7"})
    insert("visit_definition", camera | {"visit": VISIT, "exposure": VISIT})
    for detector in DETECTORS:
        corners = np.transpose(on_sky(detector, [(0, 0), (999, 0), (999, 799), (0, 799)]))
        region = ConvexPolygon([UnitVector3d(LonLat.fromDegrees(*corner)) for corner in corners])
        insert("detector", camera | {"id": detector, "full_name": f"detector{detector}"})
        insert("visit_detector_region", camera | {"visit": VISIT, "detector": detector, "region": region})
    _register(butler, "image_header", "StructuredDataDict", "visit")
    _register(butler, "initial_stars_footprints_detector", "ArrowAstropy", "visit")
    _register(butler, "preloaded_SsObjects", "ArrowAstropy", "group")
    butler.collections.register("predictions")
    for detector in DETECTORS:
        where = camera | {"detector": detector}
        butler.put(header(detector), "image_header", where, visit=VISIT)
        butler.put(source_table(detector), "initial_stars_footprints_detector", where, visit=VISIT)
        butler.put(predictions(), "preloaded_SsObjects", where, group="group7", run="predictions")
    return root


def _register(butler: Butler, name: str, storage_class: str, time: str) -> None:
    dimensions = ("instrument", time, "detector")
    butler.registry.registerDatasetType(DatasetType(name, dimensions, storage_class, universe=butler.dimensions))


def run_quanta(
    repository: str,
    output: str,
    task_config: Config,
    inputs: tuple[str, ...] = ("inputs", "predictions"),
    where: str = "",
) -> Butler:
    """Runs the task on the quanta of the repository and gives a butler of what came out."""
    butler = SimplePipelineExecutor.prep_butler(repository, inputs=inputs, output=output)
    executor = SimplePipelineExecutor.from_task_class(
        SsSingleFrameAssociationTask, task_config, butler=butler, where=where
    )
    executor.run(register_dataset_types=True)
    return butler


def get(butler: Butler, name: str, detector: int) -> Any:
    return butler.get(name, instrument=CAMERA, visit=VISIT, detector=detector)


def expected(detector: int, **values: Any) -> ssdb.AssociationResult:
    """What ssdb finds without Rubin's middleware."""
    association = ssdb.SsSingleFrameAssociation(ssdb.AssociationConfig(**values))
    return association.run(exposure(detector), source_table(detector), "r", predictions())


def assert_same_table(table: Table, other: Table) -> None:
    """Same columns, units, values and unknown values."""
    assert table.colnames == other.colnames
    assert len(table) == len(other)
    for name in table.colnames:
        assert table[name].unit == other[name].unit, name
        assert table[name].dtype.kind == other[name].dtype.kind or not len(table), name
        mask, other_mask = (np.ma.getmaskarray(np.ma.asarray(column)) for column in (table[name], other[name]))
        assert np.array_equal(mask, other_mask), name
        assert np.array_equal(np.asarray(table[name])[~mask], np.asarray(other[name])[~mask]), name


def test_a_quantum_writes_what_the_association_in_memory_finds(repository: str) -> None:
    """Both detectors; objects are found, one is missed, and one beyond the edge is not expected."""
    butler = run_quanta(repository, "u/quantum", config())
    for detector, (found, missed) in {0: ({"2003 YF26", "433"}, {"2015 MQ204"}), 1: ({"2020 AA"}, set())}.items():
        result = expected(detector)
        associated = get(butler, "ssSingleFrameAssociatedSources", detector)
        unassociated = get(butler, "ssSingleFrameUnassociatedObjects", detector)
        assert_same_table(associated, result.ssSourceData)
        assert_same_table(unassociated, result.unassociatedSsObjects)
        assert set(associated["designation"]) == found
        assert set(unassociated["designation"]) == missed
        assert associated["ephOffset"].quantity.to_value(u.arcsec) == pytest.approx([0.5] * len(found), abs=1e-4)


def test_a_pipeline_takes_the_task_by_its_name(repository: str, tmp_path: Path) -> None:
    """With overrides of fields that Rubin's task has, under the names they have there."""
    text = """
description: single frames
tasks:
  ssSingleFrameAssociation:
    class: ssdb.lsst.SsSingleFrameAssociationTask
    config:
      exposureStorageClass: StructuredDataDict
      sourceTableStorageClass: ArrowAstropy
      connections.exposure: image_header
      solarSystemAssociator.maxDistArcSeconds: 0.4
"""
    path = tmp_path / "pipeline.yaml"
    path.write_text(text)
    butler = SimplePipelineExecutor.prep_butler(repository, inputs=["inputs", "predictions"], output="u/pipeline")
    executor = SimplePipelineExecutor.from_pipeline(Pipeline.fromFile(path), butler=butler, where="detector = 0")
    quanta = executor.run(register_dataset_types=True)
    assert len(quanta) == 1
    assert len(get(butler, "ssSingleFrameAssociatedSources", 0)) == 0
    missed = get(butler, "ssSingleFrameUnassociatedObjects", 0)
    assert set(missed["designation"]) == {"2003 YF26", "2015 MQ204", "433"}
    assert_same_table(missed, expected(0, radius_arcsec=0.4).unassociatedSsObjects)
    stored = get(butler, "ssSingleFrameAssociatedSources", 0)
    assert_same_table(stored, expected(0, radius_arcsec=0.4).ssSourceData)


def test_without_predictions_there_is_no_work_and_no_output(repository: str) -> None:
    """The quantum is run and skipped, which is no failure."""
    butler = run_quanta(repository, "u/nothing", config(), inputs=("inputs",))
    for detector in DETECTORS:
        where = {"instrument": CAMERA, "visit": VISIT, "detector": detector}
        assert not butler.exists("ssSingleFrameAssociatedSources", where)
        assert not butler.exists("ssSingleFrameUnassociatedObjects", where)
        assert butler.exists("ssSingleFrameAssociation_metadata", where)
    with pytest.raises(NoWorkFound):
        SsSingleFrameAssociationTask(config=config()).run(exposure(0), source_table(0), "r")


def test_the_metadata_of_a_quantum_has_times_and_counts(repository: str) -> None:
    butler = run_quanta(repository, "u/metadata", config(), where="detector = 0")
    metadata = get(butler, "ssSingleFrameAssociation_metadata", 0)
    counts = metadata["ssSingleFrameAssociation:solarSystemAssociator"]
    assert (counts["nExpectedSsObjects"], counts["nAssociatedSsObjects"]) == (3, 2)
    assert {"footprints", "join", "refine", "assign", "derive", "write"} <= set(counts["timings"])
    assert counts["timings"]["join"]["seconds"] > 0
    assert (counts["configuration"]["radius_arcsec"], counts["version"]) == (1.0, ssdb.__version__)
    assert "runStartUtc" in metadata["ssSingleFrameAssociation"]


def test_what_run_returns_has_the_names_of_rubins_task() -> None:
    task = SsSingleFrameAssociationTask(config=config())
    struct = task.run(exposure=exposure(0), sourceTable=source_table(0), band="r", solarSystemObjectTable=predictions())
    result = expected(0)
    for name in PARTS:
        assert_same_table(getattr(struct, name), getattr(result, name))
    assert_same_table(struct.associatedSsSources, result.ssSourceData)
    assert (struct.nTotalSsObjects, struct.nAssociatedSsObjects) == (3, 2)
    full = task.getFullMetadata()["ssSingleFrameAssociation:solarSystemAssociator"]
    assert (full["nExpectedSsObjects"], full["nAssociatedSsObjects"]) == (3, 2)
    assert full.getScalar("runEndCpuTime") >= full.getScalar("runStartCpuTime")


class _ParentConfig(Config):
    association = SsSingleFrameAssociationTask.makeField("Single frames.")
    matching = SolarSystemAssociationTask.makeField("Sources and objects.")


class _ParentTask(Task):
    ConfigClass = _ParentConfig
    _DefaultName = "parent"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.makeSubtask("association")
        self.makeSubtask("matching")


def test_the_tasks_have_names_and_are_subtasks_of_others() -> None:
    alone = SsSingleFrameAssociationTask(config=config())
    assert (alone.getName(), alone.getFullName()) == ("ssSingleFrameAssociation", "ssSingleFrameAssociation")
    assert set(alone.getTaskDict()) == {"ssSingleFrameAssociation", "ssSingleFrameAssociation.solarSystemAssociator"}

    parent_config = _ParentConfig()
    parent_config.association = config()
    parent_config.matching.maxDistArcSeconds = 0.4
    parent = _ParentTask(config=parent_config)
    assert parent.association.getName() == "association"
    assert parent.association.getFullName() == "parent.association"
    assert set(parent.getTaskDict()) == {
        "parent",
        "parent.association",
        "parent.association.solarSystemAssociator",
        "parent.matching",
    }
    inputs = (exposure(0), source_table(0), "r", predictions())
    assert parent.association.run(*inputs).nAssociatedSsObjects == 2
    assert parent.matching.run(*inputs).nAssociatedSsObjects == 0
    metadata = parent.getFullMetadata()
    assert metadata["parent:association:solarSystemAssociator"]["nAssociatedSsObjects"] == 2
    assert metadata["parent:matching"]["nAssociatedSsObjects"] == 0
    with parent.association.timer("more"):
        pass
    assert "moreEndCpuTime" in parent.association.metadata


def test_connections_are_those_of_rubins_task() -> None:
    """Names, storage classes and dimensions as in ap_association, so that a pipeline changes the class alone."""
    connections = SsSingleFrameAssociationConnections(config=SsSingleFrameAssociationConfig())
    assert connections.dimensions == {"instrument", "visit", "detector"}
    described = {
        name: (connection.name, connection.storageClass, set(connection.dimensions))
        for name, connection in connections.allConnections.items()
    }
    of_visit = {"instrument", "visit", "detector"}
    assert described == {
        "exposure": ("initial_pvi", "ExposureF", of_visit),
        "sourceTable": ("initial_stars_footprints_detector", "SourceCatalog", of_visit),
        "solarSystemObjectTable": ("preloaded_SsObjects", "ArrowAstropy", {"instrument", "group", "detector"}),
        "associatedSsSources": ("ssSingleFrameAssociatedSources", "ArrowAstropy", of_visit),
        "unassociatedSsObjects": ("ssSingleFrameUnassociatedObjects", "ArrowAstropy", of_visit),
    }
    assert connections.solarSystemObjectTable.minimum == 0


def test_the_configuration_has_the_defaults_of_rubins_task_and_of_ssdb() -> None:
    made = SsSingleFrameAssociationConfig()
    assert made.solarSystemAssociator.maxDistArcSeconds == 1.0
    assert made.solarSystemAssociator.maxPixelMargin == 100
    assert made.imagePixelMargin == 10
    assert SolarSystemAssociationConfig().association_config() == ssdb.AssociationConfig()


@pytest.mark.parametrize(
    ("field", "setting", "value"),
    [
        ("maxDistArcSeconds", "radius_arcsec", 2.5),
        ("maxPixelMargin", "max_pixel_margin", 7),
        ("mode", "mode", "uncertainty"),
        ("nSigma", "n_sigma", 4.0),
        ("maxRadiusArcSeconds", "max_radius_arcsec", 12.0),
        ("defaultSigmaArcSeconds", "default_sigma_arcsec", 0.7),
        ("floorArcSeconds", "floor_arcsec", 0.01),
        ("priorDetected", "prior_detected", 0.9),
        ("completeness", "completeness", 0.8),
        ("method", "method", "greedy"),
        ("ecliptic", "ecliptic", "true"),
    ],
)
def test_every_setting_of_ssdb_is_a_field(field: str, setting: str, value: Any) -> None:
    made = SsSingleFrameAssociationConfig()
    setattr(made.solarSystemAssociator, field, value)
    made.validate()
    assert made.solarSystemAssociator.value.association_config() == ssdb.AssociationConfig(**{setting: value})


def test_no_setting_of_ssdb_is_left_out() -> None:
    own = set(SolarSystemAssociationConfig().toDict()) - {"skipInvalid"}
    assert len(own) == len(fields(ssdb.AssociationConfig))


@pytest.mark.parametrize(
    ("field", "value"), [("maxDistArcSeconds", -1.0), ("maxPixelMargin", -1), ("nSigma", 9.0), ("priorDetected", 1.0)]
)
def test_values_that_make_no_sense_are_refused_by_the_name_of_the_field(field: str, value: Any) -> None:
    made = SsSingleFrameAssociationConfig()
    setattr(made.solarSystemAssociator, field, value)
    with pytest.raises(FieldValidationError, match=field):
        made.validate()


def test_a_choice_that_there_is_not_is_refused_at_once() -> None:
    made = SsSingleFrameAssociationConfig()
    with pytest.raises(FieldValidationError, match="mode"):
        made.solarSystemAssociator.mode = "exact"


@pytest.mark.parametrize("url", ["postgresql://me:secret@host/db", "postgresql://host/db?password=secret"])
def test_a_password_in_the_configuration_is_refused_and_not_shown(url: str) -> None:
    """The configuration of a task is stored where others read it."""
    with pytest.raises(FieldValidationError, match=r"databaseUrl.*\n?.*pgpass") as caught:
        config(databaseUrl=url).validate()
    assert "secret" not in str(caught.value)
    config(databaseUrl="postgresql://me@host/db").validate()
    with pytest.raises(FieldValidationError, match="not the URL"):
        config(databaseUrl="my.db").validate()


def load(repository: str, url: str, output: str, **values: Any) -> Butler:
    return run_quanta(repository, output, config(databaseUrl=url, **values))


def test_everything_goes_into_a_database_as_well_and_doing_it_again_gives_the_same_rows(
    repository: str, database: ssdb.Database, database_url: str, tmp_path: Path
) -> None:
    """Both detectors, whose tables of predictions have the same objects; each object is on one of them."""
    load(repository, database_url, f"u/{database.dialect}/1")
    first = tmp_path / "first"
    first.mkdir()
    before = exported(database, first)
    assert rows(
        database, 'SELECT visit, status, "nSources", "nTotalSsObjects", "nAssociatedSsObjects" FROM "Visit"'
    ) == [(VISIT, "done", 5, 4, 3)]
    for detector in DETECTORS:
        stored, result = ssdb.load_result(database, VISIT, detector), expected(detector)
        for name in PARTS:
            assert_same_table(getattr(stored, name), getattr(result, name))
    assert [broken for broken in ssdb.check(database) if broken.n_violations] == []

    butler = load(repository, database_url, f"u/{database.dialect}/2")
    second = tmp_path / "second"
    second.mkdir()
    assert differences(before, exported(database, second)) == []
    assert_same_table(get(butler, "ssSingleFrameAssociatedSources", 0), expected(0).ssSourceData)


def test_detectors_of_a_visit_can_be_written_at_the_same_time(
    database: ssdb.Database, database_url: str, tmp_path: Path
) -> None:
    """Whichever comes first: it makes the visit, and the last associates it as a whole."""
    tasks = [SsSingleFrameAssociationTask(config=config(databaseUrl=database_url)) for _ in DETECTORS]

    def run(detector: int) -> None:
        tasks[detector].run(
            header(detector) | {"VISIT": VISIT, "DETECTOR": detector}, source_table(detector), "r", predictions()
        )

    found = []
    for turn in range(2):
        with ThreadPoolExecutor(len(DETECTORS)) as pool:
            list(pool.map(run, DETECTORS))
        directory = tmp_path / str(turn)
        directory.mkdir()
        found.append(exported(database, directory))
        assert ssdb.load_result(database, VISIT).nAssociatedSsObjects == 3
    assert differences(*found) == []


def test_a_database_that_cannot_be_used_fails_the_quantum(repository: str, tmp_path: Path) -> None:
    """Nothing of the quantum is written then."""
    url = f"sqlite:///{tmp_path}/nothing.db"
    with pytest.raises(ssdb.SchemaError, match="ssdb init"):
        load(repository, url, "u/no_database")
    butler = Butler.from_config(repository, collections="u/no_database")
    assert butler.query_datasets("ssSingleFrameAssociatedSources", find_first=False, explain=False) == []


def test_sources_that_are_not_usable_fail_the_run_or_are_left_out_on_request(sqlite_url: str) -> None:
    broken = source_table(0)
    broken["coord_ra"][1] = np.nan
    inputs = (exposure(0), broken, "r", predictions())
    with pytest.raises(ssdb.InputError, match="101"):
        SsSingleFrameAssociationTask(config=config()).run(*inputs)
    lenient = config(databaseUrl=sqlite_url)
    lenient.solarSystemAssociator.skipInvalid = True
    task = SsSingleFrameAssociationTask(config=lenient)
    assert task.run(*inputs).nAssociatedSsObjects == 1
    assert task.getFullMetadata()["ssSingleFrameAssociation:solarSystemAssociator"]["nInvalidSources"] == 1
    database = ssdb.connect(sqlite_url)
    assert ssdb.load_result(database, VISIT).nAssociatedSsObjects == 1
    database.close()


def test_the_task_can_be_sent_to_another_process() -> None:
    """As executors with several processes do."""
    task = pickle.loads(pickle.dumps(SsSingleFrameAssociationTask(config=config())))
    assert task.run(exposure(0), source_table(0), "r", predictions()).nAssociatedSsObjects == 2


def test_without_rubins_packages_the_error_says_what_to_install() -> None:
    code = """
import sys
sys.modules["lsst.pipe"] = sys.modules["lsst.pex"] = None
import ssdb
try:
    import ssdb.lsst
except ImportError as error:
    assert isinstance(error, ssdb.SsdbError)
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'ssdb-asteroids[lsst]'" in result.stdout


def test_everything_else_of_ssdb_works_without_rubins_packages() -> None:
    code = """
import importlib, pkgutil, sys
sys.modules["lsst"] = None
import ssdb
failed = []
modules = [module.name for module in pkgutil.walk_packages(ssdb.__path__, "ssdb.", onerror=failed.append)]
for name in modules:
    if not name.startswith(("ssdb.lsst", "ssdb.rubin.pipeline", "ssdb._")):
        importlib.import_module(name)
print(len(modules) > 50, *failed)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "True ssdb.lsst\n"), result.stderr
