"""A file of several tables: all are read, or the one that is meant; never the first one in silence."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.io.votable import writeto
from astropy.io.votable.tree import Resource, TableElement, VOTableFile
from astropy.table import Table
from click.testing import CliRunner
from ingesting import predictions, sources, visits
from pyarrow import parquet

import ssdb
from ssdb.cli import main
from ssdb.errors import ConfigError, InputError, UsageError
from ssdb.ingest.table.conform import conform
from ssdb.io.input_file import input_of
from ssdb.io.table_notes import not_plain
from ssdb.io.tables import read_columns
from ssdb.schema.survey import visit
from ssdb.store.database import Database

A = {"visit": [1, 2], "midpointMjdTai": [60000.0, 60001.0]}
B = {"visit": [3], "midpointMjdTai": [60002.0]}
OTHER = {"ccd": [1], "gain": [2.5]}


def fits_file(path: Path, *tables: dict[str, Any], names: tuple[str, ...] = ("ONE", "TWO", "THREE")) -> Path:
    hdus = [fits.BinTableHDU(Table(table), name=name) for table, name in zip(tables, names, strict=False)]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return path


def votable_file(path: Path, *tables: dict[str, Any], names: tuple[str, ...] = ("ONE", "TWO", "THREE")) -> Path:
    file = VOTableFile()
    for table, name in zip(tables, names, strict=False):
        resource = Resource()
        element = TableElement.from_table(file, Table(table))
        element.name = name
        resource.tables.append(element)
        file.resources.append(resource)
    writeto(file, str(path))
    return path


def hdf5_file(path: Path, *tables: dict[str, Any], names: tuple[str, ...] = ("ONE", "TWO", "THREE")) -> Path:
    with h5py.File(path, "w") as file:
        for table, name in zip(tables, names, strict=False):
            file[name] = Table(table).as_array()
    return path


CONTAINERS = {".fits": fits_file, ".vot": votable_file, ".h5": hdf5_file}


@pytest.fixture(params=list(CONTAINERS))
def ending(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_tables_with_the_same_columns_are_all_read(tmp_path: Path, ending: str) -> None:
    assert read_columns(CONTAINERS[ending](tmp_path / f"t{ending}", A, B)).to_pydict() == {
        "visit": [1, 2, 3],
        "midpointMjdTai": [60000.0, 60001.0, 60002.0],
    }


def test_the_order_of_columns_does_not_matter(tmp_path: Path, ending: str) -> None:
    path = CONTAINERS[ending](tmp_path / f"t{ending}", A, {name: B[name] for name in reversed(B)})
    assert read_columns(path)["visit"].to_pylist() == [1, 2, 3]


def test_tables_with_other_columns_are_listed_with_the_option(tmp_path: Path, ending: str) -> None:
    path = CONTAINERS[ending](tmp_path / f"t{ending}", A, OTHER)
    with pytest.raises(
        InputError, match=r"2 tables with different columns.*table=.*1 /?ONE \(2 rows of visit.*2 /?TWO"
    ):
        read_columns(path)


@pytest.mark.parametrize("wanted", ["ONE", "one", 1, "1"])
def test_the_one_that_is_wanted_is_read(tmp_path: Path, ending: str, wanted: str | int) -> None:
    path = CONTAINERS[ending](tmp_path / f"t{ending}", A, OTHER)
    assert read_columns(input_of(path, wanted))["visit"].to_pylist() == [1, 2]
    assert read_columns(input_of(path, "two"))["ccd"].to_pylist() == [1]


def test_one_that_is_not_there_is_told_with_those_that_are(tmp_path: Path, ending: str) -> None:
    path = CONTAINERS[ending](tmp_path / f"t{ending}", A, OTHER)
    with pytest.raises(InputError, match=r"no table FOUR in it; there are 1 /?ONE .*2 /?TWO"):
        read_columns(input_of(path, "FOUR"))


def test_different_units_are_different_columns(tmp_path: Path) -> None:
    one, two = Table({"ra": [1.0]}, units={"ra": "deg"}), Table({"ra": [1.0]}, units={"ra": "rad"})
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(one), fits.BinTableHDU(two)]).writeto(tmp_path / "t.fits")
    with pytest.raises(InputError, match="different columns"):
        read_columns(tmp_path / "t.fits")


def test_fits_ldac_needs_no_option(tmp_path: Path) -> None:
    """SExtractor's: the header of each image in a table of its own, and the sources behind it."""
    head = {"Field Header Card": [["SIMPLE  =                    T", "END"]]}
    path = fits_file(
        tmp_path / "t.cat", head, A, head, B, names=("LDAC_IMHEAD", "LDAC_OBJECTS", "LDAC_IMHEAD", "LDAC_OBJECTS")
    )
    assert read_columns(path)["visit"].to_pylist() == [1, 2, 3]
    assert read_columns(input_of(path, 4))["visit"].to_pylist() == [3]


def test_a_compressed_image_is_no_table(tmp_path: Path) -> None:
    hdus = [fits.PrimaryHDU(), fits.CompImageHDU(np.zeros((20, 20), np.int16)), fits.BinTableHDU(Table(A))]
    fits.HDUList(hdus).writeto(tmp_path / "t.fits")
    assert read_columns(tmp_path / "t.fits")["visit"].to_pylist() == [1, 2]


def test_keys_of_pandas(tmp_path: Path) -> None:
    with pd.HDFStore(tmp_path / "t.h5") as store:
        store.append("night/one", pd.DataFrame(A), data_columns=True)
        store.append("other", pd.DataFrame(OTHER), data_columns=True)
    assert read_columns(input_of(tmp_path / "t.h5", "/night/one"))["visit"].to_pylist() == [1, 2]


def test_units_that_astropy_wrote_into_hdf5(tmp_path: Path) -> None:
    Table({"ra": [1.0], "s": ["x"]}, units={"ra": "rad"}).write(tmp_path / "t.h5", path="a", serialize_meta=True)
    table = read_columns(tmp_path / "t.h5")
    assert table.schema.field("ra").metadata[b"unit"] == b"rad"


def fits_of(path: Path, *tables: dict[str, Any]) -> Path:
    fits.HDUList([fits.PrimaryHDU(), *(fits.BinTableHDU(Table(table)) for table in tables)]).writeto(path)
    return path


def test_times_of_which_some_are_in_single_precision_are_told(tmp_path: Path) -> None:
    times = np.array([60000.1])
    tables = [{"visit": [1], "midpointMjdTai": times}, {"visit": [2], "midpointMjdTai": times.astype(np.float32)}]
    (doubt,) = conform(
        read_columns(fits_of(tmp_path / "t.fits", *tables)), visit, "f", filled=("status", "diaStatus")
    ).doubts
    assert doubt.startswith("midpointMjdTai is in single precision")


@pytest.mark.parametrize("other", [["1"], [1.5]])
def test_columns_of_types_that_do_not_go_together(tmp_path: Path, other: list[Any]) -> None:
    path = fits_of(tmp_path / "t.fits", {"visit": [2**60 + 1]}, {"visit": other})
    with pytest.raises(InputError, match=r"t\.fits: its tables have columns of one name and of different types"):
        read_columns(path)


def test_columns_of_several_values_in_hdf5_are_named(tmp_path: Path) -> None:
    Table({"visit": [1], "snr": [[1.0, 2.0]]}).write(tmp_path / "t.h5", path="a")
    table = read_columns(tmp_path / "t.h5")
    assert (table.column_names, not_plain(table.schema)) == (["visit"], {"snr": ""})


# ---- folders and archives --------------------------------------------------------------------------------------------


def parts(folder: Path, *tables: dict[str, Any]) -> Path:
    folder.mkdir()
    for number, table in enumerate(tables):
        parquet.write_table(pa.table(table), folder / f"part-{number:05}.parquet")
    (folder / "_SUCCESS").touch()
    (folder / ".part-00000.parquet.crc").write_text("x")
    return folder


def test_a_folder_of_parquet_parts_is_one_table(tmp_path: Path) -> None:
    folder = parts(tmp_path / "night", A, {name: B[name] for name in reversed(B)})
    assert read_columns(folder)["visit"].to_pylist() == [1, 2, 3]


def test_a_folder_is_loaded_in_parts(database: Database, tmp_path: Path) -> None:
    n = 15_000
    ssdb.ingest_visits(database, visits())
    rows = [
        {"diaSourceId": np.arange(n) + k * n, "visit": [10] * n, "ra": np.full(n, 50.0), "dec": np.full(n, -5.0)}
        for k in range(2)
    ]
    report = ssdb.ingest_sources(database, parts(tmp_path / "night", *rows))
    assert report.rows == 2 * n


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: parquet.write_table(pa.table(OTHER), folder / "z.parquet"), "z.parquet has other columns"),
        (lambda folder: (folder / "notes.csv").write_text("a"), r"other things than Parquet files in it \(notes.csv\)"),
        (lambda folder: (folder / "visit=3").mkdir(), r"other things than Parquet files in it \(visit=3\)"),
    ],
)
def test_a_folder_of_other_things_is_refused(tmp_path: Path, spoil: Any, said: str) -> None:
    folder = parts(tmp_path / "night", A)
    spoil(folder)
    with pytest.raises(InputError, match=said):
        read_columns(folder)


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz", ".csv"])
def test_an_archive_is_told_with_what_is_inside(tmp_path: Path, ending: str) -> None:
    (tmp_path / "a.csv").write_text("visit\n1\n")
    path = tmp_path / f"t{ending}"
    if "tar" in ending:
        with tarfile.open(path, "w:gz" if ending.endswith("gz") else "w") as archive:
            archive.add(tmp_path / "a.csv", "night/a.csv")
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(tmp_path / "a.csv", "night/a.csv")
    with pytest.raises(InputError, match=r"is a (zip|tar) archive with night/a\.csv: unpack it"):
        read_columns(path)


def avro(schema: dict[str, Any]) -> bytes:
    def number(n: int) -> bytes:
        n, content = 2 * n, b""
        while n > 0x7F:
            content, n = content + bytes([n & 0x7F | 0x80]), n >> 7
        return content + bytes([n])

    text = json.dumps(schema).encode()
    entries = [(b"avro.codec", b"null"), (b"avro.schema", text)]
    pairs = b"".join(number(len(part)) + part for entry in entries for part in entry)
    return b"Obj\x01" + number(len(entries)) + pairs + b"\0" + bytes(16)


CANDIDATE = {"type": "record", "name": "c", "fields": [{"name": n, "type": "double"} for n in ("jd", "ra", "dec")]}
ALERT = {
    "type": "record",
    "name": "alert",
    "fields": [{"name": "objectId", "type": "string"}, {"name": "candidate", "type": ["null", CANDIDATE]}],
}


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.avro", avro(ALERT), "Avro"),
        ("a.json", b'[{"objectId": "ZTF1", "candidate": {"jd": 1, "ra": 2, "dec": 3}}]', "JSON"),
        ("a.csv", b'{"objectId": "ZTF1", "candidate": {"jd": 1, "ra": 2, "dec": 3}}', "JSON"),
    ],
)
def test_alerts_are_told_with_what_is_inside(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"is {kind}.*objectId, candidate \(jd, ra, dec\).*Parquet or CSV"):
        read_columns(tmp_path / name)


@pytest.mark.parametrize("more", [{}, {"objectId": ["ZTF1"]}])
def test_records_within_parquet_are_told(database: Database, tmp_path: Path, more: dict[str, Any]) -> None:
    table = pa.table({"candidate": [{"jd": 1.0, "ra": 2.0, "dec": 3.0}], "prv": [[{"jd": 1.0}]], **more})
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"candidate \(jd, ra, dec\), prv \(jd\)"):
        ssdb.ingest_sources(database, tmp_path / "a.parquet")


# ---- at every door ---------------------------------------------------------------------------------------------------


def test_every_door_takes_the_option(database: Database, tmp_path: Path) -> None:
    corners = {"visit": [10] * 4, "detector": [1] * 4, "corner": [0, 1, 2, 3]}
    corners |= {"ra": [49.0, 51.0, 51.0, 49.0], "dec": [-6.0, -6.0, -4.0, -4.0]}
    positions = {"ra": [50.0], "dec": [-5.0], "midpointMjdTai": [60000.1]}
    for kind, table in {
        "visits": visits(),
        "detectors": corners,
        "sources": sources(),
        "predictions": predictions(),
    }.items():
        path = fits_file(tmp_path / f"{kind}.fits", OTHER, table)
        ingest = getattr(ssdb, f"ingest_{kind}")
        with pytest.raises(InputError, match="table="):
            ingest(database, path)
        assert ingest(database, path, table="TWO").rows
    path = fits_file(tmp_path / "positions.fits", OTHER, positions)
    ssdb.associate(database)
    answer = ssdb.named_query(database, "match-objects", upload=path, table=2)
    assert answer.rows


def test_on_the_command_line(sqlite_url: str, tmp_path: Path) -> None:
    path = fits_file(tmp_path / "visits.fits", OTHER, A)
    run = CliRunner().invoke(main, ["--db", sqlite_url, "init"])
    assert run.exit_code == 0, run.output
    run = CliRunner().invoke(main, ["--db", sqlite_url, "ingest", "visits", str(path)])
    assert run.exit_code == 1
    assert "--table NAME|NUMBER" in run.stderr
    for option in ("--table", "--hdu"):
        run = CliRunner().invoke(main, ["--db", sqlite_url, "ingest", "visits", option, "2", str(path)])
        assert run.exit_code == 0, run.output


def test_a_table_in_memory_has_no_other(database: Database) -> None:
    with pytest.raises(ConfigError, match="in memory"):
        ssdb.ingest_visits(database, A, table="ONE")


def test_a_format_of_one_table_has_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("visit\n1\n")
    with pytest.raises(UsageError, match="is CSV, which has one table: table="):
        read_columns(input_of(tmp_path / "a.csv", "ONE"))
