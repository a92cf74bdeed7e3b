"""ssdb's own tables beside SSObject: phase curves with all that is known of their fits, and which objects are due."""

from __future__ import annotations

import sqlalchemy as sa

from ssdb.schema.columns import boolean, double, integer, long, metadata, real, string

_SLOPE = "stat.fit.param"
_COVARIANCE = "stat.covariance;stat.fit.param"


def _slope(name: str, meaning: str) -> list[sa.Column]:
    return [
        real(name, "", _SLOPE, meaning),
        real(f"{name}Err", "", f"stat.error;{_SLOPE}", f"1-sigma error of {name}; NULL: not fitted"),
        real(f"fitH_{name}_Cov", "mag", f"stat.covariance;phot.mag;{_SLOPE}", f"Covariance of fitH and {name}"),
    ]


def _offsets(axis: str, ucd: str, direction: str) -> list[sa.Column]:
    """Statistics of ephOffsetRa or ephOffsetDec."""
    of = f"{ucd};stat.fit.omc"
    return [
        real(f"offset{axis}Mean", "arcsec", f"{of};stat.mean", f"Mean of source minus prediction, {direction}"),
        real(f"offset{axis}Sigma", "arcsec", f"{of};stat.stdev", "Its standard deviation"),
        real(f"offset{axis}Skewness", "", "stat.param", "Its skewness; of a normal distribution 0"),
        real(f"offset{axis}Kurtosis", "", "stat.param", "Its excess kurtosis; of a normal distribution 0"),
    ]


def _deviation(name: str, kind: str) -> list[sa.Column]:
    """The observation that is farthest from the fit on one side."""
    return [
        real(f"{name}Mag", "mag", "phot.mag;stat.fit.omc", f"Magnitude minus the fit, of the {kind} observation"),
        real(f"{name}Sigma", "", "stat.snr", "The same over its error, that of the fit's scatter included"),
        double(f"{name}MjdTai", "d", "time.epoch", "When that was, MJD TAI"),
        long(f"{name}DiaSourceId", "", "meta.id;src", "The source that it is"),
    ]


ss_object_fit = sa.Table(
    "SsObjectFit",
    metadata,
    long("ssObjectId", "", "meta.id;src", "Identifier of the object", primary_key=True),
    string("band", 8, "meta.id;instr.filter", "Band: u, g, r, i, z or y", primary_key=True),
    string("model", 8, "meta.id", "Of the phase curve: HG12, HG12star or HG1G2", primary_key=True),
    integer("nObs", "", "meta.number;obs", "Observations in the band", nullable=False),
    integer("nNights", "", "meta.number;obs", "Nights with one of them: integer parts of MJD TAI", nullable=False),
    integer("nObsUsed", "", "meta.number;obs", "Observations fitted", nullable=False),
    real("fitH", "mag", "phot.mag", "Absolute magnitude in the band, AB"),
    real("fitHErr", "mag", "stat.error;phot.mag", "1-sigma error of fitH"),
    *_slope("G12", "Slope G12 of HG12 and HG12star"),
    *_slope("G1", "Slope G1 of HG1G2"),
    *_slope("G2", "Slope G2 of HG1G2"),
    real("G1_G2_Cov", "", _COVARIANCE, "Covariance of G1 and G2"),
    real("chi2", "", "stat.fit.chi2", "Chi-square of the observations fitted"),
    real("chi2Reduced", "", "stat.fit.chi2;stat.mean", "The same over nObsUsed less the parameters fitted"),
    real("rms", "mag", "stat.rms;phot.mag", "Rms residual of the observations fitted"),
    real("medianMagErr", "mag", "stat.error;phot.mag;stat.median", "Median error of the magnitudes that can be used"),
    boolean("slopeFitFailed", "", "meta.code.qual", "The slopes are standard values, and fitH was fitted with them"),
    real("phaseAngleMin", "deg", "pos.phaseAng;stat.min", "Smallest phase angle"),
    real("phaseAngleMax", "deg", "pos.phaseAng;stat.max", "Largest phase angle"),
    *_offsets("Ra", "pos.eq.ra", "to the east"),
    *_offsets("Dec", "pos.eq.dec", "to the north"),
    *_deviation("brightest", "brightest"),
    *_deviation("faintest", "faintest"),
    comment="Phase curves of objects, band by band, with what SSObject has no columns for",
)

ss_object_change = sa.Table(
    "SsObjectChange",
    metadata,
    long("visit", "", "meta.id;obs.exposure", "Visit whose matches are new: its objects are due"),
    long("ssObjectId", "", "meta.id;src", "Object that is due: it lost a source, or has another orbit or identifier"),
    sa.Index(None, "ssObjectId"),
    comment="What changed since objects were summarized in SSObject; rows are only added, and removed by that",
)
"""Without a key: whoever notes a change must not wait for others who note the same, nor trust theirs."""
