"""Files that are odd in one way each: refused in one line that names what is odd, or read. Nothing is half-stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import identifications as names
import numpy as np
import orbit_files
import pyarrow as pa
import pyarrow.parquet
import pytest
from astropy.io import fits
from astropy.table import Table
from click.testing import CliRunner
from images import IDENTITY, header, image
from ingesting import load_night, predictions, refused, rows, sources, visits

import ssdb
from ssdb.cli import main
from ssdb.errors import DesignationError, SsdbError
from ssdb.identity.designation import pack
from ssdb.store.database import Database

SORCHA = {"ObjID": ["433"], "FieldID": [10], "fieldMJD_TAI": [60000.1], "RA_deg": [50.0], "Dec_deg": [-5.0]}
SORCHA_ORBITS: dict[str, list[Any]] = {"ObjID": ["433"], "FORMAT": ["COM"], "q": [2.1], "e": [0.2], "inc": [10.0]}
SORCHA_ORBITS |= {"node": [20.0], "argPeri": [30.0], "t_p_MJD_TDB": [54700.0], "epochMJD_TDB": [54800.0]}
TEXTS: dict[str, tuple[Callable[..., Any], dict[str, list[Any]]]] = {
    "visits.csv": (ssdb.ingest_visits, visits()),
    "sources.csv": (ssdb.ingest_sources, sources()),
    "predictions.csv": (ssdb.ingest_predictions, predictions()),
    "sorcha.csv": (ssdb.ingest_predictions, SORCHA),
    "orbits.csv": (ssdb.ingest_orbits, orbit_files.columns(orbit_files.mpc_row())),
    "sorcha_orbits.csv": (ssdb.ingest_orbits, SORCHA_ORBITS),
    "numbered.csv": (ssdb.ingest_identifications, names.EROS),
}


@pytest.fixture
def database(memory: Database) -> Database:
    """How files are read does not depend on the database."""
    return memory


def as_text(columns: dict[str, list[Any]]) -> str:
    lines = [columns.keys(), *zip(*columns.values(), strict=True)]
    return "".join(",".join("" if value is None else str(value) for value in line) + "\n" for line in lines)


@pytest.mark.parametrize("kind", TEXTS)
def test_names_of_columns_in_latin_1(database: Database, tmp_path: Path, kind: str) -> None:
    ingest, columns = TEXTS[kind]
    path = tmp_path / kind
    path.write_bytes(as_text({**columns, "größe": [1] * len(next(iter(columns.values())))}).encode("latin-1"))
    refused(database, ingest, path, str(path), "UTF-8")


@pytest.mark.parametrize("kind", TEXTS)
def test_a_column_that_is_there_twice(database: Database, tmp_path: Path, kind: str) -> None:
    ingest, columns = TEXTS[kind]
    path = tmp_path / kind
    lines = [f"{line},{line.split(',')[0]}" for line in as_text(columns).splitlines()]
    path.write_text("\n".join(lines) + "\n")
    refused(database, ingest, path, str(path), f"more than one column is named {next(iter(columns))}")


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
@pytest.mark.parametrize("kind", TEXTS)
def test_ends_of_lines_of_every_system(database: Database, tmp_path: Path, kind: str, end: str) -> None:
    ingest, columns = TEXTS[kind]
    load_night(database, associated=False)
    path = tmp_path / kind
    if kind == "sources.csv":
        columns = {**columns, "diaSourceId": list(range(901, 909))}
    if kind in ("predictions.csv", "sorcha.csv"):
        columns = {**columns, ("ObjID" if kind == "sorcha.csv" else "designation"): [f"2020 A{c}" for c in "ABCD"]}
        columns = {name: values[: len(columns[next(iter(columns))])] for name, values in columns.items()}
    text = as_text({name: values[: min(map(len, columns.values()))] for name, values in columns.items()})
    path.write_bytes(text.replace("\n", end).encode())
    assert ingest(database, path).rows == text.count("\n") - 1


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("place", [0, 1])
def test_a_stray_quote(database: Database, tmp_path: Path, kind: str, place: int) -> None:
    ingest, columns = TEXTS[kind]
    lines = as_text(columns).splitlines()
    lines[place] = f'"{lines[place]}'
    path = tmp_path / kind
    path.write_text("\n".join(lines) + "\n")
    refused(database, ingest, path, str(path))


def test_a_unit_that_is_not_utf_8(database: Database, tmp_path: Path) -> None:
    table = pa.table(visits())
    index = table.column_names.index("midpointMjdTai")
    odd = table.schema.field(index).with_metadata({b"unit": b"\xb5d", b"description": b"\xe9"})
    path = tmp_path / "visits.parquet"
    pa.parquet.write_table(table.cast(table.schema.set(index, odd)), path)
    refused(database, ssdb.ingest_visits, path, str(path), "midpointMjdTai", "unit")


@pytest.mark.parametrize(
    "unit", ["10**(9", "m" * 5000, "(" * 5000, "1e400 deg", "deg**999999999999", "\0", "d d d", "/"]
)
def test_units_that_are_none(database: Database, unit: str) -> None:
    load_night(database, associated=False)
    table = pa.table({**sources(), "diaSourceId": list(range(901, 909)), "psfFlux": [1.0] * 8})
    for name in ("ra", "psfFlux"):
        index = table.column_names.index(name)
        odd = table.set_column(index, table.schema.field(index).with_metadata({b"unit": unit.encode()}), table[name])
        assert len(refused(database, ssdb.ingest_sources, odd, name)) < 500


STRUCTURED = np.array([(1, 2), (3, 4), (5, 6), (7, 8)], [("a", "i8"), ("b", "i8")])


@pytest.mark.parametrize("odd", [STRUCTURED, np.ones((4, 2)), [[1]] * 4, [{"a": 1}] * 4, [None] * 4, [b"\xff"] * 4])
@pytest.mark.parametrize("name", ["visit", "designation", "ssObjectId", "ephRa", "id"])
def test_identifiers_that_are_structures(database: Database, name: str, odd: Any) -> None:
    load_night(database, associated=False)
    given = {**predictions(), name: odd} | ({} if name != "id" else {"visit": odd})
    if name == "ssObjectId" and not isinstance(odd[0], bytes):
        # The designation says which object it is; another number for it is not needed.
        report = ssdb.ingest_predictions(database, given)
        assert (report.unchanged, report.rows) == (4, 4)
        assert name in report.left_out or odd == [None] * 4
    else:
        refused(database, ssdb.ingest_predictions, given)
    assert len(rows(database, "SsPrediction")) == 4
    table = Table({**predictions(), name: odd}) if isinstance(odd, np.ndarray) else None
    if table is not None and name in ("visit", "ephRa"):
        refused(database, ssdb.ingest_predictions, table, name)


MANY_DIGITS = "9" * 5000


@pytest.mark.parametrize(
    "text", [MANY_DIGITS, f"({MANY_DIGITS})", f"{MANY_DIGITS}P", f"2015 MQ{MANY_DIGITS}", "４３３", "C/" * 99]
)
def test_designations_that_are_none(sqlite_url: str, tmp_path: Path, database: Database, text: str) -> None:
    with pytest.raises(DesignationError) as caught:
        pack(text)
    assert len(str(caught.value)) < 400
    load_night(database, associated=False)
    table = {**predictions(), "designation": [text, "1", "2", "3"]}
    assert len(refused(database, ssdb.ingest_predictions, table, "row")) < 800
    with pytest.raises(SsdbError):
        ssdb.resolve(database, text)
    result = CliRunner().invoke(main, ["--db", sqlite_url, "resolve", text])
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert len(result.stderr) < 1000


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-01",
        "{a: 2026-13-45}",
        "!odd x",
        "!!timestamp x",
        "!!int x",
        "!!binary x",
        "[" * 5000,
        "{a: " * 3000,
        "*no",
        "&a [*a]",
        "!!set {a}",
        "0x" + "f" * 5000,
        MANY_DIGITS,
        "{column: 2026-01-01}",
        "{constant: 2026-01-01}",
        "{constant: 0x" + "f" * 5000 + "}",
        "{column: ra, values: {0x" + "f" * 5000 + ": a}}",
        "{column: ra, unit: '(((('}",
        "{column: ra, values: {a: [1]}}",
        "{column: ra, values: {[1]: a}}",
        "{constant: !!binary aGk=}",
        "{<<: 3}",
        "\xa0\0",
        "!!python/object/apply:os.mkdir [MARK]",
        "!!python/name:os.mkdir",
    ],
)
def test_column_maps_with_odd_values(database: Database, tmp_path: Path, value: str) -> None:
    path, mark = tmp_path / "map.yaml", tmp_path / "mark"
    path.write_text(f"columns:\n  ra: {value.replace('MARK', str(mark))}\n", encoding="utf-8")
    message = refused(database, ssdb.ingest_sources, sources(), str(path), columns=path)
    assert len(message) < 1500
    assert not mark.exists()


def test_a_column_map_that_doubles_itself_takes_no_memory(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40)]
    path.write_text("\n".join([*lines, "columns: {ra: *a39}"]) + "\n")
    refused(database, ssdb.ingest_sources, sources(), "stands for more than 1,000,000 values", columns=path)
    path.write_text("columns:\n  ra: {column: &a0 [x, x], unit: " + "[" + "*a0, " * 1000 + "]}\n")
    assert len(refused(database, ssdb.ingest_sources, sources(), "ra", columns=path)) < 500


@pytest.mark.parametrize(
    "card",
    [
        "CRVAL1  = 'a",
        "CRVAL1  = 1.2.3",
        "CTYPE1  = 'RA---\xe9'",
        "CONTINUE  'a&'",
        "CRVAL1  =",
        "CTYPE1  =   RA---TAN",
        "VISIT   = 10 10",
        f"VISIT   = {'9' * 60}",
        "VISIT   = 1.5E400",
        "DATE-OBS= 'T'",
        "MJD-OBS = 1E308",
        "EXPTIME = 'long'",
        "=======",
        "HIERARCH = = =",
        "NAXIS1  = 'two'",
        "NAXIS1  = 1E3",
        "A_ORDER = 99",
        "A_ORDER = 'x'",
        "PV1_1   = 'x'",
        "RADESYS = 3",
        "EQUINOX = 'x'",
        "CUNIT1  = 'furlong'",
    ],
)
@pytest.mark.parametrize("text", [False, True])
def test_cards_that_cannot_be_read(database: Database, tmp_path: Path, card: str, text: bool) -> None:
    load_night(database, associated=False)
    cards = header(width=200, height=100, **IDENTITY)
    cards.update({"DATE-OBS": "2023-02-25T02:23:23", "EXPTIME": 30.0, "EQUINOX": 2000.0, "BLANK1": 1})
    keyword = card.partition("=")[0].strip()
    sound = image(tmp_path / "a.fits", cards).read_bytes() if not text else cards.tostring(sep="\n").encode()
    ends = next((at for at in range(0, len(sound), 1) if sound[at:].startswith(keyword.ljust(8).encode() + b"=")), None)
    at = sound.index(b"BLANK1  =") if ends is None else ends
    path = tmp_path / ("a.hdr" if text else "a.fits")
    path.write_bytes(sound[:at] + card.encode("latin-1").ljust(80) + sound[at + 80 :])
    try:
        ssdb.ingest_detectors(database, path)
    except SsdbError:
        assert len(refused(database, ssdb.ingest_detectors, path, str(path))) < 800


def test_text_of_fits_that_is_not_utf_8(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "visits.fits"
    columns = [fits.Column("visit", "K", array=[10]), fits.Column("midpointMjdTai", "D", array=[60000.1])]
    columns.append(fits.Column("band", "4A", array=np.array([b"\xe9t\xe9"])))
    fits.BinTableHDU.from_columns(columns).writeto(path)
    refused(database, ssdb.ingest_visits, path, str(path))


def test_half_precision_is_read_everywhere(database: Database, tmp_path: Path) -> None:
    columns = {**names.current(("2010 AB", "2011 CD5")), "published": pa.array(np.array([4.0], np.float16))}
    assert ssdb.ingest_identifications(database, pa.table(columns)).rows == 1
    half = {**visits(), "exposureTime": pa.array(np.array([30.0, 30.0], np.float16))}
    assert ssdb.ingest_visits(database, pa.table(half)).rows == 2
    assert [row["exposureTime"] for row in rows(database, "Visit")] == [30.0, 30.0]
