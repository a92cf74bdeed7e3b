"""ssdb's own tables of DiaObjects: what their statistics are made of, which source went to which, forced fluxes.

The APDB's DiaObject, DiaObjectLast and DiaForcedSource are in :mod:`ssdb.schema.apdb_dia`.
"""

from __future__ import annotations

import sqlalchemy as sa

from ssdb.schema.apdb_dia import forced_fluxes, object_columns
from ssdb.schema.columns import BY_VISIT, boolean, double, integer, long, metadata, string, timestamp

_MEAN = "phot.flux.density;stat.mean"
_WEIGHT = "stat.weight"

dia_object_moment = sa.Table(
    "DiaObjectMoment",
    metadata,
    long("diaObjectId", "", "meta.id;src", "Identifier of the object", primary_key=True),
    string("band", 8, "meta.id;instr.filter", "Filter; empty: unknown", primary_key=True),
    integer("nWeighted", "", "meta.number", "Sources with psfFlux and psfFluxErr above 0", nullable=False),
    double("weight", "nJy-2", _WEIGHT, "Sum of psfFluxErr^-2 over these", nullable=False),
    double("weightedMean", "nJy", _MEAN, "Mean of their psfFlux, weighted with psfFluxErr^-2"),
    integer("nValues", "", "meta.number", "Sources with psfFlux", nullable=False),
    double("mean", "nJy", _MEAN, "Plain mean of their psfFlux"),
    double("squares", "nJy2", "stat.value", "Sum of the squared deviations from it"),
    double("lowest", "nJy", "phot.flux.density;stat.min", "Lowest psfFlux"),
    double("highest", "nJy", "phot.flux.density;stat.max", "Highest psfFlux"),
    double("steepest", "nJy/d", "arith.rate;phot.flux.density;stat.max", "Largest change of psfFlux, one to the next"),
    double("lastMjdTai", "d", "time.epoch", "Mid-exposure of the latest source with psfFlux, MJD TAI"),
    double("lastFlux", "nJy", "phot.flux.density", "Its psfFlux"),
    integer("nErrors", "", "meta.number", "Sources with psfFluxErr", nullable=False),
    double("errorMean", "nJy", "stat.error;phot.flux.density;stat.mean", "Plain mean of their psfFluxErr"),
    double("scienceWeight", "nJy-2", _WEIGHT, "As weight, of scienceFlux", nullable=False),
    double("scienceMean", "nJy", _MEAN, "As weightedMean, of scienceFlux"),
    double("forcedWeight", "nJy-2", _WEIGHT, "As weight, of the psfFlux in DiaForcedSource", nullable=False),
    double("forcedMean", "nJy", _MEAN, "As weightedMean, of the psfFlux in DiaForcedSource"),
    comment="Sums that the fluxes in DiaObject are made of, so that no history need be read to add a source",
)

dia_match = sa.Table(
    "DiaMatch",
    metadata,
    long("visit", "", "meta.id;obs.exposure", "Identifier of the visit", primary_key=True),
    long("diaSourceId", "", "meta.id;src", "Identifier of the source", primary_key=True),
    long("diaObjectId", "", "meta.id;src", "The DiaObject that it was given to", nullable=False),
    double("separation", "arcsec", "pos.angDistance", "Angle between them, before; NULL: the source made the object"),
    double("chi2", "", "stat.fit.chi2", "Squared separation over its covariance; NULL in mode nearest"),
    double("logOdds", "", "stat.likelihood", "Log of the odds that they are one; NULL in mode nearest"),
    boolean("isNew", "", "meta.code", "The source made the object", nullable=False),
    string("runId", 32, "meta.id", "AssociationRun that found it"),
    comment="Sources that belong to DiaObjects, and how sure that is",
    **BY_VISIT,
)

dia_object_base = sa.Table(
    "DiaObjectBase",
    metadata,
    long("diaObjectId", "", "meta.id;src", "Identifier of the object where it comes from", primary_key=True),
    long("currentId", "", "meta.id;src", "The DiaObject that it counts for: itself until it is merged", nullable=False),
    double("validityStartMjdTai", "d", "time.epoch", "From when it holds as it came, MJD TAI"),
    *object_columns(),
    sa.Index(None, "currentId"),
    comment="DiaObjects as they came from elsewhere, to which sources are added",
)

dia_object_alias = sa.Table(
    "DiaObjectAlias",
    metadata,
    long("diaObjectId", "", "meta.id;src", "Identifier of an object that was merged into another", primary_key=True),
    long("newId", "", "meta.id;src", "Identifier of that other, which has its sources now", nullable=False),
    timestamp("mergedAt", "", "time.processing", "When, UTC", nullable=False),
    sa.Index(None, "newId"),
    comment="DiaObjects that turned out to be others",
)

ss_forced_source = sa.Table(
    "SsForcedSource",
    metadata,
    long("ssForcedSourceId", "", "meta.id;src", "Identifier of the measurement", nullable=False),
    long("ssObjectId", "", "meta.id;src", "The known object whose flux was measured", primary_key=True),
    *forced_fluxes(),
    comment="Fluxes measured where known objects were predicted, seen or not: of those not seen, their limits",
    **BY_VISIT,
)
