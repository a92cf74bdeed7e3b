"""The same pairs by q3c and pgSphere, extensions of PostgreSQL, each by several plans of which the fastest counts.

Only the two positions and identifiers of each row are in their tables, in the order of the visits, and no zone of
declination, no rows of 47 columns: what they take is the least that they can.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from benchmarks.baselines import Indices, Points, copy_rows
from benchmarks.servers import WrongResult, settle, temporary_database
from ssdb.errors import DatabaseError
from ssdb.sky.sphere import separations
from ssdb.store.database import Database, open_database
from ssdb.store.transfer.read import read_arrays

_SETTINGS = "; ".join(
    f"SET LOCAL {name} = off"
    for name in ("jit", "enable_hashjoin", "enable_mergejoin", "enable_seqscan", "enable_material", "enable_memoize")
)
"""Left to itself the planner reads tables whole, which takes twenty times as long."""

_TOLERANCE_ARCSEC = 1e-3
"""pgSphere takes 2e-4 arcsec for nothing."""

_POSITIONS = sa.MetaData()
_PREDICTED, _DETECTED = (
    sa.Table(
        name,
        _POSITIONS,
        sa.Column("visit", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("ra", sa.Double, nullable=False),
        sa.Column("dec", sa.Double, nullable=False),
    )
    for name in ("predicted", "detected")
)


@dataclass(frozen=True, slots=True)
class Extension:
    """What finds pairs.

    Attributes
    ----------
    name : str
        As CREATE EXTENSION has it.
    proof : str
        An expression that is not NULL if it is there.
    predicted, detected : str
        What of a prediction and of a source is stored beside visit and number; {radius} is in degrees.
    near : str
        The condition of a pair of a prediction p and a source s.
    method, indexed : str
        Kind of the index of sources, and what is in it.
    """

    name: str
    proof: str
    predicted: str
    detected: str
    near: str
    method: str
    indexed: str


EXTENSIONS = {
    "q3c": Extension(
        name="q3c",
        proof="to_regproc('q3c_version')",
        predicted="ra, dec",
        detected="ra, dec",
        near="q3c_join(p.ra, p.dec, s.ra, s.dec, {radius})",
        method="btree",
        indexed="q3c_ang2ipix(ra, dec)",
    ),
    "pgSphere": Extension(
        name="pg_sphere",
        proof="to_regtype('spoint')",
        predicted="scircle(spoint(radians(ra), radians(dec)), radians({radius})) AS place",
        detected="spoint(radians(ra), radians(dec)) AS place",
        near="s.place <@ p.place",
        method="gist",
        indexed="place",
    ),
}


PLANS = {"one table and index": False, "a table and an index a visit": True}
"""Ways to ask, and whether each visit has a table of its own."""


def rivals(
    place: sa.URL, fields: Sequence[tuple[Points, Points]], radius_arcsec: float, expected: Sequence[Indices]
) -> dict[str, dict[str, float | str]]:
    """Seconds of each plan of each extension for some visits, the pairs received included.

    Parameters
    ----------
    place : sqlalchemy.URL
        The server.
    fields : sequence of (predictions, sources)
        Positions of one visit each.
    radius_arcsec : float
    expected : sequence of (prediction, source)
        Indices of the pairs of each visit.

    Returns
    -------
    dict
        By extension, seconds by plan, or in words why there are none.

    Raises
    ------
    WrongResult
        If one finds other pairs.
    """
    found: dict[str, dict[str, float | str]] = {}
    with temporary_database(place) as url, closing(open_database(url)) as database:
        _store(database, fields)
        for name, extension in EXTENSIONS.items():
            if problem := _problem(database, extension):
                found[name] = {"": problem}
                continue
            found[name] = {}
            for plan, table_a_visit in PLANS.items():
                shape = (table_a_visit, len(fields), radius_arcsec / 3600.0)
                _lay_out(database, extension, *shape)
                settle(database)
                found[name][plan], pairs = _ask(database, extension, *shape)
                _compare(f"{name} ({plan})", pairs, fields, radius_arcsec, expected)
    return found


def fastest(plans: dict[str, float | str]) -> tuple[str, float] | None:
    """The fastest plan of an extension, and its seconds; None where it is not installed."""
    timed = [(plan, seconds) for plan, seconds in plans.items() if isinstance(seconds, float)]
    return min(timed, key=lambda item: item[1], default=None)


def _problem(database: Database, extension: Extension) -> str:
    """Why an extension cannot be used; nothing if it can, whichever way it came into the database."""
    there = sa.text(f"SELECT {extension.proof} IS NOT NULL")
    available = sa.text("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = :name)")
    with database.reading() as connection:
        if connection.execute(there).scalar_one():
            return ""
        if not connection.execute(available, {"name": extension.name}).scalar_one():
            return "not on this server"
    try:
        with database.writing() as connection:
            connection.exec_driver_sql(f"CREATE EXTENSION {extension.name}")
    except DatabaseError as error:
        return str(error).partition(": ")[2]  # without the URL
    return ""


def _store(database: Database, fields: Sequence[tuple[Points, Points]]) -> None:
    """Stores the positions of visits 0, 1, ..., with the number of each in its visit."""
    with database.writing() as connection:
        _POSITIONS.create_all(connection)
        for visit, both in enumerate(fields):
            for table, (ra, dec) in zip((_PREDICTED, _DETECTED), both, strict=True):
                numbers = np.arange(len(ra), dtype=np.int32)
                columns = {"visit": np.full(len(ra), visit, np.int32), "number": numbers, "ra": ra, "dec": dec}
                copy_rows(connection, table, pa.table(columns))


def _lay_out(database: Database, extension: Extension, table_a_visit: bool, n_visits: int, radius_deg: float) -> None:
    """Makes the tables of a plan anew, in the order of visits and, within, of places on the sky."""
    parts = [(f"s_{visit}", f"WHERE visit = {visit}") for visit in range(n_visits)] if table_a_visit else [("s", "")]
    rows = "ORDER BY visit, floor(60 * dec), ra"
    with database.writing() as connection:
        connection.exec_driver_sql(
            f"""DROP TABLE IF EXISTS p, {", ".join(name for name, _ in parts)};
            CREATE TABLE p AS SELECT visit, number, {extension.predicted} FROM predicted {rows};
            CREATE INDEX ON p (visit)""".format(radius=radius_deg)
        )
        for name, which in parts:
            connection.exec_driver_sql(
                f"CREATE TABLE {name} AS SELECT visit, number, {extension.detected} FROM detected {which} {rows}; "
                f"CREATE INDEX ON {name} USING {extension.method} ({extension.indexed})"
            )
    with database.session() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def _ask(
    database: Database, extension: Extension, table_a_visit: bool, n_visits: int, radius_deg: float
) -> tuple[float, list[Indices]]:
    """Seconds, and the pairs of each visit."""
    near = extension.near.format(radius=radius_deg)
    # With "offset 0" the planner cannot begin with the sources.
    text = "SELECT p.visit, p.number AS prediction, s.number AS source FROM p CROSS JOIN LATERAL "
    if table_a_visit:
        texts = [
            f"{text} (SELECT number FROM s_{visit} s WHERE {near} OFFSET 0) s WHERE p.visit = {visit}"
            for visit in range(n_visits)
        ]
    else:
        texts = [f"{text} (SELECT number FROM s WHERE s.visit = p.visit AND {near} OFFSET 0) s"]
    columns = [sa.column(name, sa.Integer) for name in ("visit", "prediction", "source")]
    with database.writing() as connection:
        connection.exec_driver_sql(_SETTINGS)
        start = time.perf_counter()
        found = [read_arrays(connection, sa.text(text).columns(*columns), bounded=True) for text in texts]
        seconds = time.perf_counter() - start
    visit, prediction, source = (np.concatenate([one[column.name] for one in found]) for column in columns)
    of_visit = [np.flatnonzero(visit == each) for each in range(n_visits)]
    return seconds, [(prediction[rows], source[rows]) for rows in of_visit]


def _compare(
    name: str,
    found: Sequence[Indices],
    fields: Sequence[tuple[Points, Points]],
    radius_arcsec: float,
    expected: Sequence[Indices],
) -> None:
    """Raises WrongResult if pairs differ that are not just at the radius."""
    for (predictions, sources), *both in zip(fields, found, expected, strict=True):
        a, b = (set(zip(i.tolist(), j.tolist(), strict=True)) for i, j in both)
        if other := a ^ b:
            i, j = np.array(list(other)).T
            apart = separations(*(each[i] for each in predictions), *(each[j] for each in sources))
            if (np.abs(apart - radius_arcsec) > _TOLERANCE_ARCSEC).any():
                raise WrongResult(
                    f"{name} found {len(a):,} pairs of a visit, the match in memory {len(b):,}, or others"
                )
