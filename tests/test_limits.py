"""Small files that would be enormous are refused, within 1 GB of memory; honest large ones are read."""

from __future__ import annotations

import base64
import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import images
import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from click.testing import CliRunner
from pyarrow import parquet
from refusing import refusal

from ssdb import max_memory, read_exposures
from ssdb.cli import main
from ssdb.errors import ConfigError, InputError
from ssdb.ingest.formats.opsim import read_opsim
from ssdb.ingest.table.column_map import ColumnMap
from ssdb.io import limits
from ssdb.io.row_source import open_rows
from ssdb.io.tables import read_columns
from ssdb.io.units import parsed_unit
from ssdb.io.writers import write_columns

MEGABYTE = 10**6
SORCHA_ORBITS = b"ObjID,FORMAT,q,e,inc,node,argPeri,t_p_MJD_TDB,epochMJD_TDB\n"
ALLOWED = (
    r"GB are allowed: is it what it should be\? If so, "
    r'allow more \((--max-memory 4GB|with ssdb\.max_memory\("4GB"\):)\)'
)


def folded(path: Path, beginning: bytes, repeated: bytes, size: int) -> Path:
    """A gzip file of a text, and of another one as often as makes so many bytes."""
    piece = gzip.compress(repeated * (MEGABYTE // len(repeated)))
    path.write_bytes(gzip.compress(beginning) + piece * (size // MEGABYTE))
    return path


def header(**cards: object) -> bytes:
    """A header of a FITS file."""
    made = fits.Header([(name.rstrip("_").upper(), value) for name, value in cards.items()])
    return made.tostring().encode()


# ---- compressed ------------------------------------------------------------------------------------------------------


def test_gzip_of_text(tmp_path: Path) -> None:
    """CSV of short values, which take more memory than their text; orbits; ECSV."""
    short = folded(tmp_path / "a.csv.gz", b"a,b\n", b"0,\n", 300 * MEGABYTE)
    assert "a.csv.gz: unfolds to more memory than it may take" in refusal("columns", short)
    text = folded(tmp_path / "b.txt", SORCHA_ORBITS, b"\n", 1100 * MEGABYTE)
    assert "b.txt: unfolds to more than 20 times its size" in refusal("orbits", text)
    table = tmp_path / "c.ecsv"
    lines = b"# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\na\n"
    assert "c.ecsv: unfolds" in refusal("columns", folded(table, lines, b"1\n", 100 * MEGABYTE))


def test_gzip_of_fits(tmp_path: Path) -> None:
    """A table, and an image whose pixels nobody reads but whose end has to be found."""
    primary = header(simple=True, bitpix=8, naxis=0, extend=True)
    table = header(xtension="BINTABLE", bitpix=8, naxis=2, naxis1=8, naxis2=10**9, pcount=0, gcount=1, tfields=1)
    path = folded(tmp_path / "a.fits.gz", primary + table, b"\0", 1100 * MEGABYTE)
    assert "a.fits.gz: unfolds to more memory than it may take" in refusal("columns", path)
    assert "a.fits.gz: unfolds to more memory than it may take" in refusal("exposures", path)


@pytest.mark.parametrize(
    ("magic", "name"), [(b"BZh9", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"PK\3\4", "zip"), (b"\x1f\x9d", "compress")]
)
@pytest.mark.parametrize("ending", ["fits", "ecsv", "vot", "csv"])
def test_other_compressions(tmp_path: Path, magic: bytes, name: str, ending: str) -> None:
    """astropy unpacks them whatever the file is called; ssdb does not."""
    path = tmp_path / f"a.{ending}"
    path.write_bytes(magic + bytes(100))
    with pytest.raises(InputError, match=f"is compressed by {name}; unpack it first"):
        read_columns(path)


def test_honest_gzip_is_read(tmp_path: Path) -> None:
    """What unfolds to what is allowed is the same as the plain file, whichever reader has it."""
    table = pa.table({"a": np.arange(20_000), "b": np.random.default_rng(1).random(20_000)})
    for ending in ("csv", "fits", "ecsv", "vot"):
        write_columns(table, tmp_path / f"a.{ending}")
        packed = tmp_path / f"b.{ending}{'.gz' if ending in ('csv', 'fits') else ''}"
        packed.write_bytes(gzip.compress((tmp_path / f"a.{ending}").read_bytes()))
        assert read_columns(packed).equals(read_columns(tmp_path / f"a.{ending}"))
        with max_memory("100KB"), pytest.raises(InputError, match=ALLOWED):
            read_columns(packed)


def test_plain_files_may_be_larger_than_the_memory_that_is_allowed(tmp_path: Path) -> None:
    """What is on the disk is read, however little is allowed."""
    table = pa.table({"a": np.arange(50_000), "b": np.random.default_rng(1).random(50_000)})
    for ending in ("csv", "fits", "ecsv", "vot", "parquet"):
        write_columns(table, tmp_path / f"a.{ending}")
        with max_memory("10KB"):
            assert read_columns(tmp_path / f"a.{ending}").num_rows == 50_000
    with max_memory("10KB"):
        assert sum(part.num_rows for part in open_rows(tmp_path / "a.parquet").tables()) == 50_000


# ---- Parquet ---------------------------------------------------------------------------------------------------------


def repeated(path: Path, value: object, rows: int, groups: int, name: str = "a") -> Path:
    """A Parquet file of one value many times, some row groups long."""
    part = pa.table({name: pa.array([value]).take(pa.array(np.zeros(rows, np.int8)))})
    with parquet.ParquetWriter(path, part.schema, compression="zstd") as writer:
        for _ in range(groups):
            writer.write_table(part, row_group_size=rows)
    return path


@pytest.mark.parametrize("read", ["columns", "rows"])
def test_parquet_of_one_number(tmp_path: Path, read: str) -> None:
    """A hundred and forty million rows in some kilobytes."""
    path = repeated(tmp_path / "a.parquet", 1.5, 20_000_000, 7)
    assert path.stat().st_size < MEGABYTE
    assert "a.parquet: would take 1.1 GB of memory, and 1 GB are allowed" in refusal(read, path)


@pytest.mark.parametrize("read", ["columns", "rows"])
def test_parquet_of_one_long_text(tmp_path: Path, read: str) -> None:
    """A text of a tenth of a megabyte, forty thousand times."""
    path = tmp_path / "a.parquet"
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(40_000, np.int32)), pa.array([MEGABYTE // 10 * "x"]))
    parquet.write_table(pa.table({"a": column}), path)
    assert path.stat().st_size < 5 * MEGABYTE
    assert "GB of memory, and 1 GB are allowed" in refusal(read, path)


def test_parquet_lists_are_not_read(tmp_path: Path) -> None:
    """They are left out of a table, however long."""
    values = pa.array(np.zeros(20_000_000, np.int8))
    lists = pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values)
    parquet.write_table(pa.table({"a": [1], "b": lists}), tmp_path / "a.parquet")
    with max_memory("1MB"):
        assert read_columns(tmp_path / "a.parquet").to_pydict() == {"a": [1]}


def test_texts_of_parquet(tmp_path: Path) -> None:
    """Read as dictionaries they are the same: nulls, empty ones, none at all; long ones and bytes."""
    table = pa.table(
        {
            "text": pa.array(["a", None, "", "a", "ü"]),
            "large": pa.array(["x", "y", None, "x", "x"], pa.large_string()),
            "bytes": pa.array([b"\0", None, b"", b"\0", b"z"], pa.binary()),
            "null": pa.nulls(5, pa.string()),
            "dictionary": pa.array(["q", "q", None, "r", "q"]).dictionary_encode(),
        }
    )
    for options in ({"use_dictionary": True}, {"use_dictionary": False}):
        parquet.write_table(table, tmp_path / "a.parquet", **options)
        found = read_columns(tmp_path / "a.parquet")
        assert found.to_pydict() == {**table.to_pydict(), "text": ["a", None, None, "a", "ü"]}
        assert [str(field.type) for field in found.schema] == ["string", "string", "binary", "string", "string"]


# ---- FITS and headers ------------------------------------------------------------------------------------------------

HUGE = 10**8
IMAGE = {"simple": True, "bitpix": 8, "naxis": 0}


@pytest.mark.parametrize(
    ("cards", "keyword"),
    [
        ({"simple": True, "bitpix": 8, "naxis": HUGE}, "NAXIS"),
        ({**IMAGE, "wcsaxes": HUGE}, "WCSAXES"),
        ({**IMAGE, "ctype1": "RA---TAN-SIP", "a_order": HUGE}, "A_ORDER"),
    ],
)
def test_counts_of_headers(tmp_path: Path, cards: dict[str, object], keyword: str) -> None:
    """astropy would look for each of a hundred million keywords; in a file, in a later HDU, in a text."""
    (tmp_path / "a.fits").write_bytes(header(**cards))
    extension = {"xtension": "IMAGE", **{name: value for name, value in cards.items() if name != "simple"}}
    (tmp_path / "b.fits").write_bytes(header(**IMAGE) + header(**extension))
    (tmp_path / "c.hdr").write_text(
        fits.Header.fromstring(header(**{"ctype1": "RA---TAN", **cards})).tostring(sep="\n")
    )
    for name in ("a.fits", "b.fits", "c.hdr"):
        assert f"{name}: not FITS: {keyword} = {HUGE}; at most" in refusal("exposures", tmp_path / name)


def test_cards_of_one_header(tmp_path: Path) -> None:
    """To look for a WCS in hundreds of thousands takes minutes."""
    (tmp_path / "a.hdr").write_text("CTYPE1  = 'RA---TAN'\n" + "HISTORY of a mosaic\n" * 50_000)
    assert "a.hdr: its header has 50,001 cards; at most 50,000 are read" in refusal("exposures", tmp_path / "a.hdr")


@pytest.mark.parametrize(("keyword", "value"), [("ZNAXIS", HUGE), ("TFIELDS", HUGE)])
def test_counts_of_tables(tmp_path: Path, keyword: str, value: int) -> None:
    """Of a compressed image, and of columns."""
    table = {"xtension": "BINTABLE", "bitpix": 8, "naxis": 2, "naxis1": 8, "naxis2": 1, "pcount": 0, "gcount": 1}
    cards = {**table, "tfields": 1, "zimage": True, keyword.lower(): value}
    (tmp_path / "a.fits").write_bytes(header(**IMAGE) + header(**cards) + bytes(2880))
    for read in ("exposures", "columns"):
        assert f"a.fits: not FITS: {keyword} = {HUGE}" in refusal(read, tmp_path / "a.fits")


@pytest.mark.parametrize("keyword", ["PCOUNT", "GCOUNT", "NAXIS1", "NAXIS2"])
@pytest.mark.parametrize("value", [-8, -5000])
def test_sizes_below_zero(tmp_path: Path, keyword: str, value: int) -> None:
    """With them a program would look for the next HDU further to the front, again and again."""
    table = {"xtension": "BINTABLE", "bitpix": 8, "naxis": 2, "naxis1": 8, "naxis2": 1, "pcount": 0, "gcount": 1}
    cards = {**table, "tfields": 1, "tform1": "D", keyword.lower(): value}
    (tmp_path / "a.fits").write_bytes(header(**IMAGE) + header(**cards) + bytes(2880))
    for read in ("exposures", "columns"):
        assert f"a.fits: not FITS: {keyword} = {value}, which is below 0" in refusal(read, tmp_path / "a.fits")


def test_sizes_that_the_file_does_not_have(tmp_path: Path) -> None:
    """Rows, a heap and pixels that are claimed are an error, without memory for them."""
    table = {"xtension": "BINTABLE", "bitpix": 8, "naxis": 2, "naxis1": 8, "gcount": 1, "tfields": 1, "tform1": "D"}
    for name, cards in {
        "rows": {**table, "naxis2": 10**12, "pcount": 0},
        "heap": {**table, "naxis2": 1, "pcount": 10**12},
        "pixels": {"xtension": "IMAGE", "bitpix": -64, "naxis": 2, "naxis1": 10**6, "naxis2": 10**6},
    }.items():
        path = tmp_path / f"{name}.fits"
        path.write_bytes(header(**IMAGE) + header(**cards) + bytes(2880))
        assert f"{name}.fits: " in refusal("columns", path)


def test_a_header_without_an_end(tmp_path: Path) -> None:
    """Hundreds of megabytes of cards."""
    path = tmp_path / "a.fits"
    card = b"COMMENT " + 72 * b"x"
    path.write_bytes(header(**IMAGE)[:80] + card * (4 * MEGABYTE))
    assert "a.fits: not FITS: a header has no END within 400,000 cards" in refusal("exposures", path)


def test_headers_as_text(tmp_path: Path) -> None:
    """One of too many bytes, and one of too many cards."""
    (tmp_path / "a.hdr").write_bytes(b"COMMENT x\n" * (4 * MEGABYTE))
    (tmp_path / "b.hdr").write_bytes(b"A\n" * (4 * MEGABYTE))
    assert "a.hdr: not a header: it has more than 32 MB" in refusal("exposures", tmp_path / "a.hdr")
    assert "b.hdr: not a header: it has more than 400,000 cards" in refusal("exposures", tmp_path / "b.hdr")


def test_rows_that_share_a_heap(tmp_path: Path) -> None:
    """Each of a hundred thousand rows says that the whole heap is its array."""
    column = fits.Column("a", "PE()", array=np.array([np.zeros(100_000, "f4")], object))
    fits.BinTableHDU.from_columns([column]).writeto(tmp_path / "one.fits")
    content = (tmp_path / "one.fits").read_bytes()
    start = 2 * 2880
    descriptor, heap = content[start : start + 8], content[start + 8 : start + 400_008]
    head = content[2880:start].replace(b"NAXIS2  =                    1", b"NAXIS2  =               100000")
    (tmp_path / "a.fits").write_bytes(content[:2880] + head + 100_000 * descriptor + heap + bytes(-1_200_000 % 2880))
    assert "a.fits: would take 80.0 GB of memory" in refusal("columns", tmp_path / "a.fits")


@pytest.mark.parametrize("unit", ["10**99999999 nJy", "10^(-99999999) m", 10_000 * "m "])
def test_units_that_take_for_ever(tmp_path: Path, unit: str) -> None:
    """astropy computes powers of ten exactly, however high."""
    (tmp_path / "a.vot").write_text(votable(f'<FIELD name="a" datatype="int" unit="{unit}"/>', "<TABLEDATA/>"))
    head = ["%ECSV 1.0", "---", "datatype:", f"- {{name: a, unit: {unit}, datatype: int64}}"]
    (tmp_path / "a.ecsv").write_text("".join(f"# {line}\n" for line in head) + "a\n1\n")
    for name in ("a.vot", "a.ecsv"):
        assert f"{name}: {unit[:40]!r} is no unit" in refusal("columns", tmp_path / name)
    fits.BinTableHDU.from_columns([fits.Column("a", "D", array=[1.0])]).writeto(tmp_path / "a.fits")
    content = (tmp_path / "a.fits").read_bytes()
    end = b"END" + 77 * b" "
    card = f"TUNIT1  = '{unit[:60]}'".ljust(80).encode()
    (tmp_path / "a.fits").write_bytes(content[:2880] + content[2880:].replace(end + 80 * b" ", card + end, 1))
    if len(unit) < 60:
        assert f"a.fits: {unit!r} is no unit" in refusal("columns", tmp_path / "a.fits")
    assert not parsed_unit(unit).is_equivalent("nJy")


def test_images_of_any_size(tmp_path: Path) -> None:
    """A side of more pixels than any detector has is an error."""
    (tmp_path / "a.hdr").write_text(images.header().tostring(sep="\n", padding=False))
    with pytest.raises(InputError, match=r"a\.hdr: width must be an integer from 1 to 10000000"):
        read_exposures(tmp_path / "a.hdr", visit=1, detector=1, shape=(10, 2**31 - 1))


# ---- VOTable ---------------------------------------------------------------------------------------------------------


def votable(fields: str, data: str, nrows: str = "") -> str:
    return (
        '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f"<RESOURCE><TABLE{nrows}>{fields}<DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"
    )


def binary(content: bytes) -> str:
    return f'<BINARY><STREAM encoding="base64">{base64.b64encode(content).decode()}</STREAM></BINARY>'


@pytest.mark.parametrize(
    ("fields", "data", "nrows"),
    [
        ('<FIELD name="a" datatype="double"/>', "<TABLEDATA/>", f' nrows="{10**12}"'),
        ('<FIELD name="a" datatype="char" arraysize="1000000"/>', f"<TABLEDATA>{1000 * '<TR/>'}</TABLEDATA>", ""),
        ('<FIELD name="a" datatype="double" arraysize="1000x1000x1000"/>', "<TABLEDATA><TR/></TABLEDATA>", ""),
        ('<FIELD name="a" datatype="bit" arraysize="1000000"/>', binary(125_000 * 400 * b"\0"), ""),
    ],
    ids=["rows", "texts", "array", "bits"],
)
def test_votables_that_claim_a_lot(tmp_path: Path, fields: str, data: str, nrows: str) -> None:
    """Rows and lengths for which astropy would make room."""
    (tmp_path / "a.vot").write_text(votable(fields, data, nrows))
    assert "GB are allowed" in refusal("columns", tmp_path / "a.vot")


def test_a_stream_of_rows_without_bytes(tmp_path: Path) -> None:
    """It would never end."""
    (tmp_path / "a.vot").write_text(votable('<FIELD name="a" datatype="int" arraysize="0"/>', binary(b"1234")))
    assert "the rows of its stream have no bytes" in refusal("columns", tmp_path / "a.vot")


# ---- text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", ["columns", "sorcha"])
def test_a_line_of_half_a_million_commas(tmp_path: Path, read: str) -> None:
    """More columns than any table has; and a row of as many values."""
    (tmp_path / "a.csv").write_text("a" + 500_000 * "," + "\n1\n")
    assert "a.csv: has 500,001 columns; a table has at most 10,000" in refusal(read, tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("ObjID,fieldMJD_TAI,FieldID,RA_deg,Dec_deg\n" + 500_000 * "," + "\n")
    assert "b.csv: " in refusal(read, tmp_path / "b.csv")


@pytest.mark.parametrize("read", ["columns", "sorcha", "orbits"])
def test_a_line_that_does_not_end(tmp_path: Path, read: str) -> None:
    """Two hundred megabytes, as the first line and as the second."""
    (tmp_path / "a.csv").write_bytes(200 * MEGABYTE * b"x")
    said = refusal(read, tmp_path / "a.csv")
    assert "a.csv: has a line of more than 16 MB" in said or read == "orbits"
    (tmp_path / "b.csv").write_bytes(SORCHA_ORBITS + 200 * MEGABYTE * b"x")
    said = refusal(read, tmp_path / "b.csv")
    assert "b.csv: has a line of more than 16 MB" in said or read != "orbits"


def test_yaml_of_aliases(tmp_path: Path) -> None:
    """Aliases of aliases stand for as many values as one likes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join(10 * [f'*a{i - 1}'])}]" for i in range(1, 9)]
    (tmp_path / "a.yaml").write_text("\n".join([*lines, "columns: {ra: {from: *a8}}"]))
    assert "a.yaml: its YAML stands for more than 1,000,000 values" in refusal("map", tmp_path / "a.yaml")
    head = "".join(f"# {line}\n" for line in ["%ECSV 1.0", "---", "datatype:", "- {name: a, datatype: int64}", *lines])
    (tmp_path / "a.ecsv").write_text(f"{head}a\n1\n")
    assert "a.ecsv: its YAML stands for more than" in refusal("columns", tmp_path / "a.ecsv")
    (tmp_path / "good.yaml").write_text("x: &x {column: b, unit: deg}\ncolumns: {ra: {column: b}}\n")
    with pytest.raises(ConfigError, match="x"):
        ColumnMap.read(tmp_path / "good.yaml")


# ---- SQLite ----------------------------------------------------------------------------------------------------------


def schedule(path: Path, sql: str) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(sql)
    return path


OPSIM = "observationId, observationStartMJD, visitTime, visitExposureTime, fieldRA, fieldDec, filter"
VALUES = "n, 60218.0, 34.0, 30.0, 1.0, 2.0, 'r'"


@pytest.mark.parametrize(
    ("where", "message"),
    [("WHERE n < 0", "a view in it does not come to an end"), ("", r"would take 0\.0 GB of memory")],
    ids=["without rows", "of rows"],
)
def test_views_without_an_end(tmp_path: Path, where: str, message: str) -> None:
    """One that gives rows for ever, and one that never gives any."""
    rows = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)"
    path = schedule(tmp_path / "a.db", f"CREATE VIEW observations({OPSIM}) AS {rows} SELECT {VALUES} FROM r {where}")
    with max_memory("20MB"), pytest.raises(InputError, match=rf"a\.db: {message}"):
        read_opsim(path)


def test_rows_without_an_end_take_a_limited_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long before the memory that is allowed by itself is full."""
    monkeypatch.setattr("ssdb.ingest.formats.foreign_sqlite._MOST_STEPS", 2_000_000)
    rows = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)"
    path = schedule(tmp_path / "a.db", f"CREATE VIEW observations({OPSIM}) AS {rows} SELECT {VALUES} FROM r")
    with pytest.raises(InputError, match=r"a\.db: a view in it does not come to an end"):
        read_opsim(path)


def test_values_of_any_length(tmp_path: Path) -> None:
    """A value of a gigabyte is an error."""
    values = VALUES.replace("'r'", "hex(zeroblob(400000000))")
    path = schedule(tmp_path / "a.db", f"CREATE VIEW observations({OPSIM}) AS SELECT {values} FROM (SELECT 1 AS n)")
    assert "a.db: cannot be read as an SQLite database: string or blob too big" in refusal("opsim", path)


def test_views_that_end_are_read(tmp_path: Path) -> None:
    """Half a million rows of a view, with arithmetic."""
    rows = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 200000)"
    sql = f"CREATE VIEW observations({OPSIM}) AS {rows} SELECT {VALUES.replace('n,', 'abs(n),', 1)} FROM r"
    assert read_opsim(schedule(tmp_path / "a.db", sql))["visit"].to_pylist() == list(range(1, 200_001))


# ---- the option ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "n_bytes"),
    [("4GB", 4 * 10**9), ("1.5gb", 15 * 10**8), ("500 MB", 5 * 10**8), (2, 2 * 10**9), ("0.25", 25 * 10**7)],
)
def test_sizes(size: str | float, n_bytes: int) -> None:
    """With a unit, or as a number of GB; what was allowed before is allowed again after the block."""
    with max_memory(size):
        assert limits.allowed_memory() == n_bytes
    assert limits.allowed_memory() == limits.DEFAULT_MEMORY


@pytest.mark.parametrize("size", ["", "0", "-1", "much", "4 potatoes", "nan", "1e400", 0])
def test_no_sizes(size: str | float) -> None:
    """An error that says how to write one."""
    with pytest.raises(ConfigError, match="write 4GB, 500MB, or a number of GB"), max_memory(size):
        pass


def test_on_the_command_line(tmp_path: Path) -> None:
    """What is refused says what to write, and with that it is read."""
    rows = "".join(f"{i},59000.5,X05,r,30,10,{i % 80}\n" for i in range(20_000))
    path = tmp_path / "visits.csv.gz"
    path.write_bytes(gzip.compress(f"visit,midpointMjdTai,observatoryCode,band,exposureTime,ra,dec\n{rows}".encode()))
    database = f"sqlite:///{tmp_path / 's.db'}"
    run = CliRunner()
    assert run.invoke(main, ["--db", database, "init"]).exit_code == 0
    small = run.invoke(main, ["--db", database, "--max-memory", "1MB", "ingest", "visits", str(path)])
    assert small.exit_code == 1
    assert small.stderr.startswith(f"ssdb: {path}: unfolds to more memory than it may take")
    assert "--max-memory" in small.stderr
    enough = run.invoke(main, ["--db", database, "--max-memory", "0.1", "ingest", "visits", str(path)])
    assert enough.exit_code == 0, enough.stderr
    wrong = run.invoke(main, ["--max-memory", "lots", "status"])
    assert wrong.exit_code == 2
    assert "not a size of memory: 'lots'" in wrong.stderr
    assert limits.allowed_memory() == limits.DEFAULT_MEMORY
