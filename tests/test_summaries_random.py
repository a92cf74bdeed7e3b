"""Whatever commands were given in whatever order, with summaries in between: the rows are those of all at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from identifications import EROS, current
from summaries import orbit, rows_of

import ssdb
from ssdb.dia.withdraw import withdraw
from ssdb.errors import SsdbError
from ssdb.identity.relink import relink
from ssdb.ingest.identifications import ingest_identifications
from ssdb.ingest.orbits import ingest_orbits
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.schema.apdb_solar_system import ss_object
from ssdb.schema.summary import ss_object_fit
from ssdb.store.database import Database
from ssdb.store.ddl.detached import attach, detach, drop
from ssdb.store.tables.delete import delete_visits
from ssdb.summary import summarize as road
from ssdb.summary.summarize import summarize

NAMES = ("433", "A898 PA", "2015 MQ204", "2010 AB", "1P", "C/2017 K2", "mystery")
PLACES = {name: 50.0 + 0.1 * place for place, name in enumerate(NAMES)}
BANDS = ("r", "g", "lsst_i", "zr", "w", None)
NIGHT = 10**11
"""Visits of two nights, in two partitions."""
VISITS = [night * NIGHT + n for night in (1, 2) for n in (1, 2, 3)]


def stored(database: Database) -> tuple[list[Any], list[Any]]:
    return rows_of(database, ss_object), rows_of(database, ss_object_fit)


class Commands:
    """Random commands to a database, each as a user might give it."""

    def __init__(self, database: Database, rng: np.random.Generator) -> None:
        self.database, self.rng = database, rng
        self.said: list[str] = []

    def some(self, of: Any, most: int = 3) -> list[Any]:
        return [of[k] for k in self.rng.permutation(len(of))[: self.rng.integers(1, most + 1)]]

    def visits(self) -> None:
        for one in self.some(VISITS):
            shift = self.rng.integers(0, 3) * 0.001
            ingest_visits(self.database, {"visit": [one], "midpointMjdTai": [60_000.0 + one % NIGHT + shift]})

    def sources(self) -> None:
        (visit,), names = self.some(VISITS, 1), self.some(NAMES, 5)
        n, rng = len(names), self.rng
        flux = rng.choice([1e4, 2e4, 0.0, -5.0], n, p=[0.5, 0.3, 0.1, 0.1])
        rows = {
            "diaSourceId": [visit * 100 + NAMES.index(name) * 3 + int(rng.integers(3)) for name in names],
            "visit": [visit] * n,
            "detector": rng.integers(1, 3, n),
            "ra": [PLACES[name] for name in names],
            "dec": [-5.0] * n,
            "band": rng.choice(np.array(BANDS, object), n),
            "psfFlux": flux,
            "psfFluxErr": [300.0] * n,
            "extendedness": rng.uniform(0, 1, n),
        }
        ingest_sources(self.database, rows, replace=bool(rng.random() < 0.3))

    def predictions(self) -> None:
        (visit,), names = self.some(VISITS, 1), self.some(NAMES, 6)
        rows = {
            "visit": [visit] * len(names),
            "designation": names,
            "ephRa": [PLACES[name] for name in names],
            "ephDec": [-5.0] * len(names),
            "phaseAngle": self.rng.uniform(0, 30, len(names)),
            "helioRange": [2.0] * len(names),
            "topoRange": [1.5] * len(names),
        }
        replace = bool(self.rng.random() < 0.5)
        ingest_predictions(self.database, rows, replace=replace, simulated_names=True)

    def associate(self) -> None:
        ssdb.associate(self.database)

    def everything(self) -> None:
        ssdb.associate(self.database, everything=True)

    def detector(self) -> None:
        ssdb.associate(self.database, self.some(VISITS, 1), detectors=[int(self.rng.integers(1, 3))])

    def smaller(self) -> None:
        ssdb.associate(self.database, self.some(VISITS, 2), config=ssdb.AssociationConfig(radius_arcsec=1e-6))

    def delete(self) -> None:
        delete_visits(self.database, self.some(VISITS, 2))

    def withdraw(self) -> None:
        with self.database.reading() as connection:
            ids = connection.scalars(sa.text('SELECT "diaSourceId" FROM "DiaSource" ORDER BY 1')).all()
        if ids:
            withdraw(self.database, {"diaSourceId": self.some(ids, 2)})

    def orbits(self) -> None:
        for name in self.some(NAMES[:-1]):
            row = orbit(name, q=float(self.rng.choice([0.9, 1.1, 3.0])), e=float(self.rng.choice([0.2, 1.0, 1.3])))
            ingest_orbits(self.database, {key: [value] for key, value in row.items() if key != "id"})

    def identify(self) -> None:
        rows = EROS if self.rng.random() < 0.5 else current(("2010 AB", "2015 MQ204"), ("2015 MQ204", "2015 MQ204"))
        ingest_identifications(self.database, rows)

    def relink(self) -> None:
        relink(self.database)

    def detach(self) -> None:
        detach(self.database, *self.some(VISITS, 1))

    def attach(self) -> None:
        attach(self.database, *self.some(VISITS, 1))

    def drop(self) -> None:
        drop(self.database, *self.some(VISITS, 1))

    def summarize(self) -> None:
        summarize(self.database)

    def summarize_one(self) -> None:
        summarize(self.database, self.some(NAMES, 2))

    def give(self) -> None:
        often = ("sources", "predictions", "associate", "summarize", "summarize", "orbits")
        all_ = [name for name in vars(Commands) if not name.startswith("_") and name not in ("some", "give")]
        command = str(self.rng.choice([*all_, *often, *often]))
        try:
            getattr(self, command)()
            self.said.append(command)
        except SsdbError as error:
            self.said.append(f"({command}: {error})")


@pytest.mark.parametrize("seed", range(2))
def test_the_rows_are_those_of_all_at_once(seed: int, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = Commands(database, np.random.default_rng(seed))
    monkeypatch.setattr(road, "_OBSERVATIONS_PER_CHUNK", 3)
    ingest_visits(database, {"visit": VISITS, "midpointMjdTai": [60_000.0 + one % NIGHT for one in VISITS]})
    for _ in range(40):
        commands.give()
    summarize(database)
    found = stored(database)
    assert [one.name for one in ssdb.check(database) if one.n_violations] == [], commands.said
    with database.writing() as connection:
        for table in (ss_object, ss_object_fit):
            connection.execute(sa.delete(table))
    summarize(database, all=True)
    assert stored(database) == found, commands.said
