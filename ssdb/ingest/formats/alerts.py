"""Makes rows of the packets of alerts. Rubin's are here, of whatever version: fields are known by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.errors import InputError, quoted, shown
from ssdb.ingest.table.checks import Problems, check_motion, check_ranges
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.schema.arrow import arrow_types, with_column
from ssdb.schema.survey import ss_prediction

Row = Mapping[str, Any]

_OBJECT, _BOX = "diaObjectId", "bboxSize"
_EXACT = 2.0**53
"""From here on floating-point numbers are not all whole numbers."""

_BEYOND = 2**63
"""From here on whole numbers are none of a database."""

_RATES = ("ephRateRa", "ephRateDec")
_VECTORS = ("helio", "topo")


@dataclass(slots=True)
class AlertRows:
    """Rows of some packets, each once, as the packets have them: of several with the same number the first."""

    n_packets: int = 0
    triggers: dict[int, Row] = field(default_factory=dict)
    """Sources that the packets are of, by diaSourceId, if they were in the history of none before."""
    history: dict[int, Row] = field(default_factory=dict)
    """Earlier sources in the same place, by diaSourceId, if no packet before is of them."""
    seen: list[int] = field(default_factory=list)
    """The diaSourceId of packets whose source came before."""
    n_nameless: int = 0
    """Earlier sources that are left out: their identifiers are unusable, or floats that have lost digits."""
    forced: dict[tuple[int, ...], Row] = field(default_factory=dict)
    """Fluxes at the places of DiaObjects, by diaObjectId, visit and detector."""
    predictions: dict[tuple[int, str], Row] = field(default_factory=dict)
    """Known objects at the time of the sources, by visit and designation."""
    orbits: dict[str, Row] = field(default_factory=dict)
    """Orbits of these, by designation."""

    def add_trigger(self, identifier: str, given: Row, row: Row) -> None:
        """Takes the source that a packet is of; ValueError if its number cannot be one of a source."""
        number = whole(given, identifier)
        if number <= 0:
            raise ValueError(f"{identifier} is {number}")
        if number in self.triggers or number in self.history:
            self.seen.append(number)
        else:
            self.triggers[number] = row

    def add_history(self, identifier: str, row: Row) -> None:
        """Takes an earlier source."""
        value = row[identifier]
        if isinstance(value, int | float) and not 0 < value < (_EXACT if isinstance(value, float) else _BEYOND):
            self.n_nameless += 1
        elif (number := whole(row, identifier)) not in self.triggers:
            self.history.setdefault(number, row)

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        of_sources = len(self.triggers) + len(self.history) + len(self.forced)
        return of_sources + len(self.predictions) + len(self.orbits)


@dataclass(frozen=True, slots=True)
class Survey:
    """Whose packets these are.

    ``add`` takes the rows of a packet, with those of its known objects if it is told; KeyError, TypeError or ValueError
    if it lacks a field. ``sources`` and ``fluxes`` make tables of rows, with columns of DiaSource and DiaForcedSource.
    """

    name: str
    provider: str
    visits: Mapping[str, str]
    """What its visits have in common, as columns of Visit."""
    is_packet: Callable[[Row], bool]
    add: Callable[[AlertRows, Row, bool], None]
    sources: Callable[[list[Row], str], pa.Table]
    fluxes: Callable[[list[Row], str], pa.Table]


def whole(row: Row, name: str) -> int:
    """An identifier; KeyError, TypeError or ValueError if there is none, or it is no whole number of 64 bits.

    A floating-point number, which pandas makes of identifiers that may be unknown, is one as long as it is exact.
    """
    value = row[name]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    if not isinstance(value, int):
        raise TypeError(f"{name} is {quoted(value)}")
    if abs(value) >= _BEYOND:
        raise ValueError(f"{name} is {value}")
    return value


def columns_of(rows: list[Row], types: Mapping[str, pa.DataType | None], name: str) -> pa.Table:
    """Those of some columns that any of the rows has, of the types that are stated where the values allow them."""
    # Packets of one version have the same fields: few rows have to be looked at.
    of_length = {len(row): row for row in rows}
    known = dict.fromkeys(key for row in of_length.values() for key in row)
    columns: dict[str, pa.Array] = {}
    for column in (column for column in types if column in known):
        try:
            values = list(map(itemgetter(column), rows))
        except KeyError:  # of another version
            values = [row.get(column) for row in rows]
        try:
            columns[column] = pa.array(values, types[column])
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            try:
                columns[column] = pa.array(values)
            except OverflowError as error:
                raise InputError(f"{name}: {column} has a number beyond 2^63 - 1") from error
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                raise InputError(f"{name}: {column} has values of several kinds ({error})") from error
    return pa.table(columns)


# ---- Rubin -----------------------------------------------------------------------------------------------------------


def _is_rubin(packet: Row) -> bool:
    return isinstance(packet.get("diaSource"), Mapping)


def _add_rubin(rows: AlertRows, packet: Row, with_ss: bool) -> None:
    source = packet["diaSource"]
    rows.add_trigger("diaSourceId", source, source)
    for earlier in packet.get("prvDiaSources") or ():
        rows.add_history("diaSourceId", earlier)
    for flux in packet.get("prvDiaForcedSources") or ():
        rows.forced.setdefault((whole(flux, _OBJECT), whole(flux, "visit"), flux["detector"]), flux)
    if not with_ss:
        return
    seen, orbit = packet.get("ssSource"), packet.get("mpc_orbits")
    if orbit and orbit.get("designation"):
        rows.orbits.setdefault(orbit["designation"], orbit)
    designation = (seen or {}).get("designation") or (orbit or {}).get("designation")
    if seen and designation:
        time = {"midpointMjdTai": source["midpointMjdTai"], "provider": RUBIN.provider}
        visit = whole(source, "visit")
        rows.predictions.setdefault((visit, designation), {**seen, "visit": visit, "designation": designation, **time})


def _rubin_table(target: sa.Table) -> Callable[[list[Row], str], pa.Table]:
    return lambda rows, name: columns_of(rows, arrow_types(target), name)


def _rubin_sources(rows: list[Row], name: str) -> pa.Table:
    """Sources; a box of less than no pixel is unknown, where the schema wants a number."""
    table = columns_of(rows, arrow_types(dia_source), name)
    if _BOX in table.column_names:
        table = _unknown(table, (_BOX,), table.column(_BOX).fill_null(0).to_numpy() < 0)
    return table


def predictions_of(rows: Iterable[Row], name: str) -> tuple[pa.Table, tuple[str, ...]]:
    """Columns of SsPrediction that rows have, and what to tell of them; the object is that of the designation.

    Rates that are both 0 are unknown. So are vectors and distances that are those of nothing in the Solar System, as
    alerts have them until schema 10.0: divided by the kilometres of an au, velocities in au/d.
    """
    types = {column: type_ for column, type_ in arrow_types(ss_prediction).items() if column != "ssObjectId"}
    table = columns_of(list(rows), types, name)
    if {*_RATES} <= {*table.column_names}:
        known = np.logical_or.reduce([table.column(rate).fill_null(0).to_numpy() != 0 for rate in _RATES])
        table = _unknown(table, _RATES, ~known)
    vectors = [column for column in table.column_names if column.startswith(_VECTORS)]
    problems = Problems(name, table.num_rows)
    check_motion(problems, table.select(vectors))
    check_ranges(problems, table.select(vectors), ss_prediction)
    n = int(np.count_nonzero(problems.bad))
    told = f"{n:,} known objects have vectors and distances of nothing in the Solar System: these are left out"
    return _unknown(table, vectors, problems.bad), (told,) if n else ()


def _unknown(table: pa.Table, names: Sequence[str], rows: np.ndarray) -> pa.Table:
    """A table in which some columns have no values in some rows."""
    if rows.any():
        for column in names:
            values = table.column(column)
            table = with_column(table, column, pc.if_else(rows, pa.scalar(None, values.type), values), values.type)
    return table


def orbits_of(rows: Iterable[Row], name: str) -> pa.Table:
    """Columns of mpc_orbits that rows have; dates are counts, as packets have them."""
    types = {
        column: None if pa.types.is_timestamp(type_) else type_ for column, type_ in arrow_types(mpc_orbits).items()
    }
    return columns_of(list(rows), types, name)


RUBIN = Survey(
    name="Rubin",
    provider="rubin",
    visits={"observatoryCode": "X05"},
    is_packet=_is_rubin,
    add=_add_rubin,
    sources=_rubin_sources,
    fluxes=_rubin_table(dia_source.metadata.tables["DiaForcedSource"]),
)


def refuse_packet(name: str, packet: Row, number: int) -> InputError:
    """The error about a packet of no survey that is known."""
    return InputError(
        f"{name}: packet {number:,} is none of Rubin's (diaSource) or ZTF's (candidate with candid, jd, fid and pid): "
        f"it has {shown(packet, 20)}"
    )
