"""Every command of ssdb that writes, with what is there before: for the tests that kill them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
from alert_files import as_columns, rubin_packets
from conftest import DIALECTS
from forced_survey import DETECTOR, EAST, NORTH, drawn, image_file, survey
from identifications import EROS, current
from ingesting import corners, load_night, predictions, sources, visits
from orbit_files import columns
from predicting import BELT, NEAR, VISITS, load_orbits, load_visits
from reported import header_file, observed
from test_fetch import visits as visits_of_service
from test_precover import HN13, HN13_COM, hn13_row
from test_precover import load as load_object

from ssdb.association.associate import associate
from ssdb.dia.associate import associate_dia
from ssdb.dia.withdraw import withdraw
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.forced import ingest_forced
from ssdb.ingest.identifications import ingest_identifications
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.predict.precover import precover
from ssdb.predict.visits import predict_visits
from ssdb.store.database import Database
from ssdb.store.ddl.detached import detach
from ssdb.summary.summarize import summarize

READING = {
    "backup",
    "check",
    "ephemeris",
    "export",
    "export alerts",
    "listen",
    "partition list",
    "query",
    "report",
    "resolve",
    "sky",
    "status",
}
OF_FILES = {"demo", "simulate"}
"""They write files; the former has a database of its own, into which it goes by the other commands."""

OF_CLUSTERS = {"distribute"}
"""It needs one (test_citus.py), and is one transaction."""

Load = Callable[[Database], Any]


@dataclass(frozen=True)
class Case:
    """A command, and what is there before.

    Attributes
    ----------
    command : str
    load : callable
        Fills the database.
    file : dict of columns, optional
        The file that is ingested.
    folder : dict of dicts of columns, optional
        The files, by their paths in it, of the folder that is watched.
    image : bool
        An image is measured: see forced_survey.py.
    report : bool
        A file is written with a header: see reported.py.
    options : tuple of str
    several : bool
        It is several transactions, by its documentation: what is stored of a killed one may be some of them, and the
        same command does the rest.
    dialects : tuple of str
    """

    command: str
    load: Load
    file: dict[str, Any] | None = None
    options: tuple[str, ...] = ()
    several: bool = False
    dialects: tuple[str, ...] = DIALECTS
    image: bool = False
    report: bool = False
    folder: dict[str, dict[str, Any]] | None = None

    def arguments(self, directory: Path, service: str) -> list[str]:
        """The command line behind the database."""
        given = [*self.command.split(), *self.options]
        if self.command == "fetch predictions":
            given += ["--url", service]
        if self.file is not None:
            path = directory / "file.parquet"
            pa.parquet.write_table(pa.table(self.file), path)
            given.append(str(path))
        if self.report:
            given += ["-o", str(directory / "report.psv"), "--header", str(header_file(directory))]
        if self.folder is not None:
            given.append(str(self.lay_out(directory)))
        if self.image:
            given.append(str(image_file(directory / "image.fits", drawn(EAST, NORTH, [900.0] * len(EAST)))))
        return given

    def lay_out(self, directory: Path) -> Path:
        """The folder that is watched, with its files as they are before the command."""
        folder = directory / "watched"
        shutil.rmtree(folder, ignore_errors=True)
        for name, rows in (self.folder or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            pa.parquet.write_table(pa.table(rows), folder / name)
        return folder


def nothing(_database: Database) -> None:
    pass


def other_night() -> dict[str, Any]:
    """The visits of the small night, one of them with another band, and another one."""
    return {"visit": [10, 20, 100_030], "midpointMjdTai": [60000.1, 60000.2, 60001.2], "band": ["i", "g", "r"]}


def with_another_visit(database: Database) -> None:
    load_night(database, footprints=True)
    ingest_visits(database, other_night())


def with_another_outline(database: Database) -> None:
    load_night(database, footprints=True)
    ingest_detectors(database, corners(10, 1, half=0.003))


def predicted(numbers: list[int], **more: Any) -> dict[str, Any]:
    n = len(numbers)
    names = ["2015 MQ204", "433", "2010 AB"][:n]
    return {"visit": numbers, "designation": names, "ephRa": [50.0, 50.5, 50.51][:n], "ephDec": [-5.0] * n, **more}


def two_names(database: Database) -> None:
    """An object is predicted under two names, and has rows under a number alone."""
    load_night(database, associated=False)
    ingest_predictions(database, predicted([10], designation=["2010 AB"], ephRa=[50.01]))
    associate(database)
    ingest_identifications(database, current(("2010 AB", "2015 MQ204"), ("2015 MQ204", "2015 MQ204")))
    ingest_identifications(database, EROS)


def orbits_and_exposures(database: Database) -> None:
    load_orbits(database, [*BELT[:20], *NEAR])
    load_visits(database, VISITS)


def nights_predicted(database: Database) -> None:
    orbits_and_exposures(database)
    predict_visits(database)


def with_other_orbits(database: Database) -> None:
    """Predicted, and then some orbits have changed."""
    nights_predicted(database)
    load_orbits(database, [row | {"node": row["node"] + 0.5} for row in (*BELT[:5], NEAR[0])])


def some_exposures(database: Database) -> None:
    """Four visits that wait for association, and one that is done."""
    load_night(database)
    numbers = [31, 32, 33, 100_034]
    ingest_visits(database, {"visit": numbers, "midpointMjdTai": [60000.3, 60000.4, 60000.5, 60001.5]})
    more = {name: values[:4] for name, values in sources().items()}
    ingest_sources(database, more | {"visit": numbers, "diaSourceId": numbers, "detector": [1] * 4, "ra": [50.0] * 4})
    ingest_predictions(
        database,
        {"visit": numbers, "designation": ["433"] * 4, "ephRa": [50.0] * 4, "ephDec": [-5.0] * 4},
    )


def with_dia_objects(database: Database) -> None:
    """Every source that is no known object has its DiaObject, and two of these are one."""
    load_night(database)
    more = {name: values[:2] for name, values in sources().items()}
    places = {"ra": [50.0, 50.0], "dec": [-5.01, -5.01 + 1.2 / 3600]}
    ingest_sources(database, more | {"visit": [20, 20], "diaSourceId": [291, 292], "detector": [1, 1]} | places)
    associate(database)
    associate_dia(database)


def seen_again(database: Database) -> None:
    """And another visit sees some of them."""
    with_dia_objects(database)
    ingest_visits(database, {"visit": [30], "midpointMjdTai": [60000.3]})
    again = {"diaSourceId": [301, 302], "visit": [30, 30], "detector": [1, 1], "ra": [50.0, 50.7], "dec": [-5.01, -5.0]}
    ingest_sources(database, again)
    ingest_predictions(database, {"visit": [30], "designation": ["433"], "ephRa": [80.0], "ephDec": [-5.0]})


def seen_twice(database: Database) -> None:
    """And these are given to their objects."""
    seen_again(database)
    associate(database)
    associate_dia(database)


def summarized(database: Database) -> None:
    """And one of the objects has lost a source."""
    load_night(database)
    summarize(database)
    withdraw(database, {"diaSourceId": [101]})


def object_found(database: Database) -> None:
    load_object(database)
    precover(database, HN13, commit=True)


def from_a_service(database: Database) -> None:
    ingest_visits(database, visits_of_service())


def measured(database: Database) -> None:
    """DiaObjects with forced fluxes."""
    survey(database)
    ingest_forced(database, FORCED | {"psfFlux": [7.0, 8.0]})


def night_with_dia_objects(database: Database) -> None:
    """And a visit of another night."""
    with_dia_objects(database)
    ingest_visits(database, other_night())


def aside(database: Database) -> None:
    night_with_dia_objects(database)
    detach(database, 10)


NEW_ORBIT = columns(hn13_row() | {"node": HN13_COM[3] + 40.0})
MORE_SOURCES = {
    "diaSourceId": [101, 301, 302],
    "visit": [10, 100_030, 100_030],
    "detector": [1, 1, 2],
    "ra": [50.0, 50.0, 50.2],
    "dec": [-5.0, -5.0, -5.0],
}
FORCED = {
    "diaObjectId": [1000, 1001],
    "visit": [2, 2],
    "detector": [DETECTOR, DETECTOR],
    "ra": [10.0, 10.0],
    "dec": [-30.0, -30.0],
    "psfFlux": [120.0, -5.0],
    "psfFluxErr": [10.0, 10.0],
    "band": ["r", "r"],
}
OTHER_SOURCES = {
    "diaSourceId": [101, 109],
    "visit": [10, 10],
    "detector": [1, 1],
    "ra": [50.0, 50.3],
    "dec": [-5.0, -5.0],
}
OBJECTS_OF_OTHERS = {
    "diaObjectId": [9001, 9002],
    "ra": [51.0, 51.1],
    "dec": [-5.0, -5.0],
    "nDiaSources": [3, 4],
    "r_psfFluxMean": [100.0, 200.0],
    "r_psfFluxMeanErr": [5.0, 6.0],
}
OBSERVATIONS = {
    "provID": ["2001 AA", "2001 AB", "2001 AA"],
    "stn": ["X05", "X05", "568"],
    "obsTime": ["2026-06-01T01:02:03.45Z", "2026-06-01T01:02:03.45Z", "2026-06-02T01:02:03Z"],
    "ra": [10.0, 11.0, 12.0],
    "dec": [-1.0, -2.0, -3.0],
    "obsID": ["a", "b", "c"],
}
POSTGRESQL = ("postgresql",)

CASES = {
    "init": Case("init", nothing),
    "visits": Case("ingest visits", load_night, other_night()),
    "detectors": Case("ingest detectors", with_another_visit, corners(10, 1, half=0.02)),
    "sources": Case("ingest sources", with_another_visit, MORE_SOURCES, ("--replace",)),
    "predictions": Case("ingest predictions", with_another_visit, predicted([10, 20, 100_030]), ("--replace",)),
    "orbits": Case("ingest orbits", nights_predicted, NEW_ORBIT),
    "ingest-objects": Case("ingest objects", with_dia_objects, OBJECTS_OF_OTHERS),
    "ingest-forced": Case("ingest forced", measured, FORCED),
    "forced": Case("forced", measured, options=("--fwhm", "0.8"), image=True),
    "alerts": Case("ingest alerts", with_dia_objects, as_columns(rubin_packets()), ("--create-visits", "--with-ss")),
    "identifications": Case("ingest identifications", load_night, EROS),
    "fetch": Case("fetch predictions", from_a_service, several=True),
    "predict": Case("predict", orbits_and_exposures, several=True),
    "predict-redo": Case(
        "predict", with_other_orbits, options=("--redo", "--visit", "1", "--visit", "3"), several=True
    ),
    "predict-object": Case("predict", with_other_orbits, options=("--redo", "--object", "2002 AA"), several=True),
    "associate": Case("associate", some_exposures, several=True),
    "associate-dia": Case("associate", seen_again, several=True),
    "associate-dia-again": Case(
        "associate", seen_twice, options=("--only", "dia", "--dia-mode", "nearest", "--visit", "30"), several=True
    ),
    "watch": Case(
        "watch",
        nothing,
        options=("--once", "--interval", "0.01"),
        several=True,
        folder={
            "visits.parquet": visits(),
            "detectors/1.parquet": corners(10, 1),
            "sources/1.parquet": sources(),
            "predictions/1.parquet": predictions(),
        },
    ),
    "withdraw": Case("withdraw", with_dia_objects, {"diaSourceId": [101, 291, 102]}),
    "merge-objects": Case("merge-objects", with_dia_objects),
    "sources-of-objects": Case("ingest sources", with_dia_objects, OTHER_SOURCES, ("--replace",)),
    "delete-objects": Case("delete visit", with_dia_objects, options=("--yes", "20")),
    "associate-all": Case("associate", some_exposures, options=("--all", "--radius", "2"), several=True),
    "associate-detector": Case(
        "associate", with_another_outline, options=("--visit", "10", "--detector", "1"), several=True
    ),
    "precover": Case("precover", load_object, options=(HN13, "--commit")),
    "precover-orbit": Case("precover", object_found, NEW_ORBIT, ("--commit", "--orbit")),
    "relink": Case("relink", two_names),
    "detach": Case("partition detach", night_with_dia_objects, options=("10",), dialects=POSTGRESQL),
    "attach": Case("partition attach", aside, options=("10",), dialects=POSTGRESQL),
    "drop": Case("partition drop", night_with_dia_objects, options=("--yes", "10"), dialects=POSTGRESQL),
    "drop-aside": Case("partition drop", aside, options=("--yes", "10"), dialects=POSTGRESQL),
    "summarize": Case("summarize", load_night, several=True),
    "summarize-again": Case("summarize", summarized, options=("--all", "--model", "HG1G2"), several=True),
    "delete": Case("delete visit", with_another_visit, options=("--yes", "10")),
    "observations": Case("ingest observations", load_night, OBSERVATIONS),
    "submissions": Case("ingest submissions", observed, {"diaSourceId": [101, 102], "obsID": ["L1", "L2"]}),
    "export-ades": Case("export ades", observed, report=True),
    "width": Case("partition width", load_night, options=("1000",), dialects=POSTGRESQL),
}
"""By a name."""
