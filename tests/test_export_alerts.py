"""Packets of alerts out: valid by Rubin's own check, and the same rows when they come in again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import fastavro
import pytest
from click.testing import CliRunner
from ingesting import rows
from lsst.alert.packet import Schema, get_path_to_latest_schema

import ssdb
from ssdb.cli import main
from ssdb.errors import ConfigError, InputError, NotFoundError
from ssdb.schema.apdb_dia import dia_source
from ssdb.store.database import Database

NEEDED = ("x", "y", "psfNdata", "trailNdata", "dipoleNdata", "timeProcessedMjdTai", "bboxSize")
"""What the schema of sources wants, and a table of sources may lack."""

TIMES = {10: 61041.1, 20: 61041.2, 30: 61100.3}
Row = dict[str, Any]


def load(database: Database) -> None:
    """A variable star seen three times, with forced fluxes; a source once; an asteroid, with its orbit."""
    ssdb.ingest_visits(
        database,
        {
            "visit": list(TIMES),
            "midpointMjdTai": list(TIMES.values()),
            "observatoryCode": ["X05"] * 3,
            "band": ["r"] * 3,
        },
    )
    sources = {
        "diaSourceId": [101, 201, 202, 203, 301],
        "visit": [10, 20, 20, 20, 30],
        "detector": [1, 1, 2, 2, 1],
        "ra": [50.0, 50.00001, 50.5, 50.7, 50.0],
        "dec": [-5.0] * 5,
        "raErr": [1e-5] * 5,
        "decErr": [2e-5] * 5,
        "psfFlux": [1000.0, 1100.5, 500.0, -300.0, 900.0],
        "psfFluxErr": [10.0, None, 10.0, 10.0, 10.0],
        "band": ["r", "r", "r", "g", "r"],
        "midpointMjdTai": [TIMES[10], TIMES[20], TIMES[20] + 1e-5, TIMES[20], TIMES[30]],
        "reliability": [0.5, None, 0.75, 1.0, 0.25],
        "isDipole": [True, None, False, False, False],
        "psfNdata": [41, 41, None, 41, 41],
        "x": [None, 1.5, 2.5, 3.5, 4.5],
    }
    ssdb.ingest_sources(database, sources)
    eros = {"ephRa": [50.50001], "ephDec": [-5.00001], "ephRateRa": [0.1], "ephRateDec": [-0.2], "ephVmag": [17.5]}
    ssdb.ingest_predictions(database, {"visit": [20], "designation": ["433"], **eros}, complete=True)
    elements = {"q": [1.13], "e": [0.222], "i": [10.8], "node": [304.3], "argperi": [178.8], "peri_time": [61080.0]}
    written = {
        "created_at": ["2026-01-02T03:04:05.678"],
        "mpc_orb_jsonb": ['{"a": 1}'],
        "epoch_mjd": [61000.0],
        "h": [10.4],
    }
    names = {
        "packed_primary_provisional_designation": ["00433"],
        "unpacked_primary_provisional_designation": ["433"],
    }
    ssdb.ingest_orbits(database, names | elements | written, format="mpc_orbits")
    ssdb.associate(database)
    ssdb.associate_dia(database)
    (star,) = [row["diaObjectId"] for row in rows(database, "DiaObjectLast") if row["nDiaSources"] == 3]
    assert star == 101
    forced = {"diaObjectId": [star] * 3, "visit": list(TIMES), "detector": [1] * 3, "ra": [50.0] * 3, "dec": [-5.0] * 3}
    ssdb.ingest_forced(
        database, forced | {"psfFlux": [990.0, None, 910.0], "psfFluxErr": [5.0] * 3, "scienceFlux": [1.0] * 3}
    )


@pytest.fixture(scope="module")
def loaded(module_database_url: str) -> Iterator[Database]:
    with ssdb.connect(module_database_url) as database:
        load(database)
        yield database


def packets(path: Path) -> list[Row]:
    with path.open("rb") as file:
        return list(fastavro.reader(file))


def without(found: list[Row], *names: str) -> list[Row]:
    return [{name: value for name, value in row.items() if name not in names} for row in found]


def test_packets_are_valid_and_have_what_belongs_to_them(loaded: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    assert ssdb.export_alerts(loaded, path, fill_unknown=True) == 5
    schema = Schema.from_file(get_path_to_latest_schema())
    found = packets(path)
    for packet in found:
        assert schema.validate(packet)
        assert schema.deserialize(schema.serialize(packet))["diaSourceId"] == packet["diaSourceId"]
    assert [packet["diaSourceId"] for packet in found] == [101, 201, 202, 203, 301]
    by_id = {packet["diaSourceId"]: packet for packet in found}
    history = {
        number: [one["diaSourceId"] for one in packet["prvDiaSources"] or ()] for number, packet in by_id.items()
    }
    assert history == {101: [], 201: [101], 202: [], 203: [], 301: [101, 201]}
    fluxes = {number: len(packet["prvDiaForcedSources"] or ()) for number, packet in by_id.items()}
    assert fluxes == {101: 1, 201: 2, 202: 0, 203: 0, 301: 3}
    assert by_id[301]["diaObject"]["nDiaSources"] == 3
    assert (by_id[202]["diaObject"], by_id[202]["ssSource"]["designation"]) == (None, "433")
    assert by_id[202]["mpc_orbits"]["q"] == 1.13
    assert by_id[202]["mpc_orbits"]["created_at"].isoformat() == "2026-01-02T03:04:05.678000+00:00"
    assert by_id[301]["ssSource"] is None


def test_in_again_they_are_the_same_rows(loaded: Database, tmp_path: Path, database: Database) -> None:
    path = tmp_path / "a.avro"
    ssdb.export_alerts(loaded, path, fill_unknown=True)
    report = ssdb.ingest_alerts(database, path, create_visits=True, with_ss=True)
    assert (report.packets, report.visits, report.withoutVisit) == (5, 3, 0)
    results = ("ssObjectId", "ssObjectReassocTimeMjdTai")
    same = {
        "DiaSource": results,
        "DiaForcedSource": (),
        "DiaObject": ("validityStartMjdTai",),  # it holds from now on
        "DiaObjectLast": ("validityStartMjdTai", "searchRa"),  # which may stay behind ra
        "DiaObjectMoment": (),
        "mpc_orbits": (),
    }
    for table, but in same.items():
        assert without(rows(database, table), *but) == without(rows(loaded, table), *but), table
        assert rows(database, table)
    # A prediction is that of the source's own time.
    (new,), (old,) = rows(database, "SsPrediction"), rows(loaded, "SSSource")
    for name in ("visit", "ssObjectId", "designation", "ephRa", "ephDec", "ephVmag", "ephRateRa"):
        assert new[name] == old[name]
    assert new["midpointMjdTai"] == TIMES[20] + 1e-5
    # And from there on it goes the same way.
    ssdb.associate(database)
    ssdb.associate_dia(database, solar_system=False)
    assert without(rows(database, "DiaSource"), results[1]) == without(rows(loaded, "DiaSource"), results[1])
    assert [one.name for one in ssdb.check(database) if one.n_violations] == []


def test_what_the_schema_wants_and_is_unknown_is_refused_by_name(loaded: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    with pytest.raises(
        InputError, match="visit 10: x, y, trailNdata, dipoleNdata, timeProcessedMjdTai, bboxSize"
    ) as error:
        ssdb.export_alerts(loaded, path)
    assert "of diaSource are unknown" in str(error.value)
    assert "fill_unknown=True writes NaN and -1" in str(error.value)
    with pytest.raises(InputError, match=r"a\.parquet: packets of alerts are written as Avro"):
        ssdb.export_alerts(loaded, tmp_path / "a.parquet", fill_unknown=True)
    assert list(tmp_path.iterdir()) == []


def test_no_other_fields_of_sources_are_wanted() -> None:
    """What ssdb has in every row needs no filling."""
    definition = Schema.from_file(get_path_to_latest_schema()).definition
    (fields,) = (field["type"]["fields"] for field in definition["fields"] if field["name"] == "diaSource")
    wanted = {field["name"] for field in fields if not isinstance(field["type"], list)}
    assert {name for name in wanted if dia_source.c[name].nullable} == set(NEEDED)


def test_visits_and_history_are_chosen(loaded: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    assert ssdb.export_alerts(loaded, path, visits=[30], history=50.0, fill_unknown=True) == 1
    (packet,) = packets(path)
    assert packet["prvDiaSources"] is None
    assert len(packet["prvDiaForcedSources"]) == 1
    assert ssdb.export_alerts(loaded, path, visits=[30], history=59.15, fill_unknown=True) == 1
    assert [one["diaSourceId"] for one in packets(path)[0]["prvDiaSources"]] == [201]
    with pytest.raises(NotFoundError, match="visit 31"):
        ssdb.export_alerts(loaded, path, visits=[31], fill_unknown=True)
    with pytest.raises(ConfigError, match="must be days"):
        ssdb.export_alerts(loaded, path, history=-1.0)
    assert len(packets(path)) == 1


def test_without_sources_there_is_no_file(database_url: str, tmp_path: Path) -> None:
    """As where nothing is to be reported; of a visit that there is not it is an error."""
    path = tmp_path / "a.avro"
    command = ["--db", database_url, "export", "alerts", "-o", str(path)]
    runs = [CliRunner().invoke(main, command)]
    with ssdb.connect(database_url) as database:
        assert ssdb.export_alerts(database, path) == 0
        ssdb.ingest_visits(database, {"visit": [10], "midpointMjdTai": [TIMES[10]]})
    runs += [CliRunner().invoke(main, command), CliRunner().invoke(main, [*command, "--visit", "10"])]
    told = "there are no sources to make packets of, and no file was written\n"
    assert [(run.exit_code, run.stderr) for run in runs] == [(0, told)] * 3
    run = CliRunner().invoke(main, [*command, "--visit", "10", "--visit", "11"])
    assert (run.exit_code, run.stderr) == (1, "ssdb: visit 11 is not in the database\n")
    assert list(tmp_path.glob("*.avro")) == []


def test_on_the_command_line(sqlite_url: str, tmp_path: Path) -> None:
    with ssdb.connect(sqlite_url) as database:
        load(database)
    out = tmp_path / "out"
    out.mkdir()
    command = ["--db", sqlite_url, "export", "alerts", "-o", str(out / "a.avro")]
    run = CliRunner().invoke(main, command)
    assert run.exit_code == 1
    assert "--fill-unknown writes NaN and -1" in run.stderr
    run = CliRunner().invoke(main, [*command, "--fill-unknown", "--visit", "20"])
    assert run.exit_code == 0, run.output
    assert run.stderr.endswith("a.avro: 3 packets\n")
    assert CliRunner().invoke(main, [*command, "--since", "61000"]).exit_code == 2
    table = ["--db", sqlite_url, "export", "Visit", "-o", str(out / "v.csv")]
    assert CliRunner().invoke(main, [*table, "--fill-unknown"]).exit_code == 2


def test_who_listens_gets_packets(postgresql_url: str, tmp_path: Path) -> None:
    """Of each visit as soon as it is associated, in a folder that is made."""
    folder = tmp_path / "outgoing" / "alerts"
    with ssdb.connect(postgresql_url) as database:
        load(database)
        arguments = ["--db", postgresql_url, "listen", "--timeout", "60", "--count", "1", "--alerts", str(folder)]
        runs: list[Any] = []
        listener = Thread(target=lambda: runs.append(CliRunner().invoke(main, [*arguments, "--fill-unknown"])))
        listener.start()
        while listener.is_alive():
            ssdb.associate(database, visits=[20])
            listener.join(0.5)
        (run,) = runs
        assert run.exit_code == 0, run.output
        assert '"visit": 20' in run.stdout
        assert run.stderr == f"{folder}: this folder was made\n"
        path = folder / "20.avro" / "in it"
        run = CliRunner().invoke(main, [*arguments[:-1], str(path)])
        assert (run.exit_code, run.stderr) == (1, f"ssdb: {path}: cannot be written: Not a directory\n")
    assert [packet["diaSourceId"] for packet in packets(folder / "20.avro")] == [201, 202, 203]


def test_packets_of_who_listens_need_a_folder(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    command = ["--db", sqlite_url, "listen", "--alerts"]
    run = CliRunner().invoke(main, [*command, str(tmp_path / "file")])
    assert (run.exit_code, "file' is a file" in run.stderr) == (2, True)
    run = CliRunner().invoke(main, [*command, str(tmp_path / "new")])
    assert run.exit_code == 1
    assert "only PostgreSQL tells" in run.stderr
    assert [one.name for one in tmp_path.iterdir() if one.suffix != ".db"] == ["file"]
