"""The association of one exposure's sources with DiaObjects in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.config import DiaConfig
from ssdb.dia.match import candidate_pairs, flag_columns, makes_object, match_pairs, takes_part
from ssdb.errors import InputError, shown
from ssdb.ingest.sources import usable_sources
from ssdb.ingest.table.checks import Problems, check_not_null, check_positions, check_ranges, check_unique, valid_rows
from ssdb.ingest.table.conform import conform
from ssdb.io.writers import to_astropy
from ssdb.made_ids import made_ids
from ssdb.rubin.task.given import Given, filled
from ssdb.rubin.task.names import SOURCE_NAMES, Named
from ssdb.rubin.task.result import all_columns
from ssdb.schema.apdb_dia import dia_object_last, dia_source
from ssdb.schema.arrow import arrow_schema, ids, with_column
from ssdb.sky.hull import field_area
from ssdb.sky.sphere import cap_area
from ssdb.units import ARCSEC_PER_DEG, Array, Columns, Mask

if TYPE_CHECKING:
    from astropy.table import Table

_PLACE = ("ra", "dec", "raErr", "decErr", "ra_dec_Cov")
_OBJECT_NAMES = {"diaObjectId": (Named("diaObjectId"), Named("id"))} | {name: SOURCE_NAMES[name] for name in _PLACE}
_NUMBERS = ("reliability", "apFlux", "apFluxErr")
_FIELD_ARCSEC = 120.0
"""The least radius of the field that the sources are taken to lie in: few of them do not tell how many there are."""


class DiaAssociationResult(NamedTuple):
    """What Rubin's ``AssociationTask`` returns, and what becomes of the sources that belong to no object.

    The tables are astropy Tables with units; empty ones have the same columns as full ones.
    """

    matchedDiaSources: Table
    """Sources that belong to one of the objects, columns of DiaSource, by diaSourceId; diaObjectId says to which."""
    unAssocDiaSources: Table
    """The other sources; their diaObjectId is that of the object that each makes, which is its diaSourceId, or 0."""
    marginalDiaSources: Table
    """Those of unAssocDiaSources that make none."""
    newDiaObjects: Table
    """The objects that the others make, with what an object needs to be given to the next call."""
    nUpdatedDiaObjects: int
    """Objects that got a source."""
    nUnassociatedDiaObjects: int
    """Objects that got none."""
    nLeftOut: int
    """Sources that took no part: known Solar System objects, withdrawn ones, those with bad flags, and those without a
    position where these may be skipped."""


class DiaAssociation:
    """Tells which sources of an exposure belong to which DiaObjects, without a database.

    What goes in and comes out is what Rubin's ``AssociationTask`` has; the rules are those of a database, with the
    same configuration. With ``confirm`` above 1 no object is made, since earlier sources are not known here.

    ``skip_invalid`` leaves out sources and objects that are not usable (a NaN coordinate, say), instead of raising
    InputError.
    """

    def __init__(self, config: DiaConfig | None = None, *, skip_invalid: bool = False) -> None:
        self.config = config or DiaConfig()
        self.skip_invalid = skip_invalid

    def run(self, diaSources: Any, diaObjects: Any) -> DiaAssociationResult:
        """Associates the sources of one detector, or of one visit.

        Parameters
        ----------
        diaSources : table
            An astropy Table, a pyarrow Table, a pandas DataFrame, a mapping of columns, an afw catalog or a path, with
            the columns of DiaSource (at least diaSourceId, ra, dec) or the names that Rubin's tables have for them.
            Those with an ssObjectId above 0 or a timeWithdrawnMjdTai take no part.
        diaObjects : table
            The objects around as they are now: diaObjectId, ra, dec, and raErr, decErr, ra_dec_Cov if they are known.

        Returns
        -------
        DiaAssociationResult

        Raises
        ------
        InputError
            If a table is not usable: a column is missing, an identifier is there twice, the sources are of several
            visits.
        ConfigError
            If the configuration names a flag that DiaSource does not have.
        """
        flags = flag_columns(self.config)
        rows, n_rows = _sources(Given.of(diaSources, "diaSources"), skip_invalid=self.skip_invalid)
        objects = _objects(Given.of(diaObjects, "diaObjects"), skip_invalid=self.skip_invalid)
        others = (
            rows.column("ssObjectId").is_valid().to_numpy() | rows.column("timeWithdrawnMjdTai").is_valid().to_numpy()
        )
        rows = rows.filter(pa.array(takes_part(_arrays(rows, _PLACE, flags), self.config) & ~others))
        sources = _arrays(rows, (*_PLACE, *_NUMBERS), flags) | {"diaSourceId": ids(rows, "diaSourceId")}
        n = rows.num_rows
        pairs = candidate_pairs(sources, objects, self.config.radius_arcsec)
        found = match_pairs(sources, objects, *pairs, _density(sources), self.config)
        matched = np.zeros(n, bool)
        matched[found.source] = True
        new = ~matched & makes_object(sources, self.config) & (self.config.confirm == 1)
        object_id = np.where(new, sources["diaSourceId"], 0)
        taken = new & np.isin(object_id, objects["diaObjectId"])
        object_id[taken] = made_ids(object_id[taken], 1)
        object_id[found.source] = objects["diaObjectId"][found.object]
        rows = with_column(rows, "diaObjectId", object_id, pa.int64())
        return DiaAssociationResult(
            matchedDiaSources=_table(rows, matched),
            unAssocDiaSources=_table(rows, ~matched),
            marginalDiaSources=_table(rows, ~matched & ~new),
            newDiaObjects=_table(_objects_of(rows), new),
            nUpdatedDiaObjects=len(found.object),
            nUnassociatedDiaObjects=len(objects["ra"]) - len(found.object),
            nLeftOut=n_rows - n,
        )


def _sources(given: Given, *, skip_invalid: bool) -> tuple[pa.Table, int]:
    """Usable rows of DiaSource with all of its columns, by diaSourceId, and how many rows there are."""
    rows = given.renamed(SOURCE_NAMES) if given.n_rows else arrow_schema(dia_source).empty_table()
    given.refuse_missing(rows, {"diaSourceId": "diaSourceId (id)", "ra": "ra (coord_ra)", "dec": "dec (coord_dec)"})
    rows = filled(rows, "visit", 0, pa.int64())
    usable = usable_sources(given.label, rows, skip_invalid=skip_invalid)
    visits = np.unique(ids(usable.rows, "visit"))
    if len(visits) > 1:
        raise InputError(
            f"{given.label}: the sources are of several visits ({shown(visits)}): associate each by itself"
        )
    if "ssObjectId" in rows.schema.names:
        known = _conformed(given, rows.select(["ssObjectId"]), dia_source).column("ssObjectId")
        known = pc.if_else(pc.equal(known, 0), None, known).take(pa.array(usable.numbers - 1))
        usable = usable._replace(rows=with_column(usable.rows, "ssObjectId", known, pa.int64()))
    return all_columns(usable.rows, dia_source, "diaSourceId"), given.n_rows


def _objects(given: Given, *, skip_invalid: bool) -> Columns:
    """Usable objects as arrays."""
    rows = given.renamed(_OBJECT_NAMES) if given.n_rows else arrow_schema(dia_object_last).empty_table()
    given.refuse_missing(rows, {name: name for name in ("diaObjectId", "ra", "dec")})
    rows = _conformed(given, rows, dia_object_last)
    problems = Problems(given.label, rows.num_rows)
    check_not_null(problems, rows, ["diaObjectId"])
    check_positions(problems, rows)
    check_ranges(problems, rows, dia_object_last)
    check_unique(problems, rows, ["diaObjectId"], "diaObjectId is there twice")
    rows = all_columns(valid_rows(rows, problems, skip_invalid)[0], dia_object_last, "diaObjectId")
    return _arrays(rows, _PLACE) | {"diaObjectId": ids(rows, "diaObjectId")}


def _conformed(given: Given, rows: pa.Table, table: sa.Table) -> pa.Table:
    return conform(rows, table, given.label, filled=table.c.keys()).table


def _arrays(rows: pa.Table, names: Sequence[str], flags: Sequence[str] = ()) -> Columns:
    """Columns as arrays: numbers, NaN where unknown, and flags, false where unknown."""
    columns = {name: rows.column(name).to_numpy() for name in names}
    return columns | {name: rows.column(name).fill_null(False).to_numpy() for name in flags}


def _density(sources: Columns) -> Array:
    """Sources per square arcsecond around each."""
    n = len(sources["ra"])
    least = float(cap_area(_FIELD_ARCSEC / ARCSEC_PER_DEG))
    return np.full(n, n / max(field_area(sources["ra"], sources["dec"]), least) if n else np.nan)


def _objects_of(sources: pa.Table) -> pa.Table:
    """Objects of one source each."""
    columns = {name: sources.column(name) for name in ("diaObjectId", *_PLACE)}
    columns |= {f"{end}DiaSourceMjdTai": sources.column("midpointMjdTai") for end in ("first", "last")}
    columns["nDiaSources"] = pa.array(np.ones(sources.num_rows, np.int32))
    fields = [field for field in arrow_schema(dia_object_last) if field.name in columns]
    return pa.table([columns[field.name] for field in fields], schema=pa.schema(fields))


def _table(rows: pa.Table, which: Mask) -> Table:
    return to_astropy(rows.filter(pa.array(which)))
