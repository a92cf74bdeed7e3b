"""Reads what was observed of objects, for their summaries: one row a source, by object, band and time."""

from __future__ import annotations

from typing import Any

import numpy as np
import sqlalchemy as sa

from ssdb.config import SummaryConfig
from ssdb.schema.apdb_dia import BANDS, dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.store.ddl.partitions import read_in_turns
from ssdb.store.query_plans import index_loops
from ssdb.store.transfer.array_parameters import listed
from ssdb.units import MAG, Columns, Integers, ab_magnitudes

BAD_FLAGS = ("pixelFlags_saturatedCenter", "pixelFlags_interpolatedCenter", "isDipole")
"""Sources with one of these have no magnitude to be fitted, whichever flux it would be of; those of psfFlux_flag none
of psfFlux, those of trail_flag and trail_flag_edge none of trailFlux."""

_PLAN = {
    # In the order of the index, matches would be read from all over the table, and then their sources; so they
    # come as they lie there, those of a visit beside each other.
    "enable_bitmapscan": "on",
    # Else each source is looked for among all partitions.
    "enable_partitionwise_join": "on",
    "max_parallel_workers_per_gather": 0,
}
"""How PostgreSQL reads, within index loops: of some thousand objects, a part of most pages."""

_OF_MATCHES = (
    *("ssObjectId", "diaSourceId", "designation", "phaseAngle", "helioRange", "topoRange"),
    *("ephOffsetRa", "ephOffsetDec"),
)
"""Columns of SSSource."""

_INFINITE = 1e39
"""More than any number of single precision, but what is infinite or, to PostgreSQL, not a number."""
_FWHM2 = 8.0 * np.log(2.0)
"""Of a normal distribution of variance 1, the full width at half maximum, squared."""
_USUAL_FWHM_ARCSEC = 1.0
"""Of the PSF, where DiaSource has no ixxPSF and iyyPSF; as :func:`ssdb.association.photometry.trailing_loss` has it."""


def read_observations(connection: sa.Connection, objects: Integers, config: SummaryConfig) -> Columns:
    """What was observed of objects (ascending), columns of shape (n,), by ssObjectId, band, time and diaSourceId.

    ssObjectId, diaSourceId, midpointMjdTai (MJD TAI), designation (bytes), extendedness, phaseAngle (deg), ephOffsetRa
    and ephOffsetDec (arcsec), as stored; band: 1 to 6 for u, g, r, i, z, y, 0 for others; magnitude: AB, at 1 au from
    the Sun and from the observer, and its error: NaN where it is not to be used.
    """
    statement = _statement(connection, config)
    with listed(connection, "summarized_object", objects) as among, index_loops(connection):
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("; ".join(f"SET LOCAL {name} = {value}" for name, value in _PLAN.items()))
        wanted = statement.where(among(ss_source.c.ssObjectId))
        found = read_in_turns(connection, wanted, ss_source, dia_source, bounded=True)
    order = np.lexsort([found[name] for name in ("diaSourceId", "midpointMjdTai", "band", "ssObjectId")])
    found = {name: values[order] for name, values in found.items()}
    flux, error, helio, topo = (
        found.pop(name).astype(float) for name in ("flux", "fluxErr", "helioRange", "topoRange")
    )
    usable = (flux > 0) & (error > 0) & (helio > 0) & (topo > 0) & np.isfinite(found["phaseAngle"])
    usable &= np.isfinite(flux) & np.isfinite(error) & np.isfinite(helio) & np.isfinite(topo)
    with np.errstate(divide="ignore", invalid="ignore"):
        magnitude = ab_magnitudes(flux) - 5.0 * np.log10(helio * topo)
        found["magnitude"] = np.where(usable, magnitude, np.nan)
        found["error"] = np.where(usable, MAG * error / flux, np.nan)
    return found


def _statement(connection: sa.Connection, config: SummaryConfig) -> sa.Select[Any]:
    source = dia_source.c
    bad = sa.or_(*(source[name].is_(True) for name in BAD_FLAGS), source.timeWithdrawnMjdTai.is_not(None))
    # By the sizes of the PSF: squared, for want of a root that takes what is below 0.
    length = sa.cast(source.trailLength, sa.Double)
    moment = sa.cast(source.ixxPSF, sa.Double) + source.iyyPSF
    width2 = sa.case((moment.between(0, _INFINITE), _FWHM2 * 0.5 * moment), else_=_USUAL_FWHM_ARCSEC**2)
    trailed = sa.and_(
        sa.true() if config.trail_psf_widths else sa.false(),
        length * length > config.trail_psf_widths**2 * width2,
        length < _INFINITE,
        source.trail_flag.is_not(True),
        source.trail_flag_edge.is_not(True),
        *(column > 0 for column in (source.trailFlux, source.trailFluxErr)),
        *(column < _INFINITE for column in (source.trailFlux, source.trailFluxErr)),
    )
    fluxes = (
        sa.case((bad, None), (trailed, of_trail), (source.psfFlux_flag.is_not(True), of_point)).label(name)
        for name, of_trail, of_point in (
            ("flux", source.trailFlux, source.psfFlux),
            ("fluxErr", source.trailFluxErr, source.psfFluxErr),
        )
    )
    same = (source.diaSourceId == ss_source.c.diaSourceId) & (source.visit == ss_source.c.visit)
    return sa.select(
        *(ss_source.c[name] for name in _OF_MATCHES),
        source.midpointMjdTai,
        source.extendedness,
        _band(connection).label("band"),
        *fluxes,
    ).join_from(ss_source, dia_source, same)


def _band(connection: sa.Connection) -> sa.ColumnElement[int]:
    """The place of a source's band among ugrizy, by the last letter of its name: r, lsst_r and zr are one."""
    if connection.dialect.name == "postgresql":
        place, last = sa.func.strpos, sa.func.right(sa.func.rtrim(dia_source.c.band), 1)
    else:
        place, last = sa.func.instr, sa.func.substr(sa.func.rtrim(dia_source.c.band), -1)
    found = place(BANDS, sa.func.lower(sa.func.nullif(last, "")))
    return sa.cast(sa.func.coalesce(found, 0), sa.SmallInteger)
