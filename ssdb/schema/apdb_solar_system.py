"""The APDB's Solar System tables: SSObject, SSSource, the replica of the Minor Planet Center, and metadata.

Names, order, types, units and UCDs are those of version 10.0.0 of Rubin's sdm_schemas; the wanted differences are
listed, each with its reason, in ``tests/test_apdb_schema.py``. SSSource is what association makes; ``mpc_orbits``,
``current_identifications`` and ``numbered_identifications`` are columns of the tables of those names that the Minor
Planet Center publishes, orbits in the J2000 mean ecliptic and TT.
"""

from __future__ import annotations

import sqlalchemy as sa

from ssdb.schema.apdb_dia import BANDS
from ssdb.schema.columns import BY_VISIT, boolean, double, integer, long, metadata, real, short, string, text, timestamp
from ssdb.schema.ranges import ANGLE, EPOCHS, Range

_ORBIT = "src.orbital"
_FLAG = "meta.code.qual"


def _phase_curve(band: str) -> list[sa.Column]:
    """The H, G12 phase curve of an SSObject in one band (Muinonen et al. 2010)."""
    covariance = "stat.covariance;phot.mag;stat.fit.param"
    failed = f"G12 could not be fitted in {band}: it holds a standard value, and H was fitted with it"
    return [
        integer(f"{band}_nObs", "", "meta.number;obs", f"Observations in the {band} band", nullable=False),
        real(f"{band}_H", "mag", "phot.mag", f"Absolute magnitude H in {band}"),
        real(f"{band}_HErr", "mag", "stat.error;phot.mag", f"1-sigma error of {band}_H"),
        real(f"{band}_G12", "", "stat.fit.param", f"Slope G12 of the phase curve in {band}"),
        real(f"{band}_G12Err", "", "stat.error;stat.fit.param", f"1-sigma error of {band}_G12"),
        real(f"{band}_H_{band}_G12_Cov", "mag", covariance, f"Covariance of {band}_H and {band}_G12"),
        integer(f"{band}_nObsUsed", "", "meta.number;obs", f"Observations fitted in {band}", nullable=False),
        real(f"{band}_Chi2", "", "stat.fit.chi2", f"Chi-square of the phase curve in {band}"),
        real(f"{band}_phaseAngleMin", "deg", "pos.phaseAng;stat.min", f"Smallest phase angle seen in {band}"),
        real(f"{band}_phaseAngleMax", "deg", "pos.phaseAng;stat.max", f"Largest phase angle seen in {band}"),
        boolean(f"{band}_slope_fit_failed", "", _FLAG, failed),
    ]


def _vectors(origin: str, of: str, frame: tuple[str, ...] = ()) -> list[sa.Column]:
    """Position, velocity and speed of an object relative to an origin."""
    columns = []
    for axis in "xyz":
        ucd = ";".join((f"pos.cartesian.{axis}", *frame))
        columns.append(real(f"{origin}_{axis}", "AU", ucd, f"Position from {of}, ICRS {axis}, when the light left it"))
    for axis in "xyz":
        ucd = ";".join(("phys.veloc", f"pos.cartesian.{axis}", *frame))
        comment = f"Velocity relative to {of}, ICRS {axis}, when the light left it"
        columns.append(real(f"{origin}_v{axis}", "km/s", ucd, comment))
    speed = f"Speed relative to {of}: length of ({origin}_vx, {origin}_vy, {origin}_vz)"
    columns.append(real(f"{origin}_vtot", "km/s", ";".join(("phys.veloc", *frame)), speed))
    return columns


ss_object = sa.Table(
    "SSObject",
    metadata,
    long("ssObjectId", "", "meta.id;src", "Identifier: the packed designation as a number", primary_key=True),
    string("designation", 16, "meta.id;src", "Primary provisional designation, or number, unpacked"),
    integer("nObs", "", "meta.number;obs", "Observations by the survey", nullable=False),
    real("arc", "d", "time.duration;obs", "Time from the survey's first observation to its last", nullable=False),
    double("firstObservationMjdTai", "d", "time.epoch;obs", "The survey's first observation, MJD TAI"),
    real("MOIDEarth", "AU", f"pos.distance;{_ORBIT}", "Smallest distance between its orbit and the Earth's (MOID)"),
    real("MOIDEarthDeltaV", "km/s", "phys.veloc.orbital", "Speed relative to the Earth at the MOID"),
    real("MOIDEarthEclipticLongitude", "deg", "pos.ecliptic.lon", "Where the MOID is on the Earth's orbit: longitude"),
    real("MOIDEarthTrueAnomaly", "deg", "pos.phaseAng", "Where the MOID is on the Earth's orbit: true anomaly"),
    real("MOIDEarthTrueAnomalyObject", "deg", f"pos.phaseAng;{_ORBIT}", "Where the MOID is on its orbit: true anomaly"),
    real("tisserand_J", "", "src.orbital.TissJ", "Tisserand parameter T_J; below 3 for most comets"),
    real("extendednessMax", "", "src.class.starGalaxy;stat.max", "Largest extendedness of its sources"),
    real("extendednessMedian", "", "src.class.starGalaxy;stat.median", "Median extendedness of its sources"),
    real("extendednessMin", "", "src.class.starGalaxy;stat.min", "Smallest extendedness of its sources"),
    *(column for band in BANDS for column in _phase_curve(band)),
    sa.UniqueConstraint("designation"),
    sa.Index(None, "MOIDEarth"),
    comment="Solar System objects as the survey sees them",
)

ss_source = sa.Table(
    "SSSource",
    metadata,
    long("diaSourceId", "", "meta.id;src", "The DiaSource that is the object", primary_key=True),
    long("ssObjectId", "", "meta.id;src", "The object that the source is", nullable=False),
    string("designation", 16, "meta.id;src", "Primary provisional designation, or number, unpacked"),
    double(
        "eclLambda",
        "deg",
        "pos.ecliptic.lon",
        "Ecliptic longitude of the source, J2000 mean by default",
        nullable=False,
    ),
    double(
        "eclBeta", "deg", "pos.ecliptic.lat", "Ecliptic latitude of the source, J2000 mean by default", nullable=False
    ),
    double("galLon", "deg", "pos.galactic.lon", "Galactic longitude of the source", nullable=False),
    double("galLat", "deg", "pos.galactic.lat", "Galactic latitude of the source", nullable=False),
    real("elongation", "deg", "pos.phaseAng", "Angle Sun-observer-object"),
    real("phaseAngle", "deg", "pos.phaseAng", "Angle Sun-object-observer"),
    real("topoRange", "AU", "pos.distance", "Distance from the observer, when the light left it"),
    real("topoRangeRate", "km/s", "phys.veloc", "Rate of topoRange, positive when it recedes"),
    real("helioRange", "AU", "pos.distance;pos.heliocentric", "Distance from the Sun, when the light left it"),
    real("helioRangeRate", "km/s", "phys.veloc;pos.heliocentric", "Rate of helioRange, positive when it recedes"),
    double("ephRa", "deg", "pos.eq.ra;meta.modelled;pos.ephem", "Predicted right ascension, ICRS astrometric"),
    double("ephDec", "deg", "pos.eq.dec;meta.modelled;pos.ephem", "Predicted declination, ICRS astrometric"),
    real("ephVmag", "mag", "phot.mag;em.opt.V", "Predicted magnitude in V"),
    real("ephRate", "deg/d", "pos.pm;pos.ephem", "Predicted motion on the sky"),
    real("ephRateRa", "deg/d", "pos.pm;pos.eq.ra;pos.ephem", "Predicted motion to the east, cos(dec) included"),
    real("ephRateDec", "deg/d", "pos.pm;pos.eq.dec;pos.ephem", "Predicted motion to the north"),
    real("ephOffset", "arcsec", "pos.angDistance;stat.fit.omc", "Angle between source and prediction"),
    double("ephOffsetRa", "arcsec", "pos.eq.ra;stat.fit.omc", "Source minus prediction to the east, cos(dec) included"),
    double("ephOffsetDec", "arcsec", "pos.eq.dec;stat.fit.omc", "Source minus prediction to the north"),
    real("ephOffsetAlongTrack", "arcsec", "pos.angDistance;stat.fit.omc", "Source minus prediction along the motion"),
    real(
        "ephOffsetCrossTrack",
        "arcsec",
        "pos.angDistance;stat.fit.omc",
        "Source minus prediction across the motion, positive on the north side of an eastward one",
    ),
    *_vectors("helio", "the Sun", ("pos.heliocentric",)),
    *_vectors("topo", "the observer"),
    short("diaDistanceRank", "", "stat.rank", "1 + candidates of the object that are strictly nearer than this source"),
    long("visit", "", "meta.id;obs.image", "Visit in which the source was detected", primary_key=True),
    short("detector", "", "meta.id;obs.image", "Detector on which the source lies", nullable=False),
    sa.Index(None, "ssObjectId"),
    sa.Index(None, "designation"),
    sa.Index(None, "visit"),
    comment="Sources that are known objects, with what was predicted for them",
    **BY_VISIT,
)

_ELEMENTS = (
    ("a", "AU", f"pos.distance;{_ORBIT}", "Semi-major axis"),
    ("q", "AU", f"pos.distance;{_ORBIT}", "Perihelion distance"),
    ("e", "", "src.orbital.eccentricity", "Orbit's eccentricity"),
    ("i", "deg", "src.orbital.inclination", "Inclination to the ecliptic, J2000"),
    ("node", "deg", "src.orbital.node", "Longitude of the ascending node, ecliptic J2000"),
    ("argperi", "deg", "src.orbital.periastron", "Argument of perihelion, ecliptic J2000"),
    ("peri_time", "d", f"time.epoch;{_ORBIT}", "Perihelion passage, MJD TT"),
    ("yarkovsky", "1e-10 AU/d2", f"phys.acceleration;{_ORBIT}", "Yarkovsky acceleration along the motion"),
    ("srp", "m2/t", _ORBIT, "Solar radiation pressure: area over mass"),
    ("a1", "1e-10 AU/d2", f"phys.acceleration;{_ORBIT}", "Non-gravitational parameter A1, radial"),
    ("a2", "1e-10 AU/d2", f"phys.acceleration;{_ORBIT}", "Non-gravitational parameter A2, transverse"),
    ("a3", "1e-10 AU/d2", f"phys.acceleration;{_ORBIT}", "Non-gravitational parameter A3, normal to the orbit"),
    ("dt", "d", f"time.interval;{_ORBIT}", "Delay of the non-gravitational acceleration against perihelion"),
    ("mean_anomaly", "deg", "src.orbital.meanAnomaly", "Mean anomaly at epoch_mjd"),
    ("period", "d", f"time.period.revolution;{_ORBIT}", "Time of one revolution"),
    ("mean_motion", "deg/d", "src.orbital.meanMotion", "Mean daily motion"),
)
"""Osculating heliocentric elements of mpc_orbits: name, unit, UCD, comment. Each has an uncertainty, in this order."""

_ELEMENT_RANGES = {
    "q": Range(1e-9, 1e5),
    "e": Range(0.0, 1e6),
    "i": Range(0.0, 180.0),
    "node": ANGLE,
    "argperi": ANGLE,
    "peri_time": Range(-1e10, 1e10),
    "mean_anomaly": ANGLE,
}
"""q: what falls into the Sun is followed until it does, and 1e5 au are where its attraction ends."""

_PRIMARY_PACKED = "Primary provisional designation, packed, as K15MK4Q"
_PRIMARY_UNPACKED = "Primary provisional designation, unpacked, as 2015 MQ204"
_IN_SOURCE = "Packed designation that the orbit came under, if that is not the primary one"


def _row_times() -> list[sa.Column]:
    """When the Minor Planet Center wrote a row."""
    return [
        timestamp("created_at", "", "time.creation;meta.dataset", "When the Minor Planet Center made the row, UTC"),
        timestamp("updated_at", "", "time.processing;meta.dataset", "When it last changed the row, UTC"),
    ]


mpc_orbits = sa.Table(
    "mpc_orbits",
    metadata,
    integer("id", "", "meta.id;src", "Number of the row, without a meaning", primary_key=True),
    string("designation", 16, "meta.id;src", "Primary provisional designation, or number, unpacked", nullable=False),
    string("packed_primary_provisional_designation", 16, "meta.id;src", _PRIMARY_PACKED, nullable=False),
    string("unpacked_primary_provisional_designation", 16, "meta.id;src", _PRIMARY_UNPACKED, nullable=False),
    text("mpc_orb_jsonb", "", f"meta.note;{_ORBIT}", "All about the orbit, covariance included, as JSON (mpc_orb)"),
    *_row_times(),
    integer("orbit_type_int", "", f"meta.code.class;{_ORBIT}", "Dynamical class as the Minor Planet Center numbers it"),
    integer("u_param", "", f"meta.code.qual;{_ORBIT}", "Uncertainty parameter U: from 0, well known, to 9"),
    integer("nopp", "", "meta.number;obs", "Oppositions at which it was observed"),
    double("arc_length_total", "d", "time.duration;obs", "Observed arc"),
    double("arc_length_sel", "d", "time.duration;obs", "Arc of the observations that were fitted"),
    integer("nobs_total", "", "meta.number;obs", "Observations, radar included"),
    integer("nobs_total_sel", "", "meta.number;obs", "Observations that were fitted, radar included"),
    *(double(name, unit, ucd, text, within=_ELEMENT_RANGES.get(name)) for name, unit, ucd, text in _ELEMENTS),
    *(double(f"{name}_unc", unit, f"stat.error;{ucd}", f"1-sigma error of {name}") for name, unit, ucd, _ in _ELEMENTS),
    double("epoch_mjd", "d", f"time.epoch;{_ORBIT}", "Time at which the elements osculate, MJD TT", within=EPOCHS),
    double("h", "mag", "phys.magAbs", "Absolute magnitude H, V band"),
    double("g", "", "stat.fit.param", "Slope G of the H, G phase curve", within=Range(-10.0, 10.0)),
    double("not_normalized_rms", "arcsec", "stat.rms;stat.fit", "Rms residual of the fitted observations"),
    double("normalized_rms", "", "stat.rms;stat.fit", "Rms residual over the observations' own errors"),
    double("earth_moid", "AU", f"pos.distance;{_ORBIT}", "Smallest distance between its orbit and the Earth's (MOID)"),
    timestamp("fitting_datetime", "", "time.processing", "When the orbit was last fitted, UTC"),
    string("designation_in_source", 16, "meta.id;src", _IN_SOURCE),
    sa.UniqueConstraint("designation"),
    sa.UniqueConstraint("packed_primary_provisional_designation"),
    sa.UniqueConstraint("unpacked_primary_provisional_designation"),
    comment="Orbits of comets and minor planets as the Minor Planet Center computes them, one row an object",
)

_SECONDARY_OR_SAME = "the primary itself where the row is about that"

# The names of some constraints below are given, because those of the convention pass PostgreSQL's 63 characters.
current_identifications = sa.Table(
    "current_identifications",
    metadata,
    integer("id", "", "meta.id;src", "Number of the row, without a meaning", primary_key=True),
    string("packed_primary_provisional_designation", 16, "meta.id;src", _PRIMARY_PACKED, nullable=False),
    string(
        "packed_secondary_provisional_designation",
        16,
        "meta.id;src",
        f"A designation of the same object, packed; {_SECONDARY_OR_SAME}",
        nullable=False,
    ),
    string("unpacked_primary_provisional_designation", 16, "meta.id;src", _PRIMARY_UNPACKED, nullable=False),
    string(
        "unpacked_secondary_provisional_designation",
        16,
        "meta.id;src",
        f"A designation of the same object, unpacked; {_SECONDARY_OR_SAME}",
        nullable=False,
    ),
    boolean("published", "", "meta.code.status;meta.dataset", "The identification is public"),
    text(
        "identifier_ids",
        "",
        "meta.id;src",
        "Who found the identification, as the Minor Planet Center's ids",
        nullable=False,
    ),
    integer("object_type", "", "meta.code.class", "Kind of object as the Minor Planet Center numbers it"),
    boolean("numbered", "", "meta.code.status", "The object has a number: see numbered_identifications"),
    *_row_times(),
    # Not unique, as the official definition has it: an object with several secondary designations has as many rows.
    sa.Index("ix_current_identifications_packed_primary", "packed_primary_provisional_designation"),
    sa.UniqueConstraint("packed_secondary_provisional_designation", name="uq_current_identifications_packed_secondary"),
    comment="Which provisional designations are one object, as the Minor Planet Center has it",
)

numbered_identifications = sa.Table(
    "numbered_identifications",
    metadata,
    integer("id", "", "meta.id;src", "Number of the row, without a meaning", primary_key=True),
    string("packed_primary_provisional_designation", 16, "meta.id;src", _PRIMARY_PACKED, nullable=False),
    string("unpacked_primary_provisional_designation", 16, "meta.id;src", _PRIMARY_UNPACKED, nullable=False),
    string("permid", 16, "meta.id;src", "Its number, as 433", nullable=False),
    text("iau_designation", "", "meta.id;src", "Designation approved by the IAU; NULL so far"),
    string("iau_name", 32, "meta.id;src", "Name approved by the IAU; NULL so far"),
    text("numbered_publication_references", "", "meta.bib.bibcode", "Circular in which it was given its number"),
    text("named_publication_references", "", "meta.bib.bibcode", "Circular in which it was given its name"),
    text("naming_credit", "", "meta.note", "Who proposed its name"),
    *_row_times(),
    sa.UniqueConstraint("iau_name"),
    sa.UniqueConstraint("permid"),
    sa.UniqueConstraint("packed_primary_provisional_designation", name="uq_numbered_identifications_packed_primary"),
    sa.UniqueConstraint(
        "unpacked_primary_provisional_designation", name="uq_numbered_identifications_unpacked_primary"
    ),
    comment="Numbers, and names, of objects by primary provisional designation, as the Minor Planet Center has it",
)

apdb_metadata = sa.Table(
    "metadata",
    metadata,
    text("name", "", "meta.id", "Key", primary_key=True),
    text("value", "", "meta.note", "Value, as text", nullable=False),
    comment="What the APDB records about itself",
)
