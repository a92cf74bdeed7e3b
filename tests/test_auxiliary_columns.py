"""A column that nothing needs never stops a file: it is left out, NULL, and named. And units in other spellings."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from astropy import units as u
from click.testing import CliRunner
from ingesting import sources, visits
from pyarrow import parquet

import ssdb
from ssdb.cli import main
from ssdb.errors import InputError
from ssdb.io.units import parsed_unit
from ssdb.io.writers import write_columns
from ssdb.store.database import Database


@pytest.fixture
def database(memory: Database) -> Database:
    """How files are read does not depend on the database."""
    return memory


@pytest.fixture
def night(database: Database) -> Database:
    ssdb.ingest_visits(database, visits())
    return database


def file_of(path: Path, more: dict[str, Any], units: dict[str, str]) -> Path:
    columns = sources() | more
    arrays = {name: pa.array(values) for name, values in columns.items()}
    fields = [pa.field(n, a.type, metadata={"unit": units[n]} if n in units else None) for n, a in arrays.items()]
    write_columns(pa.table(list(arrays.values()), schema=pa.schema(fields)), path)
    return path


@pytest.mark.parametrize("ending", [".vot", ".fits", ".ecsv", ".parquet"])
def test_a_unit_that_cannot_be_converted(night: Database, tmp_path: Path, ending: str) -> None:
    path = file_of(tmp_path / f"s{ending}", {"trailLength": [3.0] * 8, "snr": [5.0] * 8}, {"trailLength": "pix"})
    report = ssdb.ingest_sources(night, path)
    assert report.rows == 8
    assert report.left_out == ("trailLength",)
    assert any("column trailLength has the unit 'pix'" in doubt for doubt in report.doubts)
    stored = ssdb.query(night, 'SELECT DISTINCT "trailLength", "snr" FROM "DiaSource"').rows
    assert stored == [(None, 5.0)]


@pytest.mark.parametrize(
    ("name", "unit"), [("ra", "pix"), ("psfFlux", "mag"), ("midpointMjdTai", "kg"), ("raErr", "pix")]
)
def test_a_needed_column_is_an_error(night: Database, tmp_path: Path, name: str, unit: str) -> None:
    more = {"psfFlux": [3.0] * 8, "raErr": [0.1] * 8, "midpointMjdTai": [60000.1] * 4 + [60000.2] * 4}
    path = file_of(tmp_path / "s.vot", more, {name: unit})
    with pytest.raises(InputError, match=rf"column {name} has the unit '{unit}'"):
        ssdb.ingest_sources(night, path)


@pytest.mark.parametrize("column", ["note", "extendedness_comment", "pixelFlags_note"])
def test_latin_1_in_a_text_that_nobody_wants(night: Database, tmp_path: Path, column: str) -> None:
    rows = zip(*sources().values(), strict=True)
    lines = [",".join([*sources(), column]), *(",".join([*map(str, row), "caf\xe9"]) for row in rows)]
    (tmp_path / "s.csv").write_bytes("\n".join(lines).encode("latin-1") + b"\n")
    report = ssdb.ingest_sources(night, tmp_path / "s.csv")
    assert report.rows == 8
    assert report.left_out == (column,)


def _texts(values: list[bytes]) -> pa.Array:
    offsets = pa.array([0, *itertools.accumulate(map(len, values))], pa.int32())
    return pa.StringArray.from_buffers(len(values), offsets.buffers()[1], pa.py_buffer(b"".join(values)))


@pytest.mark.parametrize("n", [8, 30_000])
def test_latin_1_in_a_column_of_the_data_model(night: Database, tmp_path: Path, n: int) -> None:
    """Also where it is in a late part of a long file."""
    numbers = list(range(n))
    columns = {"diaSourceId": numbers, "visit": [10] * n, "ra": [50.0] * n, "dec": [-5.0] * n}
    name = "reliabilityVersion"
    texts = _texts([b"v1"] * (n - 1) + [b"v\xe9"])
    parquet.write_table(pa.table(columns | {name: texts}), tmp_path / "s.parquet")
    report = ssdb.ingest_sources(night, tmp_path / "s.parquet")
    assert report.rows == n
    assert any(f"column {name} is not UTF-8 text" in doubt for doubt in report.doubts)


@pytest.mark.parametrize(
    ("name", "unit", "cure"),
    [
        ("psfFlux", "mag", "`psfFlux: {column: psfFlux, convert: ABmag}`"),
        ("psfFluxErr", "mag", "`psfFluxErr: {column: psfFluxErr, convert: ABmag_error, magnitude: COLUMN}`"),
        ("psfFlux", "adu", "`psfFlux: {column: psfFlux, unit: nJy}`"),
        ("midpointMjdTai", "JD", "`midpointMjdTai: {column: midpointMjdTai, convert: time, format: jd, scale: utc}`"),
        ("midpointMjdTai", "MJD (UTC)", "convert: time, format: mjd, scale: utc}`"),
    ],
)
def test_the_error_shows_a_map(night: Database, tmp_path: Path, name: str, unit: str, cure: str) -> None:
    path = file_of(tmp_path / "s.parquet", {name: [60000.1] * 4 + [60000.2] * 4}, {name: unit})
    with pytest.raises(InputError) as error:
        ssdb.ingest_sources(night, path)
    assert cure in str(error.value)


def test_words_for_no_value(night: Database, tmp_path: Path) -> None:
    """Of databases, Python, pandas and astropy: in numbers, texts, logical values and identifiers, one a row."""
    words = ["NULL", "null", "None", r"\N", "<NA>", "--", "N/A", ""]
    names = ["psfFlux", "snr", "band", "isDipole", "diaObjectId"]
    rows = [
        (*row, *[word] * len(names)) for row, word in zip(zip(*sources().values(), strict=True), words, strict=True)
    ]
    lines = [
        ",".join(map(str, row)) for row in [(*sources(), *names), *rows, (999, 10, 1, 50.0, -5.0, 3, 2, "r", "t", 7)]
    ]
    (tmp_path / "s.csv").write_text("\n".join(lines) + "\n")
    ssdb.ingest_sources(night, tmp_path / "s.csv")
    columns = ", ".join(f'"{name}"' for name in names)
    stored = ssdb.query(night, f'SELECT {columns} FROM "DiaSource" ORDER BY "diaSourceId"').rows
    assert stored == [(None,) * 5] * 8 + [(3.0, 2.0, "r", True, 7)]


def test_latin_1_where_it_is_needed(night: Database, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(b"visit,designation,ephRa,ephDec\n10,caf\xe9,50.0,-5.0\n")
    with pytest.raises(InputError, match=r"column designation is not UTF-8 text.*iconv"):
        ssdb.ingest_predictions(night, tmp_path / "p.csv")


def test_the_command_line_names_it(sqlite_url: str, tmp_path: Path) -> None:
    columns = pa.table(
        [pa.array([1]), pa.array([60000.0]), pa.array([30.0])],
        schema=pa.schema([("visit", pa.int64()), ("midpointMjdTai", pa.float64()), ("seeing", pa.float64())]),
    )
    path = tmp_path / "v.vot"
    write_columns(columns, path)
    path.write_text(path.read_text().replace('name="seeing"', 'name="zenithDistance" unit="kg"'))
    run = CliRunner().invoke(main, ["--db", sqlite_url, "ingest", "visits", str(path)])
    assert run.exit_code == 0, run.output
    assert "zenithDistance" in run.stderr


# ---- spellings of units ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        *(
            (text, u.deg)
            for text in ("deg", "DEG", "Deg", "DEGREE", "degrees", "Degrees", "[deg]", "(deg)", " deg ", "'deg'")
        ),
        *((text, u.rad) for text in ("RADIANS", "radian", "Radians", "[rad]")),
        *((text, u.day) for text in ("days", "DAYS", "day", "Day", "MJD", "mjd", "[d]")),
        *((text, u.arcsec) for text in ("arcseconds", "ARCSEC", "Arcsec", "asec", "arc sec", '"')),
        *((text, u.arcmin) for text in ("ARCMIN", "'")),
        *((text, u.mas) for text in ("MAS", "milliarcsec")),
        *((text, u.s) for text in ("seconds", "sec", "SEC")),
        *((text, u.mag) for text in ("mags", "MAG", "magnitudes")),
        *((text, u.au) for text in ("AU", "Au", "au")),
        *((text, u.pix) for text in ("pixels", "PIXEL")),
        *((text, u.deg / u.day) for text in ("deg/day", "degrees/day", "DEG/DAY", "deg/days", "[deg/d]")),
        *((text, u.arcsec / u.hour) for text in ("arcsec/hr", "arcsec/hour", "ARCSEC/HR", '"/h')),
        *((text, u.nJy) for text in ("nJy", "NJY", "nanojansky")),
        *((text, u.uJy) for text in ("uJy", "UJY", "microJy", "microjansky")),
        ("JY", u.Jy),
    ],
)
def test_spellings(text: str, unit: u.UnitBase) -> None:
    assert parsed_unit(text) == unit


@pytest.mark.parametrize("text", ["nmgy", "nanomaggy", "nanomaggies", "NMGY"])
def test_nanomaggies(text: str) -> None:
    """Of the zero point of AB magnitudes: 22.5 mag is one."""
    assert parsed_unit(text).to(u.nJy) == pytest.approx(u.ABmag.to(u.nJy, 22.5))


@pytest.mark.parametrize(("text", "unit"), [("S", u.S), ("mS", u.mS), ("D", u.D), ("Mpc", u.Mpc), ("min", u.min)])
def test_what_astropy_knows_stays(text: str, unit: u.UnitBase) -> None:
    assert parsed_unit(text) == unit


@pytest.mark.parametrize("text", ["counts of sheep", "degreeless", "MJDs of the king"])
def test_what_is_no_unit_stays_none(text: str) -> None:
    assert isinstance(parsed_unit(text), u.UnrecognizedUnit)


def test_units_of_a_file_are_converted(night: Database, tmp_path: Path) -> None:
    path = file_of(tmp_path / "s.parquet", {"psfFlux": [2.0] * 8}, {"ra": "RADIANS", "dec": "[deg]", "psfFlux": "nmgy"})
    columns = pa.parquet.read_table(path)
    radians = pa.array([0.872664625997164788] * 8)
    parquet.write_table(columns.set_column(3, columns.schema.field("ra"), radians), path)
    ssdb.ingest_sources(night, path)
    (row,) = ssdb.query(night, 'SELECT DISTINCT "ra", "psfFlux" FROM "DiaSource"').rows
    assert row == pytest.approx((50.0, 7261.56), rel=1e-5)
