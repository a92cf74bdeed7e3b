"""A made-up survey whose rows are put straight into the tables, for the tests of ready-made questions and views."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from small_surveys import store_rows

from ssdb.schema.arrow import arrow_schema
from ssdb.schema.columns import metadata
from ssdb.store.database import Database

Row = dict[str, Any]
BANDS = ["g", "r", "i", "VR", None]
DETECTORS = (1, 2, 3)
FIRST_MJD = 60000.7
IDS = {n: int.from_bytes(f"{n:05d}".encode(), "big") for n in range(100)}
"""ssObjectId of the number n: the bytes of 000nn."""


def single(value: float) -> float:
    """The nearest number of single precision, which REAL columns hold."""
    return float(np.float32(value))


@dataclass
class QueriedSurvey:
    """Rows by table; `matches` are those of SSSource with their sources and predictions, in one dict each."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    matches: list[Row] = field(default_factory=list)

    def add(self, table: str, **columns: Any) -> Row:
        """Adds a row; what is not given is NULL."""
        self.rows.setdefault(table, []).append(columns)
        return columns

    def load(self, database: Database) -> None:
        """Writes all rows."""
        with database.writing() as connection:
            for name, rows in self.rows.items():
                table = metadata.tables[name]
                rows = [{"diaStatus": "pending"} | row for row in rows] if name == "Visit" else rows
                store_rows(connection, table, pa.Table.from_pylist(rows, schema=arrow_schema(table)))


def queried_survey() -> QueriedSurvey:
    """Fifteen visits of three nights, three detectors each, forty objects, some of them found."""
    rng = np.random.default_rng(6)
    survey = QueriedSurvey()
    next_source = 1000
    for visit in range(1, 16):
        mjd = FIRST_MJD + (visit - 1) // 5 + 0.1 * ((visit - 1) % 5)  # across midnight, MJD 60001, in every night
        band = BANDS[(visit - 1) % 5]
        exposure = survey.add(
            "Visit", visit=visit, midpointMjdTai=mjd, band=band, exposureTime=30.0, ra=10.0, dec=-5.0, radius=1.5
        )
        exposure["status"] = "pending" if visit == 15 else "done"
        exposure["predictionsAt"] = None if visit == 14 else np.datetime64("2026-01-01T00:00:00").astype(object)
        for detector in DETECTORS:
            survey.add(
                "VisitDetector", visit=visit, detector=detector, status=exposure["status"], nSources=0, nDiaSources=0
            )
        survey.rows["VisitDetector"][-1]["status"] = "pending" if visit == 3 else exposure["status"]
        for number in rng.permutation(40)[:30] if visit != 14 else []:
            next_source = _add_object(survey, rng, exposure, int(number) + 1, next_source)
        for row in survey.rows["VisitDetector"][-3:]:
            of_detector = [e for e in survey.rows.get("SsExpected", []) if e["visit"] == visit]
            of_detector = [e for e in of_detector if e["detector"] == row["detector"]]
            found = [e for e in of_detector if e["diaSourceId"] is not None]
            row["nTotalSsObjects"] = len([e for e in of_detector if e["edgeDistance"] >= 0 or e in found])
            row["nAssociatedSsObjects"] = len(found)
            sources = [d for d in survey.rows.get("DiaSource", []) if d["visit"] == visit]
            row["nSources"] = len([d for d in sources if d["detector"] == row["detector"]])
            if row["status"] == "pending" or visit == 4:  # without outlines nobody knows how many
                row["nTotalSsObjects"] = row["nAssociatedSsObjects"] = None
        for name in ("nSources", "nTotalSsObjects", "nAssociatedSsObjects"):
            exposure[name] = sum(row[name] or 0 for row in survey.rows["VisitDetector"][-3:])
    return survey


def _add_object(survey: QueriedSurvey, rng: np.random.Generator, exposure: Row, number: int, next_source: int) -> int:
    """Adds a prediction in a visit, what was expected, and, often, the source; the next free number of a source."""
    visit, mjd, detector = exposure["visit"], exposure["midpointMjdTai"], int(rng.integers(1, 3))
    key = {"visit": visit, "ssObjectId": IDS[number]}
    rates = [single(rate) for rate in rng.normal(0, 0.4, 2)]
    prediction = survey.add(
        "SsPrediction",
        **key,
        designation=str(number),
        midpointMjdTai=mjd,
        ephRa=10 + rng.uniform(-1, 1),
        ephDec=-5 + rng.uniform(-1, 1),
        ephRateRa=rates[0],
        ephRateDec=rates[1],
        ephVmag=None if number == 40 else single(18 + number / 8 + rng.normal(0, 0.1)),
        ephErrMajor=single(rng.uniform(0.1, 3)),
    )
    edge = rng.uniform(-20, 200)
    expected = survey.add("SsExpected", **key, detector=detector, edgeDistance=edge, diaSourceId=None, nCandidates=0)
    if rng.random() > 0.75 - 0.4 * (edge < 0):
        return next_source
    source, other = next_source, next_source + 1
    expected |= {"diaSourceId": source, "nCandidates": 1}
    offsets = rng.standard_t(2, 2) * 0.1  # many outliers
    flux = None if number == 38 else single(rng.normal(500, 600))
    dia = survey.add(
        "DiaSource",
        diaSourceId=source,
        visit=visit,
        detector=detector,
        ssObjectId=IDS[number],
        midpointMjdTai=mjd + rng.uniform(-1e-5, 1e-5),
        exposureTime=30.0,
        ra=prediction["ephRa"],
        dec=prediction["ephDec"],
        psfFlux=flux,
        psfFluxErr=None if number == 37 else single(rng.uniform(10, 50)),
        psfFlux_flag=[True, False, None][number % 3],
        band=exposure["band"],
    )
    match = survey.add(
        "SSSource",
        diaSourceId=source,
        ssObjectId=IDS[number],
        designation=str(number),
        visit=visit,
        detector=detector,
        eclLambda=1.0,
        eclBeta=2.0,
        galLon=3.0,
        galLat=4.0,
        phaseAngle=None if number == 36 else single(rng.uniform(0, 40)),
        helioRange=None if number == 35 else single(rng.uniform(1, 4)),
        topoRange=single(rng.uniform(0.5, 3)),
        ephVmag=prediction["ephVmag"],
        ephRateRa=rates[0],
        ephRateDec=rates[1],
        ephRate=None if number == 34 else single(np.hypot(*rates)),
        ephOffset=single(np.hypot(*offsets)),
        ephOffsetRa=offsets[0],
        ephOffsetDec=offsets[1],
        ephOffsetAlongTrack=None if number == 34 else single(offsets[0] * 0.6 + offsets[1] * 0.8),
        ephOffsetCrossTrack=None if number == 34 else single(offsets[1] * 0.6 - offsets[0] * 0.8),
    )
    survey.matches.append(match | dia)
    odds = {"chi2": rng.exponential(), "logOdds": rng.uniform(0, 9), "probability": rng.uniform(0.5, 1)}
    candidate = {"separation": match["ephOffset"], "rank": 1, "chosen": True} | odds
    survey.add("SsCandidate", **key, diaSourceId=source, **candidate)
    if number % 10 == 0:  # the object had another candidate
        survey.add("SsCandidate", **key, diaSourceId=other, separation=2.0, rank=2, chosen=False)
    if number % 10 == 5:  # the source was another object's candidate, of one that is predicted in the visit
        rival = next(p["ssObjectId"] for p in survey.rows["SsPrediction"] if p["visit"] == visit)
        if rival != IDS[number]:
            columns = {"separation": 3.0, "rank": 2, "chosen": False}
            survey.add("SsCandidate", visit=visit, ssObjectId=rival, diaSourceId=source, **columns)
    return next_source + 2


ORBITS: list[tuple[Any, ...]] = [
    # designation, packed, q, e, i, H, MOID, class in JPL's Small-Body Database, near Earth, hazardous
    ("1", "00001", 2.5494, 0.0789, 10.6, 3.3, 1.58, "main belt", False, False),
    ("2", "00002", 0.7460, 0.1911, 3.3, 19.1, 0.0002, "Aten", True, True),  # Apophis
    ("3", "00003", 0.6472, 0.5600, 6.4, 16.1, 0.025, "Apollo", True, True),  # 1862 Apollo
    ("4", "00004", 1.1335, 0.2228, 10.8, 10.4, 0.149, "Amor", True, False),  # Eros
    ("5", "00005", 0.5024, 0.3222, 25.6, 16.3, 0.206, "Atira", True, False),
    ("6", "00006", 1.6016, 0.3890, 25.0, 9.4, 0.6, "Mars-crosser", False, False),  # 132 Aethra
    ("7", "00007", 1.8005, 0.0740, 22.5, 11.5, 0.8, "inner main belt", False, False),  # 434 Hungaria
    ("8", "00008", 3.4090, 0.1415, 7.8, 7.6, 2.4, "outer main belt", False, False),  # 153 Hilda
    ("9", "00009", 5.1370, 0.0239, 18.2, 7.3, 4.1, "Jupiter Trojan", False, False),  # 624 Hektor
    ("10", "00010", 8.5300, 0.3800, 6.9, 5.6, 7.5, "Centaur", False, False),  # 2060 Chiron
    ("11", "00011", 29.6500, 0.2490, 17.1, -0.4, 28.6, "trans-Neptunian", False, False),  # Pluto
    ("12", "00012", 1.2000, 1.0000, 10.0, 18.0, 0.01, "parabolic", True, True),
    ("A/2017 U7", "AK17U070", 6.4190, 1.0018, 142.6, 10.6, 5.5, "hyperbolic", False, False),
    ("13", "00013", None, 0.5, 10.0, 18.0, 0.01, None, None, None),
    ("14", "00014", 1.0000, 0.5, 10.0, 18.0, None, "Apollo", True, None),
    ("15", "00015", 1.0000, 0.5, 10.0, 22.1, None, "Apollo", True, False),
    ("16", "00016", 4.0000, 0.2500, 10.0, 12.0, None, "Jupiter Trojan", False, False),
    ("17", "00017", 3.0000, 0.4000, 10.0, 12.0, None, "other", False, False),
    ("2040 P-L", "PLS2040", 2.2, 0.1, 3.0, 17.0, None, "main belt", False, False),
    ("1P", "0001P", 0.5750, 0.9679, 162.2, 5.5, 0.065, "Halley-type comet", True, False),
    ("2P", "0002P", 0.3390, 0.8480, 11.4, 14.2, 0.17, "Encke-type comet", True, False),
    ("67P", "0067P", 1.2110, 0.6498, 3.9, 12.8, 0.21, "Jupiter-family comet", True, False),
    ("73P-BB", "0073Pbb", 0.9200, 0.6980, 11.2, None, 0.02, "Jupiter-family comet", True, None),
    ("95P", "0095P", 8.5300, 0.3800, 6.9, 5.6, 7.5, "Chiron-type comet", False, False),
    ("C/1995 O1", "CJ95O010", 0.9140, 0.9951, 89.4, 4.0, 0.12, "long-period comet", False, False),  # Hale-Bopp
    ("C/2017 K2", "CK17K020", 1.7970, 1.0004, 87.6, 6.3, 1.1, "hyperbolic comet", False, False),
    ("C/1900 A1", "CJ00A010", 0.9000, 1.0000, 87.6, None, 0.1, "parabolic comet", False, False),
    ("1I", "0001I", 0.2550, 1.2010, 122.7, 22.1, 0.096, "interstellar", False, False),
]


def add_orbits(survey: QueriedSurvey) -> None:
    """Adds the orbits of known objects, most of them under small numbers, which the survey saw."""
    for number, (designation, packed, q, e, i, h, moid, *_) in enumerate(ORBITS):
        names = {
            "designation": designation,
            "packed_primary_provisional_designation": packed,
            "unpacked_primary_provisional_designation": designation,
        }
        survey.add("mpc_orbits", id=number, **names, q=q, e=e, i=i, h=h, earth_moid=moid, epoch_mjd=60000.0)
