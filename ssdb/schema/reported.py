"""Sources that were reported to the Minor Planet Center, by us or by others."""

from __future__ import annotations

import sqlalchemy as sa

from ssdb.schema.columns import long, metadata, real, string, text, timestamp

ss_reported_source = sa.Table(
    "SsReportedSource",
    metadata,
    long("diaSourceId", "", "meta.id;src", "Identifier of the source", primary_key=True),
    long("visit", "", "meta.id;obs.exposure", "Identifier of the visit", nullable=False),
    string("stn", 4, "meta.id;instr.obsty", "Observatory code under which it was reported"),
    string("designation", 25, "meta.id;src", "The object that it was reported as, unpacked; NULL: as no known one"),
    string("trkSub", 8, "meta.id", "Tracklet, as its observer calls it"),
    string("obsSubID", 25, "meta.id", "Observation, as its observer calls it; of ours the diaSourceId"),
    string("obsID", 25, "meta.id", "Observation, as the Minor Planet Center calls it"),
    string("trkID", 12, "meta.id", "Tracklet, as the Minor Planet Center calls it"),
    string("submissionId", 64, "meta.id", "Submission, as the Minor Planet Center calls it"),
    string("mode", 3, "instr", "Kind of instrument, by the codes of ADES"),
    string("astCat", 8, "meta.ref;pos", "Star catalogue of the astrometry, by the codes of ADES"),
    real("mag", "mag", "phot.mag", "Magnitude as reported, in the system of its band"),
    string("band", 3, "instr.bandpass", "Band as reported, by the codes of ADES"),
    text("file", "", "meta.id;meta.file", "The file that it was written to, or read from"),
    timestamp("submittedAt", "", "time.creation", "When the file was written, UTC; NULL: reported by others"),
    sa.Index(None, "visit"),
    comment="Sources that were reported to the Minor Planet Center: written as ADES, or read from reports of others",
)
