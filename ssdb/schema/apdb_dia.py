"""The APDB's tables of difference imaging: DiaSource, DiaObject, DiaObjectLast, DiaForcedSource.

Names, order, types, units and UCDs are those of version 10.0.0 of Rubin's sdm_schemas; the wanted differences are
listed, each with its reason, in ``tests/test_apdb_schema.py``. Positions are ICRS, times MJD in TAI, fluxes nJy.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from ssdb.schema.columns import BY_VISIT, boolean, double, integer, long, metadata, real, short, string
from ssdb.schema.ranges import EXPOSURE_TIME, Range
from ssdb.units import ZONES_PER_DEG

BANDS = "ugrizy"
"""The filters that have columns of their own in DiaObject and SSObject, in order."""

_FLUX = "phot.flux.density"
_FLUX_ERROR = "stat.error;phot.flux.density"
_FLAG = "meta.code.qual"

_ERROR = Range(0.0, 180.0)
_LENGTH = Range(0.0, 648_000.0)
_SHARE = Range(0.0, 1.0)


class _Zone(sa.ColumnElement[int]):
    """The zone of one arcminute of declination, floor((dec + 90) * 60), in the words of each database."""

    inherit_cache = True
    type = sa.Integer()


@compiles(_Zone, "postgresql")
def _zone_on_postgresql(element: _Zone, compiler: Any, **kw: Any) -> str:
    # Exactly what the catalogue gives back: Alembic compares texts, and any other spelling is a change to it.
    return f'(floor((("dec" + (90)::double precision) * ({ZONES_PER_DEG})::double precision)))::integer'


@compiles(_Zone, "sqlite")
def _zone_on_sqlite(element: _Zone, compiler: Any, **kw: Any) -> str:
    # CAST truncates here, which is floor as dec + 90 is never negative; floor() itself is an optional part of SQLite.
    return f"CAST((dec + 90) * {ZONES_PER_DEG} AS INTEGER)"


def _position(of: str) -> list[sa.Column]:
    """Position of an object with its errors."""
    return [
        double("ra", "deg", "pos.eq.ra", f"Right ascension of {of}, ICRS", nullable=False),
        real(
            "raErr", "deg", "stat.error;pos.eq.ra", "1-sigma error of ra on the sky, cos(dec) included", within=_ERROR
        ),
        double("dec", "deg", "pos.eq.dec", f"Declination of {of}, ICRS", nullable=False),
        real("decErr", "deg", "stat.error;pos.eq.dec", "1-sigma error of dec", within=_ERROR),
        real("ra_dec_Cov", "deg2", "stat.covariance;pos.eq.ra;pos.eq.dec", "Covariance of errors east and north"),
    ]


def _mean_fluxes(band: str) -> list[sa.Column]:
    """What the difference fluxes of a DiaObject in one band amount to."""
    psf = f"{band}_psfFlux"
    forced = f"{band}_fpFlux"
    mean = f"{_FLUX};stat.mean"
    return [
        real(f"{psf}Mean", "nJy", mean, f"Weighted mean of the PSF fluxes of its sources, {band} band"),
        real(f"{psf}MeanErr", "nJy", _FLUX_ERROR, f"1-sigma error of {psf}Mean"),
        real(f"{psf}Sigma", "nJy", f"stat.stdev;{_FLUX}", f"Scatter of the PSF fluxes of its sources, {band} band"),
        integer(f"{psf}Ndata", "", "meta.number;obs", f"PSF fluxes that went into {psf}Mean", nullable=False),
        real(f"{forced}Mean", "nJy", mean, f"Weighted mean of the forced fluxes on difference images, {band} band"),
        real(f"{forced}MeanErr", "nJy", _FLUX_ERROR, f"1-sigma error of {forced}Mean"),
    ]


def _mean_science_fluxes(band: str) -> list[sa.Column]:
    """Mean brightness of a DiaObject in one band, template not subtracted."""
    name = f"{band}_scienceFlux"
    comment = f"Weighted mean of the forced fluxes on the images before subtraction, {band} band"
    return [
        real(f"{name}Mean", "nJy", f"{_FLUX};stat.mean", comment),
        real(f"{name}MeanErr", "nJy", _FLUX_ERROR, f"1-sigma error of {name}Mean"),
    ]


def _flux_extremes(band: str) -> list[sa.Column]:
    """How far the difference fluxes of a DiaObject in one band range, and how fast."""
    psf = f"{band}_psfFlux"
    slope = f"arith.rate;{_FLUX};stat.max"
    return [
        real(f"{psf}Min", "nJy", f"{_FLUX};stat.min", f"Lowest PSF flux of its sources, {band} band"),
        real(f"{psf}Max", "nJy", f"{_FLUX};stat.max", f"Highest PSF flux of its sources, {band} band"),
        real(f"{psf}MaxSlope", "nJy/d", slope, f"Steepest change of PSF flux between its sources, {band} band"),
        real(f"{psf}ErrMean", "nJy", f"{_FLUX_ERROR};stat.mean", f"Typical error of one PSF flux, {band} band"),
    ]


def object_columns() -> list[sa.Column]:
    """Where an object is, what its fluxes amount to, and when it was seen."""
    return [
        *_position("the object"),
        *(column for band in BANDS for column in _mean_fluxes(band)),
        *(column for band in BANDS for column in _mean_science_fluxes(band)),
        *(column for band in BANDS for column in _flux_extremes(band)),
        double("firstDiaSourceMjdTai", "d", "time.epoch", "Mid-exposure of its earliest source, MJD TAI"),
        double(
            "lastDiaSourceMjdTai", "d", "time.epoch", "Mid-exposure of its latest source, MJD TAI; forced ones aside"
        ),
        integer("nDiaSources", "", "meta.number;obs", "Sources that belong to it", nullable=False),
    ]


dia_object = sa.Table(
    "DiaObject",
    metadata,
    long("diaObjectId", "", "meta.id;src", "Identifier of the object", primary_key=True),
    double("validityStartMjdTai", "d", "time.epoch", "From when this version of it holds, MJD TAI", primary_key=True),
    double("validityEndMjdTai", "d", "time.epoch", "Until when this version of it holds, MJD TAI; NULL: still does"),
    *object_columns(),
    sa.Index(None, "validityStartMjdTai"),
    comment="What varies in one place on the sky, as far as it does not move; one row for every version of an object",
)

# Partial, so that it costs a survey without DiaObjects nothing.
_known = sa.text('"diaObjectId" IS NOT NULL')
_of_dia_objects = sa.Index("ix_DiaSource_diaObjectId", "diaObjectId", postgresql_where=_known, sqlite_where=_known)

dia_source = sa.Table(
    "DiaSource",
    metadata,
    long("diaSourceId", "", "meta.id;obs.image", "Identifier of the source; occurs once", primary_key=True),
    long("visit", "", "meta.id;obs.image", "Visit in which it was detected", primary_key=True),
    short("detector", "", "meta.id;obs.image", "Detector on which it lies; 0 for a survey without", nullable=False),
    long("diaObjectId", "", "meta.id;src", "The DiaObject that it belongs to; NULL: none"),
    long("ssObjectId", "", "meta.id;src", "The known Solar System object that it is; NULL: none"),
    long("parentDiaSourceId", "", "meta.id;src", "The blend that it is a part of; NULL: it was not blended"),
    double("ssObjectReassocTimeMjdTai", "d", "time.processing", "When it left a DiaObject for an SSObject, MJD TAI"),
    double("midpointMjdTai", "d", "time.epoch", "Mid-exposure at this source, MJD TAI", nullable=False),
    real("exposureTime", "s", "time.interval", "How long the shutter was open for it", within=EXPOSURE_TIME),
    *_position("the source"),
    real("x", "pix", "pos.cartesian.x", "Centroid on the detector: column"),
    real("xErr", "pix", "stat.error;pos.cartesian.x", "1-sigma error of x"),
    real("y", "pix", "pos.cartesian.y", "Centroid on the detector: row"),
    real("yErr", "pix", "stat.error;pos.cartesian.y", "1-sigma error of y"),
    boolean("centroid_flag", "", _FLAG, "The centroid is not to be trusted, whatever the cause"),
    real("apFlux", "nJy", _FLUX, "Difference flux within an aperture of 12 pixels' radius"),
    real("apFluxErr", "nJy", _FLUX_ERROR, "1-sigma error of apFlux"),
    boolean("apFlux_flag", "", _FLAG, "apFlux is not to be trusted, whatever the cause"),
    boolean("apFlux_flag_apertureTruncated", "", _FLAG, "Its aperture sticks out of the image"),
    boolean("isNegative", "", "meta.code", "Detected as a decrement: fainter than in the template"),
    real("snr", "", "stat.snr", "Signal-to-noise ratio of the detection"),
    real("psfFlux", "nJy", _FLUX, "PSF flux on the difference image: exposure minus template"),
    real("psfFluxErr", "nJy", _FLUX_ERROR, "1-sigma error of psfFlux"),
    real("psfLnL", "", "stat.likelihood", "Natural log of the likelihood of the PSF fit"),
    real("psfChi2", "", "stat.fit.chi2", "Chi-square of the PSF fit"),
    integer("psfNdata", "", "meta.number;instr.pixel", "Pixels in the PSF fit"),
    boolean("psfFlux_flag", "", _FLAG, "psfFlux is not to be trusted, whatever the cause"),
    boolean("psfFlux_flag_edge", "", _FLAG, "The image ends within the PSF, which was fitted in part"),
    boolean("psfFlux_flag_noGoodPixels", "", _FLAG, "Too few unmasked pixels for a PSF fit"),
    real("trailFlux", "nJy", _FLUX, "Flux of a fitted trail on the difference image"),
    real("trailFluxErr", "nJy", _FLUX_ERROR, "1-sigma error of trailFlux"),
    double("trailRa", "deg", "pos.eq.ra", "Right ascension of the middle of the fitted trail, ICRS"),
    real("trailRaErr", "deg", "stat.error;pos.eq.ra", "1-sigma error of trailRa on the sky, cos(dec) included"),
    double("trailDec", "deg", "pos.eq.dec", "Declination of the middle of the fitted trail, ICRS"),
    real("trailDecErr", "deg", "stat.error;pos.eq.dec", "1-sigma error of trailDec"),
    real("trailLength", "arcsec", "phys.angSize", "Length of the fitted trail", within=_LENGTH),
    real("trailLengthErr", "arcsec", "stat.error;phys.angSize", "1-sigma error of trailLength"),
    real("trailAngle", "deg", "pos.posAng", "Position angle of the fitted trail, north to east"),
    real("trailAngleErr", "deg", "stat.error;pos.posAng", "1-sigma error of trailAngle"),
    real("trailChi2", "", "stat.fit.chi2", "Chi-square of the trail fit"),
    integer("trailNdata", "", "meta.number;instr.pixel", "Pixels in the trail fit"),
    integer("trailAlgorithm", "", "meta.code;meta.software", "What measured the trail: 1 SDSS shape, 2 HSM shape"),
    boolean("trail_flag_edge", "", _FLAG, "The trail runs off the image"),
    boolean("trail_flag", "", _FLAG, "No trail could be fitted"),
    real("dipoleMeanFlux", "nJy", _FLUX, "Dipole fit: mean of the absolute fluxes of the lobes"),
    real("dipoleMeanFluxErr", "nJy", _FLUX_ERROR, "1-sigma error of dipoleMeanFlux"),
    real("dipoleFluxDiff", "nJy", _FLUX, "Dipole fit: difference of the absolute fluxes of the lobes"),
    real("dipoleFluxDiffErr", "nJy", _FLUX_ERROR, "1-sigma error of dipoleFluxDiff"),
    real("dipoleLength", "arcsec", "pos.angDistance", "Dipole fit: separation of the lobes", within=_LENGTH),
    real(
        "dipoleAngle", "deg", "pos.posAng", "Dipole fit: position angle of the positive lobe seen from the negative one"
    ),
    real("dipoleChi2", "", "stat.fit.chi2", "Chi-square of the dipole fit"),
    integer("dipoleNdata", "", "meta.number;instr.pixel", "Pixels in the dipole fit"),
    real("scienceFlux", "nJy", _FLUX, "PSF flux forced at its position on the exposure before subtraction"),
    real("scienceFluxErr", "nJy", _FLUX_ERROR, "1-sigma error of scienceFlux"),
    boolean("forced_PsfFlux_flag", "", _FLAG, "scienceFlux is not to be trusted, whatever the cause"),
    boolean("forced_PsfFlux_flag_edge", "", _FLAG, "scienceFlux: the image ends within the PSF"),
    boolean("forced_PsfFlux_flag_noGoodPixels", "", _FLAG, "scienceFlux: too few unmasked pixels"),
    real("templateFlux", "nJy", _FLUX, "PSF flux forced on the template: what stands there always"),
    real("templateFluxErr", "nJy", _FLUX_ERROR, "1-sigma error of templateFlux"),
    real("ixx", "arcsec2", "src.morph.param", "Shape of the source: adaptive moment xx"),
    real("iyy", "arcsec2", "src.morph.param", "Shape of the source: adaptive moment yy"),
    real("ixy", "arcsec2", "src.morph.param", "Shape of the source: adaptive moment xy"),
    real("ixxPSF", "arcsec2", "instr.det.psf", "Shape of the PSF at the source: adaptive moment xx"),
    real("iyyPSF", "arcsec2", "instr.det.psf", "Shape of the PSF at the source: adaptive moment yy"),
    real("ixyPSF", "arcsec2", "instr.det.psf", "Shape of the PSF at the source: adaptive moment xy"),
    boolean("shape_flag", "", _FLAG, "The moments are not to be trusted, whatever the cause"),
    boolean("shape_flag_no_pixels", "", _FLAG, "The moments had no pixels to be measured on"),
    boolean(
        "shape_flag_not_contained", "", _FLAG, "The centre that the moments found lies outside the footprint's box"
    ),
    boolean("shape_flag_parent_source", "", _FLAG, "The moments are those of a blend, not of one part"),
    real("extendedness", "", "src.class.starGalaxy", "From 0, like the PSF, to 1, surely wider than it", within=_SHARE),
    real(
        "reliability",
        "",
        "stat.probability",
        "Real or bogus: from 0, an artefact, to 1, real, by machine learning",
        within=_SHARE,
    ),
    string("reliabilityVersion", 7, "meta.version;meta.software", "Which model gave the reliability"),
    string("band", 8, "meta.id;instr.filter", "Filter"),
    boolean("isDipole", "", "meta.code.class", "A dipole fits well: a star moved, or the images were not aligned"),
    boolean("dipoleFitAttempted", "", "meta.code.status", "A dipole fit was tried"),
    double("timeProcessedMjdTai", "d", "time.epoch", "When the survey's pipeline made it, MJD TAI"),
    double("timeWithdrawnMjdTai", "d", "time.epoch", "When the survey took it back, MJD TAI; NULL: it stands"),
    integer("bboxSize", "pix", "phys.angSize;instr.pixel", "Side of the square that holds its footprint"),
    boolean("pixelFlags", "", _FLAG, "Mask of the footprint unreadable: the other pixelFlags may be false by mistake"),
    boolean("pixelFlags_bad", "", _FLAG, "Footprint: a defective pixel"),
    boolean("pixelFlags_cr", "", _FLAG, "Footprint: a cosmic ray"),
    boolean("pixelFlags_crCenter", "", _FLAG, "Central 3 x 3 pixels: a cosmic ray"),
    boolean("pixelFlags_edge", "", _FLAG, "Footprint: reaches the unusable border, or the centroid is off the image"),
    boolean("pixelFlags_nodata", "", _FLAG, "Footprint: a pixel without data"),
    boolean("pixelFlags_nodataCenter", "", _FLAG, "Central 3 x 3 pixels: one without data"),
    boolean("pixelFlags_interpolated", "", _FLAG, "Footprint: a pixel filled from its neighbours"),
    boolean("pixelFlags_interpolatedCenter", "", _FLAG, "Central 3 x 3 pixels: one filled from its neighbours"),
    boolean("pixelFlags_offimage", "", _FLAG, "The centroid is not on the image"),
    boolean("pixelFlags_saturated", "", _FLAG, "Footprint: a pixel at full well"),
    boolean("pixelFlags_saturatedCenter", "", _FLAG, "Central 3 x 3 pixels: one at full well"),
    boolean("pixelFlags_suspect", "", _FLAG, "Footprint: a pixel so bright that it may be non-linear"),
    boolean("pixelFlags_suspectCenter", "", _FLAG, "Central 3 x 3 pixels: one so bright that it may be non-linear"),
    boolean("pixelFlags_streak", "", _FLAG, "Footprint: crossed by a satellite's streak"),
    boolean("pixelFlags_streakCenter", "", _FLAG, "Central 3 x 3 pixels: crossed by a satellite's streak"),
    boolean("pixelFlags_injected", "", _FLAG, "Footprint: synthetic source added to the exposure"),
    boolean("pixelFlags_injectedCenter", "", _FLAG, "Central 3 x 3 pixels: synthetic source added to the exposure"),
    boolean("pixelFlags_injected_template", "", _FLAG, "Footprint: synthetic source added to the template"),
    boolean("pixelFlags_injected_templateCenter", "", _FLAG, "Central 3 x 3 pixels: synthetic source in the template"),
    boolean("glint_trail", "", _FLAG, "One of a row of glints, as a tumbling satellite leaves them"),
    integer(
        "zone",
        "",
        "meta.code;pos.eq.dec",
        "Zone of one arcminute of declination, counted from the south pole, which the matching joins on",
        sa.Computed(_Zone(), persisted=True),
        nullable=False,
    ),
    sa.Index("ix_DiaSource_visit_zone_ra", "visit", "zone", "ra"),
    _of_dia_objects,
    comment="Sources detected on difference images; any survey's detections to be matched",
    **BY_VISIT,
)


def forced_fluxes() -> list[sa.Column]:
    """Where, when and what was measured at the place of an object, whether anything was detected there or not."""
    return [
        double("ra", "deg", "pos.eq.ra", "Right ascension where the flux was measured, ICRS", nullable=False),
        double("dec", "deg", "pos.eq.dec", "Declination where the flux was measured, ICRS", nullable=False),
        long("visit", "", "meta.id;obs.image", "Visit in which it was measured", primary_key=True),
        short(
            "detector", "", "meta.id;obs.image", "Detector on which it lies; 0 for a survey without", primary_key=True
        ),
        real("psfFlux", "nJy", _FLUX, "PSF flux forced on the difference image"),
        real("psfFluxErr", "nJy", _FLUX_ERROR, "1-sigma error of psfFlux"),
        double("midpointMjdTai", "d", "time.epoch", "Mid-exposure there, MJD TAI", nullable=False),
        real("scienceFlux", "nJy", _FLUX, "PSF flux forced on the exposure before subtraction"),
        real("scienceFluxErr", "nJy", _FLUX_ERROR, "1-sigma error of scienceFlux"),
        string("band", 8, "meta.id;instr.filter", "Filter"),
        double("timeProcessedMjdTai", "d", "time.epoch", "When the survey's pipeline made it, MJD TAI", nullable=False),
        double("timeWithdrawnMjdTai", "d", "time.epoch", "When the survey took it back, MJD TAI; NULL: it stands"),
    ]


dia_forced_source = sa.Table(
    "DiaForcedSource",
    metadata,
    long("diaForcedSourceId", "", "meta.id;src", "Identifier of the measurement", nullable=False),
    long("diaObjectId", "", "meta.id;src", "The DiaObject whose flux was measured", primary_key=True),
    *forced_fluxes(),
    sa.Index(None, "visit", "detector"),
    comment="Fluxes measured at the places of DiaObjects, whether anything was detected there or not",
)

dia_object_last = sa.Table(
    "DiaObjectLast",
    metadata,
    long("diaObjectId", "", "meta.id;src", "Identifier of the object", primary_key=True),
    double("validityStartMjdTai", "d", "time.epoch", "From when this version of it holds, MJD TAI", nullable=False),
    double("lastDiaSourceMjdTai", "d", "time.epoch", "Mid-exposure of its latest source, MJD TAI; forced ones aside"),
    *_position("the object"),
    double("firstDiaSourceMjdTai", "d", "time.epoch", "Mid-exposure of its earliest source, MJD TAI"),
    integer("nDiaSources", "", "meta.number;obs", "Sources that belong to it", nullable=False),
    integer(
        "zone",
        "",
        "meta.code;pos.eq.dec",
        "Zone of one arcminute of declination, counted from the south pole, which the matching joins on",
        sa.Computed(_Zone(), persisted=True),
        nullable=False,
    ),
    double("searchRa", "deg", "pos.eq.ra", "Right ascension it is found by: ra, or near it", nullable=False),
    double("refRa", "deg", "pos.eq.ra", "Place that the sums below are counted from: right ascension, ICRS"),
    double("refDec", "deg", "pos.eq.dec", "Place that the sums below are counted from: declination"),
    *(
        double(f"weight{axes}", "arcsec-2", "stat.weight", f"Sum of the inverse covariances of its sources, {what}")
        for axes, what in (("East", "east"), ("North", "north"), ("EastNorth", "mixed"))
    ),
    double("sumEast", "arcsec-1", "stat.value", "Sum of the weighted offsets of its sources, east"),
    double("sumNorth", "arcsec-1", "stat.value", "Sum of the weighted offsets of its sources, north"),
    # Right ascension moves by less than an arcsecond: as long as searchRa and zone stay, no index changes.
    sa.Index(None, "zone", "searchRa"),
    comment="The newest version of every DiaObject, in short",
)
