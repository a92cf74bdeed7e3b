"""The night that is measured with: like one of Rubin's, written as it is made, so that it need not be in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from benchmarks.baselines import Points
from ssdb.identity.identify import identify
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import arrow_schema
from ssdb.simulate import Night, SimulatedField, SimulationConfig, simulate_visits
from ssdb.simulate.objects import ecliptic_place

KINDS = ("visits", "detectors", "sources", "predictions")

_VISITS_PER_ROW_GROUP = 10
_DETECTED_SHARE = 0.7
"""Share of the objects predicted for a simulated visit that are among its sources."""
_MOST_FIELDS = 25
_HIGHEST_LATITUDE = 30.0
_BELT_WIDTH = 12.0
"""Ecliptic latitude, deg, at which the belt has lost all but 1/e of its objects."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a night is.

    Attributes
    ----------
    visits : int
        At least 4. The simulation leaves the last without known objects and the one before it without sources.
    sources : int
        Of a visit, about.
    on_ecliptic, far_from_it : int
        Predictions of a visit, about: most and least.
    columns : int
        Of a source. The simulation makes 14; the others are random numbers in more columns of DiaSource.
    detectors : int
        Of a visit: a square number, or 189 for a camera like Rubin's with its distortion; 0: without footprints.
    """

    visits: int
    sources: int
    on_ecliptic: int
    far_from_it: int
    columns: int
    detectors: int


@dataclass(frozen=True, slots=True)
class BenchmarkNight:
    """A simulated night as ingest reads it, and as a match in memory takes it.

    Attributes
    ----------
    files : dict of str to Path
        One Parquet file a kind (no detectors where there are none), with a row group for some visits.
    rows : dict of str to int
        Rows of each file.
    visits : list of int
        Ascending; those with sources.
    fields : list of (predictions, sources)
        Positions of each of these visits, ICRS, deg.
    identifiers : list of (ssObjectId, diaSourceId)
        Of the same.
    """

    files: dict[str, Path]
    rows: dict[str, int]
    visits: list[int]
    fields: list[tuple[Points, Points]]
    identifiers: list[tuple[NDArray[np.int64], NDArray[np.int64]]]

    def predicted(self) -> NDArray[np.int64]:
        """How many predictions each of the visits has, shape (v,)."""
        return np.array([len(objects) for objects, _ in self.identifiers])


def make_night(size: Size, directory: Path) -> BenchmarkNight:
    """A simulated night.

    Parameters
    ----------
    size : Size
    directory : Path
        Where the files go; made if it is not there.
    """
    directory.mkdir(exist_ok=True)
    visits, fields, identifiers = [], [], []
    known: dict[str, int] = {}
    with ExitStack() as stack:
        files: dict[str, Path] = {}
        writers: dict[str, pyarrow.parquet.ParquetWriter] = {}
        rows: dict[str, int] = {}
        for group in _row_groups(size):
            for kind in KINDS:
                table = _together(group, kind, size.columns)
                if table is None:
                    continue
                if kind not in writers:
                    files[kind] = directory / f"{kind}.parquet"
                    writers[kind] = stack.enter_context(pyarrow.parquet.ParquetWriter(files[kind], table.schema))
                writers[kind].write_table(table)
                rows[kind] = rows.get(kind, 0) + table.num_rows
            for one in group:
                if one.sources.num_rows:
                    visits.append(one.visits.column("visit")[0].as_py())
                    fields.append((_points(one.predictions, "ephRa", "ephDec"), _points(one.sources, "ra", "dec")))
                    object_ids = _object_ids(one.predictions.column("designation"), known)
                    identifiers.append((object_ids, one.sources.column("diaSourceId").to_numpy()))
    return BenchmarkNight(files, rows, visits, fields, identifiers)


def stored_rows(night: BenchmarkNight, kind: str) -> Iterator[pa.Table]:
    """The rows of visits, sources or predictions as rows of Visit, DiaSource or SsPrediction, some visits at a time."""
    known: dict[str, int] = {}
    with pyarrow.parquet.ParquetFile(night.files[kind]) as file:
        for i in range(file.num_row_groups):
            table = file.read_row_group(i)
            if kind == "predictions":
                object_ids = _object_ids(table.column("designation"), known)
                table = table.append_column("ssObjectId", pa.array(object_ids, pa.int64()))
            yield table


def _row_groups(size: Size) -> Iterator[list[Night]]:
    each = simulate_visits(SimulationConfig(n_visits=size.visits, n_detectors=size.detectors), _fields(size))
    while group := list(islice(each, _VISITS_PER_ROW_GROUP)):
        yield group


def _fields(size: Size) -> list[SimulatedField]:
    """Fields across 0h, round a pole, and from the ecliptic on to higher latitudes; at last one without objects."""
    n_others = min(_MOST_FIELDS, max(2, size.visits // 4)) - 2
    places = [(0.0, 0.0), *zip(*_longitudes_and_latitudes(n_others), strict=True)]
    fields = [_field(size, *ecliptic_place(longitude, latitude), latitude) for longitude, latitude in places]
    # About the southern pole, which is 66 deg from the ecliptic.
    fields.insert(1, _field(size, 40.0, -89.5, 66.0))
    return [*fields, SimulatedField(310.0, -60.0, 0, size.sources)]


def _longitudes_and_latitudes(n: int) -> tuple[list[float], list[float]]:
    """Ecliptic coordinates of fields, deg: near opposition, from the ecliptic southwards."""
    longitude = np.linspace(8.0, 60.0, n) * np.where(np.arange(n) % 2, -1.0, 1.0)
    return longitude.tolist(), (-np.linspace(0.0, _HIGHEST_LATITUDE, n)).tolist()


def _field(size: Size, ra: float, dec: float, latitude: float) -> SimulatedField:
    in_belt = (size.on_ecliptic - size.far_from_it) * np.exp(-((latitude / _BELT_WIDTH) ** 2))
    n_objects = size.far_from_it + round(float(in_belt))
    return SimulatedField(ra, dec, n_objects, max(0, size.sources - round(_DETECTED_SHARE * n_objects)))


def _together(group: Sequence[Night], kind: str, n_columns: int) -> pa.Table | None:
    tables = [getattr(one, kind) for one in group]
    if tables[0] is None:
        return None
    table = pa.concat_tables(tables)
    return _widened(table, n_columns) if kind == "sources" else table


def _widened(sources: pa.Table, n_columns: int) -> pa.Table:
    """Sources with random numbers in so many more columns of single precision that they have n_columns."""
    rng = np.random.default_rng(1)
    more = [
        field
        for field in arrow_schema(dia_source)
        if field.type == pa.float32() and field.name not in sources.schema.names
    ]
    for field in more[: max(0, n_columns - sources.num_columns)]:
        values = rng.uniform(0.1, 1.0, sources.num_rows).astype(np.float32)
        sources = sources.append_column(field.remove_metadata(), pa.array(values))
    return sources


def _object_ids(designations: pa.ChunkedArray, known: dict[str, int]) -> NDArray[np.int64]:
    """ssObjectId of designations, shape (n,); those of names that were not known before are added there."""
    names = designations.to_pylist()
    if new := list({name for name in names if name not in known}):
        known |= zip(new, identify(pa.chunked_array([new], pa.string()))[0].tolist(), strict=True)
    return np.array([known[name] for name in names], np.int64)


def _points(table: pa.Table, ra: str, dec: str) -> Points:
    return table.column(ra).to_numpy(), table.column(dec).to_numpy()
