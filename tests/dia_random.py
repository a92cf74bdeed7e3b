"""Random commands on a survey, and a fresh database with the same rows, whose DiaObjects are to be the same."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from dia_surveys import ARCSEC, BEGIN, load, load_visits, rows_of, sources

from ssdb.association.associate import associate
from ssdb.dia.associate import associate_dia
from ssdb.dia.merge import merge_objects
from ssdb.dia.withdraw import withdraw
from ssdb.errors import InputError
from ssdb.ingest.forced import ingest_forced
from ssdb.ingest.objects import ingest_objects
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.visits import ingest_visits
from ssdb.schema.apdb_dia import BANDS, dia_forced_source, dia_object, dia_object_last, dia_source
from ssdb.schema.dia import dia_match, dia_object_base
from ssdb.schema.survey import ss_prediction, visit
from ssdb.store.database import Database
from ssdb.store.tables.delete import delete_visits

RA, DEC = 10.0, -30.0
DELETES = 0.3
STEP_DEG = 0.01
"""Between places, each of which is one thing."""
FORCED_FLUXES = tuple(f"{letter}_{name}" for letter in BANDS for name in ("fpFluxMean", "fpFluxMeanErr"))


class World:
    """What was put into a database, and commands that change it.

    Things are at places in a row: 0 to 7 are seen in most visits, 8 to 10 are too unreliable to make an object, 11 is
    known to other surveys alone. Some of the first are predicted, in some visits, as known objects.
    """

    def __init__(self, database: Database, seed: int, n_visits: int = 8) -> None:
        self.database = database
        self.rng = np.random.default_rng(seed)
        self.seed = seed
        self.waiting = list(range(1, n_visits + 1))
        self.there: list[int] = []
        self.log: list[str] = []

    def place(self, which: Any) -> Any:
        return RA + STEP_DEG * np.asarray(which)

    def rows(self, number: int, version: int = 0) -> pa.Table:
        """The sources of a visit."""
        rng = np.random.default_rng([self.seed, number, version])
        seen = np.flatnonzero(rng.random(11) < 0.75)
        n = len(seen)
        east, north = rng.normal(0.0, 0.05 * ARCSEC, (2, n))
        error = rng.uniform(5.0, 20.0, n).astype(np.float32).astype(float)
        error[rng.random(n) < 0.1] = np.nan
        flux = rng.normal(1000.0, 100.0, n).astype(np.float32).astype(float)
        flux[rng.random(n) < 0.1] = np.nan
        more: dict[str, Any] = {
            "diaSourceId": 1000 * number + 100 * version + seen,
            "detector": (seen % 3).astype(np.int16),
            "psfFlux": flux,
            "psfFluxErr": error,
            "band": rng.choice(["g", "r", "lsst_r", "w"], n).tolist(),
            "reliability": np.where(seen > 7, 0.05, 0.9),
        }
        return sources(number, self.place(seen) + east / np.cos(np.radians(DEC)), DEC + north, **more)

    # ---- commands ----

    def ingest(self) -> None:
        if self.waiting:
            number = self.waiting.pop(int(self.rng.integers(len(self.waiting))))
            load_visits(self.database, [number])
            load(self.database, [self.rows(number)])
            self.there.append(number)
            self.predict(number)

    def predict(self, number: int | None = None) -> None:
        if self.there:
            places = [place for place in range(8) if self.rng.random() < 0.15]
            predict(self.database, number or self.some(), self.place(places).tolist())

    def some(self) -> int:
        return int(self.rng.choice(self.there))

    def solar_system(self) -> None:
        associate(self.database)

    def both(self) -> None:
        associate(self.database)
        self.dia()

    def dia(self) -> None:
        report = associate_dia(self.database, solar_system=bool(self.rng.random() < 0.7), late=self.rng.random() < 0.3)
        assert report.failed == {}

    def again(self) -> None:
        if self.there:
            report = associate_dia(self.database, [self.some()], solar_system=bool(self.rng.random() < 0.5))
            assert report.failed == {}

    def delete(self) -> None:
        if self.there and self.rng.random() < DELETES:
            number = self.some()
            delete_visits(self.database, [number])
            self.there.remove(number)
            self.waiting.append(number)

    def replace(self) -> None:
        if self.there:
            number = self.some()
            load(self.database, [self.rows(number, int(self.rng.integers(5)))], replace=True)

    def withdraw(self) -> None:
        ids = [row["diaSourceId"] for row in rows_of(self.database, dia_source)]
        if ids:
            chosen = self.rng.choice(ids, min(2, len(ids)), replace=False)
            withdraw(self.database, pa.table({"diaSourceId": chosen}))

    def move(self) -> None:
        """Corrects the time of a visit."""
        if self.there:
            number = self.some()
            time = BEGIN + number + self.rng.uniform(-0.01, 0.01)
            ingest_visits(self.database, pa.table({"visit": [number], "midpointMjdTai": [time]}))

    def merge(self) -> None:
        merge_objects(self.database)

    def objects(self) -> None:
        """Objects of others at some of the places."""
        which = self.rng.choice([*range(8), 11], 2, replace=False)
        with suppress(InputError):  # those that have got sources since
            ingest_objects(self.database, pa.table(base(self.rng, which, self.place(which))))

    def forced(self) -> None:
        last = rows_of(self.database, dia_object_last)
        if last and self.there:
            chosen = [last[at] for at in self.rng.choice(len(last), min(3, len(last)), replace=False)]
            columns = {
                "diaObjectId": [row["diaObjectId"] for row in chosen],
                "ra": [row["ra"] for row in chosen],
                "dec": [row["dec"] for row in chosen],
                "visit": [self.some()] * len(chosen),
                "psfFlux": self.rng.normal(900.0, 50.0, len(chosen)),
                "psfFluxErr": self.rng.uniform(5.0, 10.0, len(chosen)),
                "band": self.rng.choice(["g", "lsst_r"], len(chosen)).tolist(),
            }
            ingest_forced(self.database, pa.table(columns))

    def step(self, names: list[str]) -> None:
        """One of some commands."""
        name = str(self.rng.choice(names))
        self.log.append(name)
        getattr(self, name)()

    def finish(self) -> None:
        """Whatever is left is given to objects, and what is one is merged."""
        while self.waiting:
            self.ingest()
        settle(self.database)


COMMANDS = [
    *("ingest", "ingest", "predict", "solar_system", "both", "both", "dia", "again", "again"),
    *("delete", "replace", "withdraw", "withdraw", "move", "merge", "objects", "forced", "forced"),
]


def settle(database: Database) -> None:
    associate(database)
    while any(row["diaStatus"] == "pending" for row in rows_of(database, visit)):
        assert associate_dia(database, late=True).failed == {}
    merge_objects(database)


def predict(database: Database, number: int, ra: list[float]) -> None:
    """Known objects at some right ascensions in a visit, and one where nothing is."""
    n = len(ra) + 1
    columns = {
        "visit": [number] * n,
        "designation": ["2010 AB", *(f"2011 C{chr(65 + round((one - RA) / STEP_DEG))}" for one in ra)],
        "ephRa": [11.0, *ra],
        "ephDec": [DEC] * n,
        "ephRateRa": [0.0] * n,
        "ephRateDec": [0.0] * n,
    }
    ingest_predictions(database, pa.table(columns), replace=True)


def base(rng: np.random.Generator, which: np.ndarray, ra: np.ndarray) -> dict[str, Any]:
    """Rows of DiaObjects of others."""
    n = len(which)
    return {
        "diaObjectId": 3000 + which,  # as sources have
        "ra": ra + rng.normal(0.0, 0.01 * ARCSEC, n),
        "dec": np.full(n, DEC),
        "raErr": np.full(n, 0.02 * ARCSEC),
        "decErr": np.full(n, 0.02 * ARCSEC),
        "nDiaSources": rng.integers(1, 9, n),
        "firstDiaSourceMjdTai": np.full(n, 59000.0),
        "lastDiaSourceMjdTai": np.full(n, 59900.0),
        "r_psfFluxMean": rng.normal(1000.0, 50.0, n),
        "r_psfFluxMeanErr": rng.uniform(1.0, 5.0, n),
        "r_psfFluxNdata": rng.integers(1, 5, n),
        "g_fpFluxMean": rng.normal(1000.0, 50.0, n),
        "g_fpFluxMeanErr": rng.uniform(1.0, 5.0, n),
    }


def fresh(database: Database, other: Database) -> None:
    """Puts what is in a database at the end into an empty one, in time."""
    given = rows_of(database, dia_object_base)
    if given:
        names = [name for name in given[0] if name not in ("currentId", "validityEndMjdTai")]
        ingest_objects(other, pa.table({name: pa.array([row[name] for row in given]) for name in names}))
    rows, predicted = rows_of(database, dia_source), rows_of(database, ss_prediction)
    left_out = ("diaObjectId", "ssObjectId", "ssObjectReassocTimeMjdTai", "timeWithdrawnMjdTai", "zone")
    for one in sorted(rows_of(database, visit), key=lambda row: row["midpointMjdTai"]):
        number = one["visit"]
        load_visits(other, [number], midpointMjdTai=[one["midpointMjdTai"]])
        mine = [row for row in rows if row["visit"] == number]
        if mine:
            columns = {name: [row[name] for row in mine] for name in mine[0] if name not in left_out}
            kept = {name: pa.array(values) for name, values in columns.items() if any(v is not None for v in values)}
            load(other, [pa.table(kept)])
        predict(other, number, [row["ephRa"] for row in predicted if row["visit"] == number and row["ephRa"] != 11.0])
    gone = [row["diaSourceId"] for row in rows if row["timeWithdrawnMjdTai"] is not None]
    if gone:
        withdraw(other, pa.table({"diaSourceId": gone}))
    settle(other)


def contents(database: Database) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The columns of every current object, by the sources and objects of others that it is made of.

    Without identifiers, which are those of the first source that came, and without forced fluxes.
    """
    members: dict[int, list[int]] = {}
    for row in rows_of(database, dia_source):
        if row["diaObjectId"] is not None:
            members.setdefault(row["diaObjectId"], []).append(row["diaSourceId"])
    for row in rows_of(database, dia_object_base):
        members.setdefault(row["currentId"], []).append(-row["diaObjectId"])
    left_out = {"diaObjectId", "validityStartMjdTai", *FORCED_FLUXES}
    current = [row for row in rows_of(database, dia_object) if row["validityEndMjdTai"] is None]
    assert sorted(members) == sorted(row["diaObjectId"] for row in current)
    return {
        tuple(sorted(members[row["diaObjectId"]])): {k: v for k, v in row.items() if k not in left_out}
        for row in current
    }


def forced_means(database: Database) -> dict[tuple[int, str], tuple[float, float]]:
    """By hand: mean and error of the forced fluxes of every current object and band."""
    current = {row["diaObjectId"] for row in rows_of(database, dia_object_last)}
    weights: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for row in rows_of(database, dia_forced_source):
        if row["diaObjectId"] in current and row["timeWithdrawnMjdTai"] is None:
            key = row["diaObjectId"], row["band"][-1]
            weights.setdefault(key, []).append((row["psfFlux"], row["psfFluxErr"]))
    for row in rows_of(database, dia_object_base):
        for letter in BANDS:
            if (mean := row[f"{letter}_fpFluxMean"]) is not None:
                weights.setdefault((row["currentId"], letter), []).append((mean, row[f"{letter}_fpFluxMeanErr"]))
    found = {}
    for key, values in weights.items():
        flux, error = np.array(values).T
        total = (error**-2).sum()
        found[key] = ((flux * error**-2).sum() / total, total**-0.5)
    return found


def stored_forced_means(database: Database) -> dict[tuple[int, str], tuple[float, float]]:
    return {
        (row["diaObjectId"], letter): (row[f"{letter}_fpFluxMean"], row[f"{letter}_fpFluxMeanErr"])
        for row in rows_of(database, dia_object)
        if row["validityEndMjdTai"] is None
        for letter in BANDS
        if row[f"{letter}_fpFluxMean"] is not None
    }


def matches(database: Database) -> dict[int, int]:
    return {row["diaSourceId"]: row["diaObjectId"] for row in rows_of(database, dia_match)}


def orphans(database: Database) -> list[int]:
    """Moments of no object."""
    with database.reading() as connection:
        wanted = 'SELECT "diaObjectId" FROM "DiaObjectMoment" EXCEPT SELECT "diaObjectId" FROM "DiaObjectLast"'
        return list(connection.scalars(sa.text(wanted)))
