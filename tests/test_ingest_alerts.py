"""Packets of alerts in, on both databases: what is stored, what a packet adds that was seen, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from alert_files import (
    TIMES,
    VISITS,
    ZTF_SCHEMA,
    Packet,
    as_columns,
    container,
    forced,
    messages,
    rubin_packets,
    rubin_schema,
    source,
    written,
    ztf_packet,
)
from astropy import units as u
from astropy.time import Time
from click.testing import CliRunner
from conftest import shared_data
from pyarrow import parquet

import ssdb
from ssdb.ask.check import check
from ssdb.cli import main
from ssdb.errors import InputError, MissingPackageError, UsageError
from ssdb.ingest.formats.ztf_alerts import ZTF, object_number
from ssdb.io.alert_packets import packets_of
from ssdb.io.formats.avro import Schemas
from ssdb.store.database import Database


def rows(database: Database, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in ssdb.query(database, sql).rows]


def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows that packets make, but for the runs and their times."""
    return {
        "Visit": rows(
            database, "SELECT visit, midpointMjdTai, band, exposureTime, observatoryCode FROM Visit ORDER BY 1"
        ),
        "DiaSource": rows(database, "SELECT * FROM DiaSource ORDER BY diaSourceId"),
        "DiaForcedSource": rows(database, "SELECT * FROM DiaForcedSource ORDER BY diaObjectId, visit"),
        "DiaObject": rows(database, "SELECT diaObjectId, ra, nDiaSources, r_psfFluxMean, r_fpFluxMean FROM DiaObject"),
        "SsPrediction": rows(database, "SELECT * FROM SsPrediction"),
        "mpc_orbits": rows(database, "SELECT * FROM mpc_orbits"),
    }


def assert_consistent(database: Database) -> None:
    assert [(one.name, one.examples[:1]) for one in check(database) if one.n_violations] == []


@pytest.fixture
def night(database: Database) -> Database:
    ssdb.ingest_visits(database, {"visit": list(VISITS), "midpointMjdTai": list(TIMES)})
    return database


# ---- Rubin's ---------------------------------------------------------------------------------------------------------


def test_all_that_packets_have_is_stored(night: Database, tmp_path: Path) -> None:
    path = written(tmp_path / "a.avro", container(rubin_schema("11.1"), rubin_packets()))
    report = ssdb.ingest_alerts(night, path, with_ss=True)
    counts = {name: n for name, n in report.as_dict().items() if n and name not in ("source", "doubts")}
    assert counts == {"packets": 4, "sources": 4, "forced": 2, "objects": 2, "predictions": 1, "orbits": 1}
    assert rows(night, "SELECT diaSourceId, diaObjectId, ssObjectId FROM DiaSource ORDER BY 1") == [
        *[(11, 11, None), (12, None, None), (21, 11, None), (22, 22, None)]
    ]
    # What the packet says of the object is what its sources say.
    (found,) = rows(night, "SELECT nDiaSources, r_psfFluxMean, r_fpFluxMean FROM DiaObject WHERE diaObjectId = 11")
    assert found == (2, pytest.approx(1016.0), pytest.approx(1001.5))
    (flux, error, x, reliability, ndata) = rows(
        night, "SELECT psfFlux, psfFluxErr, x, reliability, psfNdata FROM DiaSource WHERE diaSourceId = 21"
    )[0]
    assert (flux, error, x, reliability, ndata) == (1021.0, 10.0, 100.5, 0.75, 41)
    assert_consistent(night)


def test_known_objects_become_predictions_of_a_provider(night: Database, tmp_path: Path) -> None:
    """Zeros and vectors that are wrong are unknown; id 0, 1970 and H 0 of the orbit too."""
    path = written(tmp_path / "a.avro", container(rubin_schema("10.0"), rubin_packets()))
    report = ssdb.ingest_alerts(night, path, with_ss=True)
    assert any("vectors and distances of nothing in the Solar System" in doubt for doubt in report.doubts)
    (found,) = rows(
        night, "SELECT designation, ssObjectId, provider, ephRateRa, helioRange, helio_x, phaseAngle FROM SsPrediction"
    )
    assert found == ("2017 SA109", 21164736943044929, "rubin", None, None, None, 18.0)
    assert rows(night, "SELECT designation, q, h, created_at FROM mpc_orbits") == [("2017 SA109", 2.17, None, None)]
    ssdb.associate(night)
    assert rows(night, "SELECT diaSourceId, designation FROM SSSource") == [(12, "2017 SA109")]


def test_without_the_option_known_objects_are_left_out(night: Database, tmp_path: Path) -> None:
    path = written(tmp_path / "a.avro", container(rubin_schema("11.0"), rubin_packets()))
    ssdb.ingest_alerts(night, path)
    assert rows(night, "SELECT count(*) FROM SsPrediction") == rows(night, "SELECT count(*) FROM mpc_orbits") == [(0,)]


def test_a_packet_that_was_seen_adds_nothing(night: Database, tmp_path: Path) -> None:
    path = written(tmp_path / "a.avro", container(rubin_schema("11.1"), rubin_packets()))
    ssdb.ingest_alerts(night, path, with_ss=True)
    before = everything(night)
    again = ssdb.ingest_alerts(night, path, with_ss=True)
    assert (again.packets, again.known, again.sources, again.history, again.forced, again.predictions) == (
        4,
        4,
        0,
        0,
        0,
        0,
    )
    assert everything(night) == before
    # Not even with other values.
    changed = rubin_packets()
    changed[0]["diaSource"]["psfFlux"] = 5.0
    ssdb.ingest_alerts(night, written(tmp_path / "b.avro", container(rubin_schema("11.1"), changed)), with_ss=True)
    assert everything(night) == before
    # Nor does it make a visit that it is now said to be of.
    for packet in changed:
        packet["diaSource"]["visit"] = 99
        packet.update(prvDiaSources=None, prvDiaForcedSources=None)
    moved = written(tmp_path / "c.avro", container(rubin_schema("11.1"), changed))
    assert ssdb.ingest_alerts(night, moved, create_visits=True).visits == 0
    assert everything(night) == before
    assert_consistent(night)


def test_packets_one_by_one_make_what_all_at_once_make(night: Database, tmp_path: Path) -> None:
    """History comes before its own packet, and in it."""
    for number, packet in enumerate(reversed(rubin_packets())):
        path = written(tmp_path / f"{number}.avro", container(rubin_schema("11.1"), [packet]))
        ssdb.ingest_alerts(night, path, with_ss=True)
    one_by_one = everything(night)
    with ssdb.initialize("sqlite://") as other:
        ssdb.ingest_visits(other, {"visit": list(VISITS), "midpointMjdTai": list(TIMES)})
        path = written(tmp_path / "all.avro", container(rubin_schema("11.1"), rubin_packets()))
        ssdb.ingest_alerts(other, path, with_ss=True)
        assert sorted(everything(other)["DiaObject"]) == sorted(one_by_one["DiaObject"])
        compared = "SELECT diaSourceId, visit, diaObjectId, psfFlux, ra FROM DiaSource ORDER BY 1"
        assert rows(other, compared) == rows(night, compared)


@pytest.mark.parametrize("at_once", [1, 2, 5000])
def test_of_a_source_that_comes_twice_the_first_stays(
    at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many packets are one transaction, and whether it was a packet's own or of a history."""
    monkeypatch.setattr("ssdb.ingest.alerts._MOST_PACKETS", at_once)
    packets = [
        {"diaSource": source(1), "prvDiaSources": [source(3, psfFlux=33.0)]},
        {"diaSource": source(1, psfFlux=11.0)},
        {"diaSource": source(3)},
        {"diaSource": source(2), "prvDiaSources": [source(1, psfFlux=12.0)]},
    ]
    path = written(tmp_path / "a.avro", container(rubin_schema("11.1"), [{"diaSourceId": 1} | one for one in packets]))
    with ssdb.initialize("sqlite://") as database:
        report = ssdb.ingest_alerts(database, path, create_visits=True)
        assert rows(database, "SELECT diaSourceId, psfFlux FROM DiaSource ORDER BY 1") == [
            (1, 1001),
            (2, 1002),
            (3, 33),
        ]
        assert (report.packets, report.sources, report.history, report.known) == (4, 2, 1, 2)


def test_a_packet_of_a_visit_that_is_not_stored_is_refused_where_a_history_had_its_source(
    tmp_path: Path,
) -> None:
    packets = [{"diaSource": source(1), "prvDiaSources": [source(2, 1)]}, {"diaSource": source(2, 1)}]
    path = written(tmp_path / "a.avro", container(rubin_schema("11.1"), [{"diaSourceId": 1} | one for one in packets]))
    with ssdb.initialize("sqlite://") as database:
        ssdb.ingest_visits(database, {"visit": [VISITS[0]], "midpointMjdTai": [TIMES[0]]})
        with pytest.raises(InputError, match=rf"{VISITS[1]}.*; nothing is stored$"):
            ssdb.ingest_alerts(database, path)


def test_a_source_that_turns_out_to_be_known_leaves_its_object(night: Database, tmp_path: Path) -> None:
    """What came with an object is as if it had been given one here."""
    path = written(tmp_path / "a.avro", container(rubin_schema("11.1"), rubin_packets()))
    ssdb.ingest_alerts(night, path)
    place = {"ephRa": [source(22)["ra"]], "ephDec": [2.0]}
    ssdb.ingest_predictions(night, {"visit": [VISITS[1]], "designation": ["433"], **place})
    ssdb.associate(night)
    assert rows(night, "SELECT diaObjectId, ssObjectId IS NULL FROM DiaSource WHERE diaSourceId = 22") == [
        (None, False)
    ]
    assert rows(night, "SELECT diaObjectId FROM DiaObjectLast") == [(11,)]
    assert_consistent(night)
    ssdb.associate_dia(night, solar_system=False)
    assert_consistent(night)


# ---- visits ----------------------------------------------------------------------------------------------------------


def test_visits_are_made_on_request(database: Database, tmp_path: Path) -> None:
    path = written(tmp_path / "a.avro", container(rubin_schema("11.1"), rubin_packets()))
    with pytest.raises(InputError, match=r"2 visits are not in the database .*create_visits=True; nothing is stored$"):
        ssdb.ingest_alerts(database, path)
    report = ssdb.ingest_alerts(database, path, create_visits=True)
    assert report.visits == 2
    assert "which do not say where these looked" in report.doubts[-1]
    made = "SELECT visit, midpointMjdTai, band, exposureTime, observatoryCode, ra FROM Visit ORDER BY 1"
    assert rows(database, made) == [
        (visit, time, "r", 30.0, "X05", None) for visit, time in zip(VISITS, TIMES, strict=True)
    ]


def test_visits_are_made_of_the_observatory_that_is_given(tmp_path: Path) -> None:
    path = written(tmp_path / "a.avro", container(rubin_schema("11.1"), rubin_packets()))
    with ssdb.initialize("sqlite://") as database:
        for wrong in ({"observatory": "nowhere", "create_visits": True}, {"observatory": "W84"}):
            with pytest.raises(UsageError, match="observatory="):
                ssdb.ingest_alerts(database, path, **wrong)  # type: ignore[arg-type]
        ssdb.ingest_alerts(database, path, create_visits=True, observatory="W84")
        assert rows(database, "SELECT DISTINCT observatoryCode FROM Visit") == [("W84",)]


def test_history_of_visits_that_are_not_stored_is_left_out(database: Database, tmp_path: Path) -> None:
    ssdb.ingest_visits(database, {"visit": [VISITS[1]], "midpointMjdTai": [TIMES[1]]})
    path = written(tmp_path / "a.avro", container(rubin_schema("11.1"), rubin_packets()[2:]))
    report = ssdb.ingest_alerts(database, path)
    assert (report.sources, report.history, report.forced, report.withoutVisit) == (2, 0, 1, 2)
    assert_consistent(database)


# ---- ZTF's -----------------------------------------------------------------------------------------------------------


def test_ztf(database: Database, tmp_path: Path) -> None:
    path = written(tmp_path / "z.avro", container(ZTF_SCHEMA, [ztf_packet()], codec="deflate"))
    report = ssdb.ingest_alerts(database, path, create_visits=True, with_ss=True)
    assert (report.sources, report.history, report.forced, report.visits, report.predictions) == (1, 1, 2, 4, 0)
    now, before = rows(
        database,
        "SELECT visit, detector, midpointMjdTai, exposureTime, band, psfFlux, psfFluxErr, isNegative, reliability, "
        "reliabilityVersion FROM DiaSource ORDER BY midpointMjdTai DESC",
    )
    flux = (15.0 * u.ABmag).to_value(u.nJy)
    # jd is the start of the exposure, of 60 s, UTC; in its history it is one of the survey's 30 s.
    assert now[:2] == (269537846, 21)
    assert now[2] == pytest.approx((Time(2460449.8784606, format="jd", scale="utc") + 30 * u.s).tai.mjd, abs=1e-9)
    assert now[3:5] == (60.0, "r")
    assert now[5] == pytest.approx(-flux, rel=1e-6)
    assert now[6] == pytest.approx(flux * 0.02 * 0.4 * 2.302585093, rel=1e-6)
    assert (bool(now[7]), now[8], now[9]) == (True, pytest.approx(0.99), "d6_m7")
    assert before[:2] == (266945623, 21)
    assert before[2] == pytest.approx((Time(2460423.9562384, format="jd", scale="utc") + 15 * u.s).tai.mjd, abs=1e-9)
    assert before[3] is None
    assert before[5] == pytest.approx(flux, rel=1e-6)
    assert (bool(before[7]), before[8], before[9]) == (False, pytest.approx(0.8), None)
    counts = (26.0 * u.ABmag).to_value(u.nJy)  # of one count
    measured = rows(database, "SELECT psfFlux, psfFluxErr, band FROM DiaForcedSource ORDER BY visit DESC")
    assert measured == [(pytest.approx(-100 * counts), pytest.approx(10 * counts), "g"), (None, None, "g")]
    assert rows(database, "SELECT DISTINCT diaObjectId FROM DiaSource") == [(object_number("ZTF18abudxnw"),)]
    assert_consistent(database)


def test_identifiers_that_pandas_has_made_floating_point_numbers(database: Database, tmp_path: Path) -> None:
    """As brokers' test data have them, where some are unknown: of the exposure they are exact, of sources not."""
    packet = ztf_packet()
    nothing, before = packet["prv_candidates"]
    packet["prv_candidates"] = [
        {**nothing, "candid": float("nan"), "pid": float(nothing["pid"])},
        {**before, "candid": float(before["candid"]), "pid": float(before["pid"])},
    ]
    packet["candidate"] |= {"pid": float(packet["candidate"]["pid"]), "fid": 2.0}
    path = written(tmp_path / "z.parquet", parquet_of([packet]))
    report = ssdb.ingest_alerts(database, path, create_visits=True)
    assert (report.sources, report.history, report.forced) == (1, 0, 2)
    assert any("1 earlier sources left out: their identifiers are floating-point" in doubt for doubt in report.doubts)
    assert rows(database, "SELECT diaSourceId, visit, detector, band FROM DiaSource") == [
        (2695378462115010012, 269537846, 21, "r")
    ]


@pytest.mark.parametrize("positive", ["t", "1", "f", "0"])
def test_isdiffpos_has_the_sign(positive: str) -> None:
    table = ZTF.sources([ztf_packet(isdiffpos=positive)["candidate"] | {"diaObjectId": 1}], "a.avro")
    assert (table.column("psfFlux")[0].as_py() > 0) == (positive in "t1")
    assert table.column("isNegative")[0].as_py() == (positive in "f0")


def test_ztf_s_known_objects_are_near_their_sources(database: Database, tmp_path: Path) -> None:
    """Of two sources near to one object the nearer counts. The packet does not say where the object is."""
    near, far = (
        ztf_packet(ssnamenr="433", ssdistnr=3.0, ssmagnr=17.5),
        ztf_packet(ssnamenr="433", ssdistnr=9.0, candid=7),
    )
    no_name = ztf_packet(ssnamenr="of nobody", ssdistnr=1.0, candid=8)
    path = written(tmp_path / "z.avro", container(ZTF_SCHEMA, [far, near, no_name]))
    report = ssdb.ingest_alerts(database, path, create_visits=True, with_ss=True)
    assert report.predictions == 1
    assert any("1 known objects left out" in doubt for doubt in report.doubts)
    found = rows(database, "SELECT designation, ephRa, ephVmag, ephErrMajor, ephErrMinor, provider FROM SsPrediction")
    assert found == [("433", 295.3031995, 17.5, 3.0, 3.0, "ztf")]


def test_names_of_ztf_s_objects_have_numbers_of_their_own() -> None:
    names = ["ZTF17aaaaaaa", "ZTF17aaaaaab", "ZTF18aaaaaaa", "ZTF18zzzzzzz", "ZTF19aaaaaaa"]
    numbers = [object_number(name) for name in names]
    assert numbers == sorted(set(numbers))
    for wrong in ("ZTF18aaaaaa", "ZTF1xaaaaaaa", "WNTR24awati", "ZTF18AAAAAAA", "", "ZTF18aaaaaaé"):
        with pytest.raises(ValueError, match="is no name of ZTF's objects"):
            object_number(wrong)


# ---- files -----------------------------------------------------------------------------------------------------------


def tar_of(packets: list[Packet], mode: Any = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for number, packet in enumerate(packets):
            content = container(rubin_schema("11.1"), [packet])
            member = tarfile.TarInfo(f"night/{number}.avro")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def parquet_of(packets: list[Packet]) -> bytes:
    """As brokers have it."""
    file = io.BytesIO()
    parquet.write_table(pa.table(as_columns(packets)), file)
    return file.getvalue()


FILES: dict[str, Callable[[list[Packet]], bytes]] = {
    "container": lambda packets: container(rubin_schema("11.1"), packets),
    "deflate": lambda packets: container(rubin_schema("11.1"), packets, codec="deflate"),
    "one after the other": lambda packets: b"".join(container(rubin_schema("11.1"), [one]) for one in packets),
    "of two versions": lambda packets: b"".join(
        container(rubin_schema(version), [one])
        for version, one in zip(("10.0", "11.0", "10.0", "11.1"), packets, strict=True)
    ),
    "messages": lambda packets: messages("11.1", packets),
    "messages of two versions": lambda packets: messages("11.0", packets[:1]) + messages("10.0", packets[1:]),
    "gzip": lambda packets: gzip.compress(container(rubin_schema("11.1"), packets)),
    "tar": tar_of,
    "tar.gz": lambda packets: tar_of(packets, "w:gz"),
    "parquet": parquet_of,
}


@pytest.mark.parametrize("kind", FILES)
def test_files_of_every_kind_have_the_same_packets(kind: str, tmp_path: Path) -> None:
    path = written(tmp_path / "alerts", FILES[kind](rubin_packets()))
    found = list(packets_of(path, "alerts", Schemas()))
    assert [packet["diaSourceId"] for packet in found] == [11, 12, 21, 22]
    for packet, given in zip(found, rubin_packets(), strict=True):
        for name in ("visit", "midpointMjdTai", "ra", "psfFlux", "psfNdata", "band"):
            assert packet["diaSource"][name] == given["diaSource"][name]
        for name in ("prvDiaSources", "prvDiaForcedSources"):
            numbers = [[one[key] for one in given.get(name) or () for key in ("visit", "diaObjectId")]]
            assert numbers == [[one[key] for one in packet[name] or () for key in ("visit", "diaObjectId")]]
        assert not any("cutout" in name for name in packet)


def test_a_folder_and_standard_input(sqlite_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "night"
    (folder / "more").mkdir(parents=True)
    packets = rubin_packets()
    written(folder / "b.avro", container(rubin_schema("11.1"), packets[:2]))
    written(folder / "more" / "a.avro", messages("11.1", packets[2:]))
    written(folder / "_SUCCESS", b"")
    run = CliRunner().invoke(main, ["--db", sqlite_url, "ingest", "alerts", str(folder), "--create-visits"])
    assert run.exit_code == 0, run.output
    assert "4 packets, 0 known: 2 visits made, 4 new sources, 2 forced fluxes, 2 DiaObjects" in run.stdout
    arguments = ["--db", sqlite_url, "ingest", "alerts", "-", "--json"]
    run = CliRunner().invoke(main, arguments, input=messages("11.1", packets))
    assert run.exit_code == 0, run.output
    (told,) = json.loads(run.stdout)
    assert (told["source"], told["packets"], told["known"]) == ("standard input", 4, 4)


def test_a_schema_of_one_s_own(tmp_path: Path) -> None:
    """Of messages whose number nobody here knows, and of fields that may come later."""
    schema = {
        "type": "record",
        "name": "alert",
        "fields": [
            {"name": "diaSource", "type": {"type": "record", "name": "s", "fields": [
                *({"name": name, "type": "long"} for name in ("diaSourceId", "visit", "diaObjectId")),
                *({"name": name, "type": "double"} for name in ("midpointMjdTai", "ra", "dec", "ofTomorrow")),
            ]}},
        ],
    }  # fmt: skip
    path = tmp_path / "mine.avsc"
    path.write_text(json.dumps(schema))
    import fastavro

    file = io.BytesIO(b"\0\0\0\0\7")
    file.seek(5)
    fastavro.schemaless_writer(file, fastavro.parse_schema(schema), {"diaSource": {**source(5), "ofTomorrow": 1.0}})
    message = written(tmp_path / "m", file.getvalue())
    with ssdb.initialize("sqlite://") as database:
        with pytest.raises(InputError, match="schema number 7, which lsst-alert-packet does not have"):
            ssdb.ingest_alerts(database, message, create_visits=True)
        for wrong in (tmp_path / "none.avsc", message):
            with pytest.raises(InputError, match="cannot be read as a schema of Avro"):
                ssdb.ingest_alerts(database, message, create_visits=True, schema=wrong)
        assert ssdb.ingest_alerts(database, message, create_visits=True, schema=path).sources == 1


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def in_memory() -> Iterator[Database]:
    """A database into which nothing comes."""
    with ssdb.initialize("sqlite://") as database:
        yield database


ONE_NUMBER = {"type": "record", "name": "a", "fields": [{"name": "b", "type": "int"}]}
SOUND = container(rubin_schema("11.1"), rubin_packets())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"diaSourceId,ra,dec\n1,2,3\n", r"is no file of alerts .* it begins with 'diaSourceId,ra,d'"),
        (SOUND[:-5], "is cut or damaged near byte"),
        (SOUND[: len(SOUND) // 2], "is cut or damaged near byte"),
        (SOUND[:20], "is cut or damaged near byte"),
        (SOUND[:-30] + b"\xff" * 30, "is cut or damaged near byte"),
        (SOUND + b"rest", "is cut or damaged near byte"),
        (messages("11.1", rubin_packets())[:-4], "it ends within a message"),
        (b"\0" + b"\xff" * 50, "schema number 4,294,967,295"),
        (tar_of(rubin_packets())[:3000], "cannot be read as a tar archive|is cut or damaged"),
        (gzip.compress(SOUND)[:-20], "is cut or damaged"),
        (container(rubin_schema("11.1"), []), "there are no packets in it"),
        (parquet_of([{"ra": 1.0, "dec": 2.0}]), "is a table, without records in it"),
        (container(ONE_NUMBER, [{"b": 1}]), "packet 1 is none of Rubin's .* or ZTF's"),
        (SOUND.replace(b"diaSourceId", b"diaSourceXX"), "packet 1 is none of Rubin's: it has no diaSourceId;"),
        (parquet_of([{"diaSource": {"diaSourceId": None}}]), "packet 1 is none of Rubin's: .*diaSourceId is None"),
    ],
)  # fmt: skip
def test_what_is_no_alerts_is_refused_and_nothing_stored(
    content: bytes, told: str, tmp_path: Path, in_memory: Database
) -> None:
    path = written(tmp_path / "alerts", content)
    with pytest.raises(InputError, match=told) as error:
        ssdb.ingest_alerts(in_memory, path, create_visits=True)
    assert str(path) in str(error.value)
    assert str(error.value).endswith("; nothing is stored")
    assert rows(in_memory, "SELECT count(*) FROM DiaSource") == rows(in_memory, "SELECT count(*) FROM Visit") == [(0,)]


def unsigned(packets: list[Packet]) -> bytes:
    """Parquet whose whole numbers have no sign, which alone has numbers beyond those of a database."""

    def without_sign(kind: pa.DataType) -> pa.DataType:
        if pa.types.is_struct(kind):
            return pa.struct([field.with_type(without_sign(field.type)) for field in kind])
        if pa.types.is_list(kind):
            return pa.list_(without_sign(kind.value_type))
        return pa.uint64() if kind == pa.int64() else kind

    usual = {"diaSource": source(1), "prvDiaSources": [source(2)], "prvDiaForcedSources": [forced(1, 0, 5)]}
    file = io.BytesIO()
    kinds = {name: without_sign(pa.array([value]).type) for name, value in usual.items()}
    columns = {name: pa.array([one.get(name) for one in packets], kind) for name, kind in kinds.items()}
    parquet.write_table(pa.table(columns), file)
    return file.getvalue()


BEYOND = 2**63


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (parquet_of([{"diaSource": source(1, diaSourceId=-5)}]), "packet 1 is none of Rubin's: .*diaSourceId is -5"),
        (parquet_of([{"diaSource": source(1, diaSourceId=0)}]), "packet 1 is none of Rubin's: .*diaSourceId is 0"),
        (unsigned([{"diaSource": source(1, diaSourceId=BEYOND)}]), f"packet 1 is .*diaSourceId is {BEYOND}"),
        (unsigned([{"diaSource": source(1) | {"visit": BEYOND}}]), r"visit has a number beyond 2\^63 - 1"),
        (unsigned([{"diaSource": source(1, diaObjectId=BEYOND)}]), r"diaObjectId has a number beyond 2\^63 - 1"),
        (
            unsigned([{"diaSource": source(1), "prvDiaForcedSources": [forced(1, 0, 5) | {"diaObjectId": BEYOND}]}]),
            f"packet 1 is .*diaObjectId is {BEYOND}",
        ),
        (container(ZTF_SCHEMA, [ztf_packet(candid=-1)]), "packet 1 is none of ZTF's: .*candid is -1"),
    ],
)  # fmt: skip
def test_numbers_that_are_none_of_a_source_are_refused(
    content: bytes, told: str, tmp_path: Path, in_memory: Database
) -> None:
    with pytest.raises(InputError, match=f"{told}.*; nothing is stored$"):
        ssdb.ingest_alerts(in_memory, written(tmp_path / "a", content), create_visits=True)
    assert rows(in_memory, "SELECT count(*) FROM DiaSource") == [(0,)]


def test_earlier_sources_without_a_number_are_left_out_and_told(tmp_path: Path) -> None:
    history = [source(2, diaSourceId=number) for number in (0, 3, BEYOND)]
    path = written(tmp_path / "a", unsigned([{"diaSource": source(1, 1), "prvDiaSources": history}]))
    with ssdb.initialize("sqlite://") as database:
        report = ssdb.ingest_alerts(database, path, create_visits=True)
        assert (report.sources, report.history) == (1, 1)
        assert any(doubt.startswith("2 earlier sources left out: their identifiers are") for doubt in report.doubts)
        assert rows(database, "SELECT diaSourceId FROM DiaSource ORDER BY 1") == [(1,), (3,)]


@pytest.mark.parametrize("begin", [0, 100], ids=["at a header", "within it"])
@pytest.mark.parametrize("damaged", [False, True], ids=["cut", "damaged"])
def test_a_tar_archive_that_ends_at_a_header_is_not_whole(
    begin: int, damaged: bool, tmp_path: Path, in_memory: Database
) -> None:
    whole = tar_of(rubin_packets())
    at = whole.index(b"night/2.avro") + begin
    content = whole[:at] + (b"\x07" * 4 + whole[at + 4 :] if damaged else b"")
    with pytest.raises(InputError, match="cannot be read as a tar archive, is it complete"):
        ssdb.ingest_alerts(in_memory, written(tmp_path / "a.tar", content), create_visits=True)
    assert rows(in_memory, "SELECT count(*) FROM DiaSource") == [(0,)]


def test_sources_of_an_object_are_near_each_other(tmp_path: Path, in_memory: Database) -> None:
    packets = [{"diaSource": source(1, at=5)}, {"diaSource": source(2, 1, at=5, ra=260.0)}]
    path = written(tmp_path / "a.avro", parquet_of(packets))
    with pytest.raises(
        InputError, match=r"sources 1 and 2 are of diaObjectId 5 and 1\d\d deg apart; nothing is stored"
    ):
        ssdb.ingest_alerts(in_memory, path, create_visits=True)
    assert rows(in_memory, "SELECT count(*) FROM DiaObject") == [(0,)]


def test_without_the_extra_a_message_says_what_to_install(
    tmp_path: Path, in_memory: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = written(tmp_path / "m", messages("11.1", rubin_packets()))
    monkeypatch.setattr("ssdb.io.formats.avro.lsst_schemas", lambda: None)
    with pytest.raises(MissingPackageError, match=r"pip install 'ssdb-asteroids\[alerts\]', which has Rubin's"):
        ssdb.ingest_alerts(in_memory, message)
    monkeypatch.setitem(sys.modules, "fastavro", None)
    with pytest.raises(MissingPackageError, match=r"the package fastavro: pip install 'ssdb-asteroids\[alerts\]'"):
        ssdb.ingest_alerts(in_memory, written(tmp_path / "a.avro", SOUND))


def test_a_batch_is_stored_whole_or_not(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssdb.ingest.alerts._MOST_PACKETS", 2)
    packets = rubin_packets()
    packets[3]["diaSource"]["ra"] = 720.0
    path = written(tmp_path / "a.avro", container(rubin_schema("11.1"), packets))
    with pytest.raises(
        InputError, match=r"\(packets 3 to 4\), DiaSource: ra is not .*; the first 2 packets are stored"
    ):
        ssdb.ingest_alerts(database, path, create_visits=True)
    assert rows(database, "SELECT diaSourceId FROM DiaSource ORDER BY 1") == [(11,), (12,)]
    assert rows(database, "SELECT visit FROM Visit") == [(VISITS[0],)]
    path = written(tmp_path / "b.avro", container(rubin_schema("11.1"), rubin_packets()))
    assert ssdb.ingest_alerts(database, path, create_visits=True).sources == 2
    assert_consistent(database)


# ---- packets of others -----------------------------------------------------------------------------------------------


def test_rubin_s_own_packets(database: Database) -> None:
    path = shared_data("rubin_dec2025") / "rubin_sample_data_10_0.parquet"
    report = ssdb.ingest_alerts(database, path, create_visits=True, with_ss=True)
    assert (report.packets, report.sources, report.history, report.objects, report.predictions) == (25, 25, 40, 22, 3)
    # An object counts as many sources as the packets do, where these have all.
    table = parquet.read_table(path, columns=["diaSource", "diaObject", "prvDiaSources"]).to_pylist()
    said = {
        one["diaSource"]["diaObjectId"]: (one["diaObject"]["nDiaSources"], one["diaObject"]["ra"])
        for one in table
        if one["diaObject"] and one["diaObject"]["nDiaSources"] == 1 + len(one["prvDiaSources"] or ())
    }
    found = {
        number: (n, ra) for number, n, ra in rows(database, "SELECT diaObjectId, nDiaSources, ra FROM DiaObjectLast")
    }
    assert len(said) > 10
    assert {number: n for number, (n, _) in said.items()} == {number: found[number][0] for number in said}
    assert all(abs(found[number][1] - ra) < 0.2 / 3600 for number, (_, ra) in said.items())
    assert_consistent(database)
