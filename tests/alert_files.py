"""Small packets of alerts, made here, and files of them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import fastavro

from ssdb.io.formats.avro import lsst_schemas

VISITS = (2026010100001, 2026010100002)
TIMES = (61041.1, 61041.2)
Packet = dict[str, Any]


@cache
def rubin_schema(version: str) -> Any:
    """The schema of Rubin's alerts as the package has it, dates included."""
    major, minor = version.split(".")
    folder = lsst_schemas()
    assert folder is not None
    return fastavro.schema.load_schema(folder / major / minor / f"lsst.v{major}_{minor}.alert.avsc")


def source(number: int, visit: int = 0, *, at: int = 0, **more: Any) -> Packet:
    """A source of Rubin's in one of two visits, in a place by its number."""
    return {
        "diaSourceId": number,
        "visit": VISITS[visit],
        "detector": 7,
        "diaObjectId": at,
        "ssObjectId": 0,
        "midpointMjdTai": TIMES[visit],
        "exposureTime": 30.0,
        "ra": 150.0 + 0.01 * (at or number),
        "raErr": 1e-5,
        "dec": 2.0,
        "decErr": 2e-5,
        "x": 100.5,
        "y": 200.25,
        "psfFlux": 1000.0 + number,
        "psfFluxErr": 10.0,
        "psfNdata": 41,
        "trailNdata": 41,
        "dipoleNdata": 0,
        "bboxSize": 12,
        "reliability": 0.75,
        "band": "r",
        "isNegative": False,
        "timeProcessedMjdTai": 61041.5,
        **more,
    }


def forced(number: int, visit: int, at: int) -> Packet:
    """A forced flux at a DiaObject."""
    row = source(number, visit, at=at)
    names = ("diaObjectId", "ra", "dec", "visit", "detector", "psfFlux", "psfFluxErr", "midpointMjdTai", "band")
    return {"diaForcedSourceId": number, "timeProcessedMjdTai": 61041.5} | {name: row[name] for name in names}


def rubin_object(at: int, n: int) -> Packet:
    """What a packet says of a DiaObject with n sources."""
    counts = {f"{band}_psfFluxNdata": n * (band == "r") for band in "ugrizy"}
    place = {"ra": 150.0 + 0.01 * at, "dec": 2.0, "nDiaSources": n}
    return {"diaObjectId": at, "validityStartMjdTai": 61041.4} | place | counts


def rubin_packets() -> list[Packet]:
    """Four sources in two visits: 11 and 21 of one object, 22 of another, and 12, which is an asteroid."""
    known = source(12, ssObjectId=21164736943044929)
    orbit = {
        "id": 0,
        "designation": "2017 SA109",
        "packed_primary_provisional_designation": "K17SA9A",
        "unpacked_primary_provisional_designation": "2017 SA109",
        "created_at": 0,
        "q": 2.17,
        "e": 0.063,
        "i": 10.2,
        "node": 243.5,
        "argperi": 10.0,
        "peri_time": 60800.0,
        "epoch_mjd": 61000.0,
        "h": 0.0,
    }
    eclipse = {"eclLambda": 151.7, "eclBeta": -10.2, "galLon": 237.8, "galLat": 0.0, "ephVmag": 0.0}
    wrong = {"ephRateRa": 0.0, "ephRateDec": 0.0, "helioRange": 1.65e-8, "helio_x": -1.1e-8, "helio_y": 1.2e-8}
    place = {"ephRa": known["ra"] + 1e-5, "ephDec": 2.0, "phaseAngle": 18.0, "elongation": 127.0}
    seen = {"diaSourceId": 12, "ssObjectId": 21164736943044929, "designation": "K17SA9A", "helio_z": 1e-9}
    packets = [
        {"diaSource": source(11, at=11), "diaObject": rubin_object(11, 1)},
        {"diaSource": known, "ssSource": seen | eclipse | wrong | place, "mpc_orbits": orbit},
        {
            "diaSource": source(21, 1, at=11),
            "prvDiaSources": [source(11, at=11)],
            "prvDiaForcedSources": [forced(1, 0, 11), forced(2, 1, 11)],
            "diaObject": rubin_object(11, 2),
        },
        {"diaSource": source(22, 1, at=22), "diaObject": rubin_object(22, 1), "cutoutScience": b"x" * 5000},
    ]
    return [{"diaSourceId": packet["diaSource"]["diaSourceId"], **packet} for packet in packets]


def container(schema: Any, packets: Iterable[Packet], codec: str = "null") -> bytes:
    """An Avro file."""
    file = io.BytesIO()
    fastavro.writer(file, schema, packets, codec=codec, sync_interval=2000)
    return file.getvalue()


def messages(version: str, packets: Iterable[Packet]) -> bytes:
    """Messages as a schema registry has them, one after the other."""
    schema = fastavro.parse_schema(rubin_schema(version))
    major, minor = version.split(".")
    file = io.BytesIO()
    for packet in packets:
        file.write(b"\0" + (int(major) * 100 + int(minor)).to_bytes(4, "big"))
        fastavro.schemaless_writer(file, schema, packet)
    return file.getvalue()


def as_columns(packets: list[Packet]) -> dict[str, list[Any]]:
    """Packets as columns of records, as brokers have them."""
    names = dict.fromkeys(name for packet in packets for name in packet)
    return {name: [packet.get(name) for packet in packets] for name in names}


def written(path: Path, content: bytes) -> Path:
    """A file with this content."""
    path.write_bytes(content)
    return path


# ---- ZTF -------------------------------------------------------------------------------------------------------------

_NULL_FLOAT, _NULL_LONG, _NULL_STRING = (["null", kind] for kind in ("double", "long", "string"))
_SOURCE = {
    "jd": "double", "fid": "int", "pid": "long", "candid": _NULL_LONG, "isdiffpos": _NULL_STRING, "rcid": _NULL_LONG,
    "ra": _NULL_FLOAT, "dec": _NULL_FLOAT, "magpsf": _NULL_FLOAT, "sigmapsf": _NULL_FLOAT, "rb": _NULL_FLOAT,
    "rbversion": "string",
}  # fmt: skip
_CANDIDATE = _SOURCE | {
    "exptime": _NULL_FLOAT, "drb": _NULL_FLOAT, "drbversion": "string", "ssdistnr": _NULL_FLOAT, "ssmagnr": _NULL_FLOAT,
    "ssnamenr": _NULL_STRING, "xpos": _NULL_FLOAT, "ypos": _NULL_FLOAT,
}  # fmt: skip
_FORCED = {
    "jd": "double", "fid": "int", "pid": "long", "exptime": _NULL_FLOAT, "magzpsci": _NULL_FLOAT,
    "forcediffimflux": _NULL_FLOAT, "forcediffimfluxunc": _NULL_FLOAT, "procstatus": _NULL_STRING,
}  # fmt: skip


def _record(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": one, "type": type_} for one, type_ in fields.items()]}


def _list(name: str, fields: dict[str, Any]) -> list[Any]:
    return ["null", {"type": "array", "items": _record(name, fields)}]


ZTF_SCHEMA = _record(
    "alert",
    {
        **{"schemavsn": "string", "publisher": "string", "objectId": "string", "candid": "long"},
        "candidate": _record("candidate", _CANDIDATE),
        "prv_candidates": _list("prv_candidate", _SOURCE),
        "fp_hists": _list("fp_hist", _FORCED),
        "cutoutScience": ["null", "bytes"],
    },
)


def ztf_packet(**candidate: Any) -> Packet:
    """A packet like those of schema 4.02: a negative source, one before, one limit before that, two forced fluxes."""
    now = {"jd": 2460449.8784606, "fid": 2, "pid": 2695378462115, "candid": 2695378462115010012, "isdiffpos": "f"}
    before = {"jd": 2460423.9562384, "fid": 2, "pid": 2669456232115, "candid": 2669456232115015008, "isdiffpos": "t"}
    common = {"rcid": 21, "ra": 295.3031995, "dec": -10.3958989, "magpsf": 15.0, "sigmapsf": 0.02, "rb": 0.8}
    common["rbversion"] = "t17_f5_c3"
    own = {
        "exptime": 60.0,
        "drb": 0.99,
        "drbversion": "d6_m7",
        "ssnamenr": "null",
        "ssdistnr": -999.0,
        "ssmagnr": -999.0,
    }
    none = {"jd": 2460420.9637616, "fid": 1, "pid": 2666463762115, "rbversion": "t17_f5_c3"}
    flux = {"fid": 1, "pid": 2693420272115, "jd": 2460447.9202778, "exptime": 30.0, "magzpsci": 26.0, "procstatus": "0"}
    return {
        "schemavsn": "4.02",
        "publisher": "ZTF (www.ztf.caltech.edu)",
        "objectId": "ZTF18abudxnw",
        "candid": now["candid"],
        "candidate": now | common | own | candidate,
        "prv_candidates": [none, before | common],
        "fp_hists": [
            flux | {"forcediffimflux": -100.0, "forcediffimfluxunc": 10.0},
            flux | {"pid": 2690459212115, "jd": 2460444.9, "forcediffimflux": -99999.0, "forcediffimfluxunc": -99999.0},
        ],
        "cutoutScience": b"",
    }
