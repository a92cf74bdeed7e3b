"""Files made to get past the bounds: each is refused in a line, with little memory and in the end."""

from __future__ import annotations

import bz2
import gzip
import mmap
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from pyarrow import parquet
from refusing import refusal
from test_limits import IMAGE, header

from ssdb.errors import InputError
from ssdb.io.formats.parquet import names_of
from ssdb.io.image.fits_headers import holds_images
from ssdb.io.tables import read_columns

HOURS = "10**99999999 m"
"""A unit that astropy computes exactly, and for hours."""


def ecsv(column: str, more: str = "") -> str:
    return f"# %ECSV 1.0\n# ---\n# datatype:\n# - {column}\n{more}a\n1\n"


@pytest.mark.parametrize(
    "text",
    [
        ecsv(f'{{name: a, "unit": "{HOURS}", datatype: int64}}'),
        ecsv(f'{{name: a, unit : "{HOURS}", datatype: int64}}'),
        ecsv('{name: a, "\\x75nit": "10**\\x399999999 m", datatype: int64}'),
        ecsv("{name: a, datatype: int64}", f'# meta: !astropy.units.Unit {{"unit": "{HOURS}"}}\n'),
        ecsv(f"name: a\n#   datatype: int64\n#   unit:\n#     {HOURS}"),
    ],
)
def test_units_of_ecsv(tmp_path: Path, text: str) -> None:
    """However YAML writes it."""
    (tmp_path / "a.ecsv").write_text(text)
    with pytest.raises(InputError, match=r"a\.ecsv: '10\*\*9+ m' is no unit"):
        read_columns(tmp_path / "a.ecsv")


def test_units_of_parquet(tmp_path: Path) -> None:
    """In the YAML that astropy puts into its metadata."""
    about = f'datatype:\n- {{name: a, datatype: int64}}\nmeta: !astropy.units.Unit {{unit: "{HOURS}"}}\n'
    table = pa.table({"a": [1]}).replace_schema_metadata({"table_meta_yaml": about})
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"'10.* is no unit"):
        read_columns(tmp_path / "a.parquet")


@pytest.mark.parametrize("line", [f'u: !astropy.units.Unit {{unit: "{HOURS}"}}', f'{"u" * 60}: {{unit: "{HOURS}"}}'])
def test_units_of_fits(tmp_path: Path, line: str) -> None:
    """In the YAML that astropy puts into comments, whose lines may go on in the next card."""
    table = fits.BinTableHDU.from_columns([fits.Column("a", "K", array=[1])])
    lines = ["datatype:", "- {name: a, datatype: int64}", "meta:", "  __serialized_columns__: {}", f"  {line}"]
    for each in ("--BEGIN-ASTROPY-SERIALIZED-COLUMNS--", *lines, "--END-ASTROPY-SERIALIZED-COLUMNS--"):
        first, rest = each[:70], each[70:]
        table.header["COMMENT"] = f"{first}\\" if rest else first
        if rest:
            table.header["COMMENT"] = rest
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "a.fits")
    with pytest.raises(InputError, match=r"a\.fits: .* is no unit"):
        read_columns(tmp_path / "a.fits")


def votable(field: str = "", before: str = "", table: str = "") -> str:
    return (
        f'<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">{before}<RESOURCE><TABLE {table}>'
        f'<FIELD name="a" datatype="double" {field}/><DATA><TABLEDATA><TR><TD>1</TD></TR></TABLEDATA></DATA>'
        "</TABLE></RESOURCE></VOTABLE>"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (votable(before=f'<PARAM name="p" datatype="double" value="1" unit="{HOURS}"/>'), "is no unit"),
        (votable(before='<PARAM name="p" datatype="double" value="1" arraysize="150000000"/>'), "GB of memory"),
        (votable('width="999999999"'), "width='999999999' is no number of digits"),
        (votable('precision="F999999999"'), "precision='F999999999' is no number of digits"),
        (votable(table='nrows="+900000000"'), "GB of memory"),
        (votable(table='nrows="900_000_000"'), "GB of memory"),
    ],
)
def test_votables(tmp_path: Path, text: str, message: str) -> None:
    """Attributes that cost time or memory by themselves."""
    (tmp_path / "a.vot").write_text(text)
    assert message in refusal("columns", tmp_path / "a.vot")


@pytest.mark.parametrize("ending", ["ecsv", "fits", "vot", "csv"])
def test_compressed_twice(tmp_path: Path, ending: str) -> None:
    """astropy unpacks what it finds, whatever was unpacked before."""
    lines = b"# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\na\n"
    # Its checksum ends the line: all before it is text, without a header.
    inner = next(packed for n in count() if (packed := bz2.compress(lines + b"%d\n" % n))[10:11] == b"\n")
    for content, name in ((inner, "bzip2"), (gzip.compress(lines), "gzip twice")):
        path = tmp_path / f"a.{ending}"
        path.write_bytes(gzip.compress(content))
        with pytest.raises(InputError, match=rf"is compressed by {name}; unpack it first"):
            read_columns(path)


def test_heaps_with_negative_lengths(tmp_path: Path) -> None:
    """Rows that all have the whole heap, and one that takes as much back."""
    heap, rows = bytes(1_000_000), [(1_000_000, 0)] * 4000 + [(-4_000_000_000, 0)]
    table = {"xtension": "BINTABLE", "bitpix": 8, "naxis": 2, "naxis1": 16, "naxis2": len(rows), "pcount": len(heap)}
    cards = header(**table, gcount=1, tfields=1, ttype1="a", tform1="1QB(1000000)")
    content = header(**IMAGE) + cards + b"".join(struct.pack(">qq", *row) for row in rows) + heap
    (tmp_path / "a.fits").write_bytes(content + bytes(-len(content) % 2880))
    assert "a.fits: would take 32.0 GB of memory" in refusal("columns", tmp_path / "a.fits")


TABLE = {"xtension": "BINTABLE", "bitpix": 8, "naxis": 2, "naxis1": 8, "naxis2": 1, "pcount": 0, "gcount": 1}
HUGE = header(**TABLE, tfields=10**8, ttype1="a", tform1="K") + bytes(2880)


def sham_end(end: bytes) -> bytes:
    """A primary header with another card than END in its place."""
    return header(**IMAGE).replace(b"END".ljust(80), end.ljust(80))


@pytest.mark.parametrize(
    "beginning",
    [
        sham_end(b"END\0"),
        sham_end(b"END /"),
        sham_end(b"END     x"),
        header(**IMAGE) + header(xtension="IMAGE", bitpix=8, naxis=2, naxis1=0, naxis2=len(HUGE), groups=True),
        header(simple=True, bitpix=4, naxis=1, naxis1=5760) + bytes(2880),
    ],
)
@pytest.mark.parametrize("read", ["columns", "exposures"])
def test_headers_that_astropy_finds(tmp_path: Path, beginning: bytes, read: str) -> None:
    """Where a header and its data end is what astropy thinks of it."""
    (tmp_path / "a.fits").write_bytes(beginning + HUGE)
    assert "a.fits: not FITS: TFIELDS = 100000000; at most" in refusal(read, tmp_path / "a.fits")


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("first", [b"SIMPLE  =           \xff        T", b"SIMPLE  =                    F"])
@pytest.mark.parametrize("read", ["columns", "exposures"])
def test_a_first_card_of_which_astropy_makes_no_hdu(
    tmp_path: Path, compress: Callable[[bytes], bytes], first: bytes, read: str
) -> None:
    """It has no length then, and what comes next is not looked for at the same place again and again."""
    path = tmp_path / "a.fits"
    path.write_bytes(compress(first.ljust(80) + header(**IMAGE)[80:] + header(**TABLE)))
    assert "a.fits: " in refusal(read, path)


def test_many_hdus(tmp_path: Path) -> None:
    """Some hundred thousand of them in a small file."""
    empty = header(xtension="IMAGE", bitpix=8, naxis=0, pcount=0, gcount=1)
    (tmp_path / "a.fits.gz").write_bytes(gzip.compress(header(**IMAGE) + 20_000 * empty))
    assert "a.fits.gz: has more than 10,000 HDUs" in refusal("exposures", tmp_path / "a.fits.gz")


@pytest.mark.parametrize("rows", [5 * 10**8, 10**12])
def test_rows_without_bytes(tmp_path: Path, rows: int) -> None:
    """As many as are claimed, of nothing."""
    cards = {**TABLE, "naxis1": 0, "naxis2": rows, "tfields": 1, "ttype1": "a", "tform1": "0A"}
    (tmp_path / "a.fits").write_bytes(header(**IMAGE) + header(**cards))
    assert "a.fits: would take" in refusal("columns", tmp_path / "a.fits")


def test_one_text_of_a_gigabyte(tmp_path: Path) -> None:
    """It is refused before it is decompressed, by both readers."""
    long, short = 1_100_000_000, 30_000
    texts = mmap.mmap(-1, long + short)  # of zeros, which take no memory of their own until they are written
    offsets = pa.py_buffer(np.append(0, long + np.arange(short + 1, dtype=np.int32)).astype(np.int32))
    column = pa.StringArray.from_buffers(short + 1, offsets, pa.py_buffer(texts))
    options = {"compression": "zstd", "use_dictionary": False, "write_statistics": False}
    parquet.write_table(pa.table({"a": column}), tmp_path / "a.parquet", **options)
    for read in ("columns", "rows"):
        assert "a.parquet: would take 1.1 GB of memory" in refusal(read, tmp_path / "a.parquet"), read


OPSIM = "observationId, observationStartMJD, visitTime, visitExposureTime, fieldRA, fieldDec, filter"


def test_views_of_long_texts(tmp_path: Path) -> None:
    """Ten thousand rows of a megabyte each."""
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        values = "a, 60218.0, 34.0, 30.0, 1.0, 2.0, hex(zeroblob(499000))"
        connection.executescript(
            "CREATE TABLE t(a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
            f"INSERT INTO t SELECT i FROM n; CREATE VIEW observations({OPSIM}) AS SELECT {values} FROM t"
        )
    assert "a.db: cannot be read as an SQLite database: string or blob too big" in refusal("opsim", tmp_path / "a.db")


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    """Parquet does not look whether its texts are."""
    bad = pa.StringArray.from_buffers(1, pa.py_buffer(struct.pack("<ii", 0, 2)), pa.py_buffer(b"a\xe9"))
    parquet.write_table(pa.table({"designation": bad, "a": [1]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet: column designation is not UTF-8 text"):
        read_columns(tmp_path / "a.parquet")


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    """Of columns, where they tell what the file is."""
    parquet.write_table(pa.table({"abcd": [1]}), tmp_path / "a.parquet", store_schema=False)
    content = (tmp_path / "a.parquet").read_bytes().replace(b"abcd", b"ab\xe9d")
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.parquet: the names of the columns are not UTF-8"):
        names_of(tmp_path / "a.parquet")


def test_numbers_of_half_precision(tmp_path: Path) -> None:
    """They are numbers like others, which Arrow can do less with."""
    parquet.write_table(pa.table({"a": pa.array([1.5, None], pa.float16())}), tmp_path / "a.parquet")
    assert read_columns(tmp_path / "a.parquet")["a"].equals(pa.chunked_array([pa.array([1.5, None], pa.float32())]))


def test_an_extension_of_no_name(tmp_path: Path) -> None:
    """A card that cannot be parsed, found when it is looked whether there are images."""
    extension = header(xtension="IMAGE", bitpix=8, naxis=0).replace(b"= 'IMAGE   '", b"= IMAGE   ''")
    (tmp_path / "a.fits").write_bytes(header(**IMAGE) + extension)
    with pytest.raises(InputError, match=r"a\.fits: not FITS: the header of HDU 1 cannot be read"):
        holds_images(tmp_path / "a.fits")
