"""Tables as text, whatever stands between the values and before them."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.table import Table
from click.testing import CliRunner
from ingesting import sources, visits

import ssdb
from ssdb.cli import main
from ssdb.errors import ConfigError, InputError
from ssdb.io.input_file import input_of
from ssdb.io.tables import read_columns
from ssdb.io.writers import write_columns
from ssdb.store.database import Database

WANTED = {"visit": [1, 2], "ra": [10.5, 11.25], "band": ["r", "g"]}


def text(tmp_path: Path, content: str | bytes, name: str = "t.txt") -> pa.Table:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_columns(path)


@pytest.mark.parametrize("name", ["t.txt", "t.dat", "t.cat", "t.tsv", "t.csv", "T.DAT", "t.asc"])
@pytest.mark.parametrize("between", [",", ";", "\t", "|", " ", "   ", " , "])
def test_whatever_stands_between_the_values(tmp_path: Path, name: str, between: str) -> None:
    lines = ["visit;ra;band", "1;10.5;r", "2;11.25;g"]
    assert text(tmp_path, "".join(f"{line.replace(';', between)}\n" for line in lines), name).to_pydict() in (
        WANTED,
        WANTED | {"band": [" r", " g"]},
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "content",
    [
        "# made by me\n#\nvisit,ra,band\n1,10.5,r\n2,11.25,g\n",
        "# visit,ra,band\n1,10.5,r\n2,11.25,g\n",
        "# visit ra band\n1 10.5 r\n2 11.25 g\n",
        "#visit ra band\n  1 10.5 r  \n\t2\t11.25 g\n",
        "# units: deg, none\n# visit ra band\n1,10.5,r\n2,11.25,g\n",
        "visit;ra;band\n# a night\n1;10.5;r\n# another one\n2;11.25;g\n",
        "\n\nvisit ra band\n1 10.5 r\n\n2 11.25 g\n",
        "visit;ra;band\n1;10,5;r\n2;11,25;g\n",
        "# VizieR\n#Column ra (F8.4) here\n#\nvisit\tra\tband\n\tdeg\t\n-----\t-----\t-\n1\t10.5\tr\n2\t11.25\tg\n",
    ],
)
def test_comments_and_names(tmp_path: Path, content: str, end: str) -> None:
    assert text(tmp_path, content.replace("\n", end)).to_pydict() == WANTED


def test_units_of_vizier(tmp_path: Path) -> None:
    table = text(tmp_path, "#x\nvisit\tra\n\tdeg\n----\t----\n1\t10.5\n")
    assert table.schema.field("ra").metadata == {b"unit": b"deg"}


SEXTRACTOR = """\
#   1 NUMBER          Running object number
#   2 ALPHA_J2000     Right ascension of barycenter (J2000)      [deg]
#   3 MAG_APER        Fixed aperture magnitude vector            [mag]
#   5 FLAGS           Extraction flags
         1  10.5      20.1  20.2  0
         2  11.25     21.1  21.2  3
"""


def test_sextractor_says_its_columns_in_comments(tmp_path: Path) -> None:
    table = text(tmp_path, SEXTRACTOR, "night.cat")
    assert table.to_pydict() == {
        "NUMBER": [1, 2],
        "ALPHA_J2000": [10.5, 11.25],
        "MAG_APER": [20.1, 21.1],
        "MAG_APER_1": [20.2, 21.2],
        "FLAGS": [0, 3],
    }
    assert table.schema.field("ALPHA_J2000").metadata == {b"unit": b"deg"}
    assert table.schema.field("MAG_APER_1").metadata == {b"unit": b"mag"}


def test_numpy_writes_names_as_a_comment(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "t.txt", [[1, 10.5], [2, 11.25]], header="visit ra")
    assert read_columns(tmp_path / "t.txt").to_pydict() == {"visit": [1.0, 2.0], "ra": [10.5, 11.25]}


@pytest.mark.parametrize("format_", ["ascii.basic", "ascii.commented_header", "ascii.tab", "ascii.csv", "ascii.ecsv"])
def test_astropy_text(tmp_path: Path, format_: str) -> None:
    Table(WANTED).write(tmp_path / "t.txt", format=format_)
    assert read_columns(tmp_path / "t.txt").to_pydict() == WANTED


@pytest.mark.parametrize("content", ["1,10.5\n2,11.25\n", "# only\n1 2\n"])
def test_a_text_without_names_is_told(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError, match=r"t\.txt: no line says what its columns are called.*put a line of names"):
        text(tmp_path, content)


def test_content_says_what_is_under_an_ending_of_text(tmp_path: Path) -> None:
    """SExtractor's .cat may be FITS."""
    fits.BinTableHDU(Table(WANTED)).writeto(tmp_path / "t.fits")
    (tmp_path / "t.fits").rename(tmp_path / "t.cat")
    assert read_columns(tmp_path / "t.cat").to_pydict() == WANTED


def test_compressed_text(tmp_path: Path) -> None:
    assert text(tmp_path, gzip.compress(b"# c\nvisit ra\n1 2.5\n"), "t.dat.gz").to_pydict() == {
        "visit": [1],
        "ra": [2.5],
    }


def test_values_between_quotes_may_have_anything(tmp_path: Path) -> None:
    table = text(tmp_path, 'visit,"a;b",note\n1,2,"x\n# y, z"\n', "t.csv")
    assert table.to_pydict() == {"visit": [1], "a;b": [2], "note": ["x\n# y, z"]}


@pytest.mark.parametrize(
    "content",
    [
        "# orbits of tonight\n#\nunpacked_primary_provisional_designation,q,e,i,node,argperi,peri_time,epoch_mjd\n{}\n",
        "unpacked_primary_provisional_designation;q;e;i;node;argperi;peri_time;epoch_mjd\n{}\n",
    ],
)
@pytest.mark.parametrize("name", ["o.csv", "o.txt"])
def test_orbits(sqlite_url: str, tmp_path: Path, content: str, name: str) -> None:
    between = ";" if ";" in content else ","
    row = between.join(["2015 MQ204", "2.0", "0.1", "3.5", "40.5", "50.5", "60100.5", "60200.5"])
    (tmp_path / name).write_text(content.format(row))
    database = ssdb.connect(sqlite_url)
    assert ssdb.ingest_orbits(database, tmp_path / name).rows == 1
    assert ssdb.query(database, "SELECT q, epoch_mjd FROM mpc_orbits").rows == [(2.0, 60200.5)]
    database.close()


# ---- types and standard input ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", ["csv", "parquet", "fits", "ecsv", "votable"])
def test_the_type_is_said_where_the_ending_does_not(tmp_path: Path, type_: str) -> None:
    ending = {"votable": ".vot"}.get(type_, f".{type_}")
    write_columns(pa.table(WANTED), tmp_path / f"t{ending}")
    path = (tmp_path / f"t{ending}").rename(tmp_path / "night.v2")
    assert read_columns(input_of(path, type=type_.upper())).to_pydict() == WANTED
    if type_ == "csv":
        with pytest.raises(InputError, match=r"the ending does not say what kind of file it is.*type="):
            read_columns(path)
    else:
        assert read_columns(path).to_pydict() == WANTED


def test_a_type_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="type must be one of parquet, fits"):
        input_of(tmp_path / "a", type="xlsx")


@pytest.mark.parametrize("type_", [None, "csv", "parquet", "fits"])
def test_standard_input(sqlite_url: str, tmp_path: Path, type_: str | None) -> None:
    path = tmp_path / f"t.{type_ or 'csv'}"
    write_columns(pa.table(visits()), path)
    options = ["--type", type_] if type_ else []
    run = CliRunner().invoke(main, ["--db", sqlite_url, "ingest", "visits", *options, "-"], input=path.read_bytes())
    assert run.exit_code == 0, run.output
    assert run.stdout == "standard input: 2 visits: 2 new, 0 changed, 0 unchanged\n"
    run = CliRunner().invoke(main, ["--db", sqlite_url, "ingest", "visits", "-"], input=b"a,b\n1,2\n")
    assert run.exit_code == 1
    assert run.stderr.startswith("ssdb: standard input: column visit, midpointMjdTai is missing")


def test_positions_from_standard_input(sqlite_url: str) -> None:
    command = ["--db", sqlite_url, "query", "--name", "match-objects", "--upload", "-", "--format", "csv"]
    run = CliRunner().invoke(main, command, input=b"ra;dec;midpointMjdTai\n1.0;2.0;60000.5\n")
    assert run.exit_code == 0, run.output


# ---- other things that are good --------------------------------------------------------------------------------------


def test_ascii_tables_of_fits(tmp_path: Path) -> None:
    columns = [
        fits.Column("visit", "I10", ascii=True, array=np.array([1, 2])),
        fits.Column("ra", "D25.17", ascii=True, array=np.array([10.5, 11.25]), unit="deg"),
        fits.Column("band", "A3", ascii=True, array=np.array(["r", "g"])),
        fits.Column("n", "I5", ascii=True, array=np.array([7, 0]), null="-99"),
    ]
    fits.TableHDU.from_columns(columns).writeto(tmp_path / "t.fits")
    content = (tmp_path / "t.fits").read_bytes()
    place = content.rindex(b"    0")
    (tmp_path / "t.fits").write_bytes(content[:place] + b"  -99" + content[place + 5 :])
    table = read_columns(tmp_path / "t.fits")
    assert table.to_pydict() == WANTED | {"n": [7, None]}
    assert table.schema.field("ra").metadata == {b"unit": b"deg"}


def test_big_endian_columns_of_pandas(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"visit": np.array([1, 2], ">i8"), "ra": np.array([10.5, np.nan], ">f8")})
    assert read_columns(frame).to_pydict() == {"visit": [1, 2], "ra": [10.5, None]}
    assert frame["visit"].dtype == ">i8"


def test_records_of_numpy_and_fits(tmp_path: Path) -> None:
    records = np.array([(1, 10.5, "r"), (2, 11.25, "g")], [("visit", ">i4"), ("ra", ">f8"), ("band", "U1")])
    assert read_columns(records).to_pydict() == WANTED
    columns = [
        fits.Column("visit", "J", bzero=2**31, array=np.array([1, 2], np.uint32)),
        fits.Column("ra", "D", unit="rad", array=np.array([10.5, np.nan])),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "t.fits")
    with fits.open(tmp_path / "t.fits") as hdus:
        table = read_columns(hdus[1].data)
    assert table.to_pydict() == {"visit": [1, 2], "ra": [10.5, None]}


@pytest.mark.parametrize(("true", "false"), [("t", "f"), ("T", "F"), ("yes", "no"), ("true", "False"), ("1", "0")])
def test_true_and_false_of_csv(database: Database, tmp_path: Path, true: str, false: str) -> None:
    """PostgreSQL's COPY writes t and f."""
    ssdb.ingest_visits(database, visits())
    n = len(sources()["visit"])
    columns = sources() | {"isNegative": [true, false, ""] + [true] * (n - 3)}
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    ssdb.ingest_sources(database, tmp_path / "t.csv")
    stored: Any = ssdb.query(database, 'SELECT "isNegative" FROM "DiaSource" ORDER BY "diaSourceId"').rows
    assert [None if value is None else bool(value) for (value,) in stored] == [True, False, None] + [True] * (n - 3)


@pytest.mark.parametrize(
    ("text", "strings", "expected"),
    [
        ("# name,band\nCeres,r\nVesta,g\n", ("band",), {"name": ["Ceres", "Vesta"], "band": ["r", "g"]}),
        ("# name band\nCeres r\nVesta g\n", ("name", "band"), {"name": ["Ceres", "Vesta"], "band": ["r", "g"]}),
        ("# designation\nCeres\n", ("designation",), {"designation": ["Ceres"]}),
        ("# two words\nname band\nCeres r\n", ("band",), {"name": ["Ceres"], "band": ["r"]}),
        ("# my visits\nvisit ra\n1 2.5\n2 3.5\n", (), {"visit": [1, 2], "ra": [2.5, 3.5]}),
        ("#Column RA\n_RAJ2000 e_RA\ndeg mas\n--- ---\n1.5 2\n", (), {"_RAJ2000": [1.5], "e_RA": [2]}),
        ("# my visits\nvisit,ra\n1,\n2,3.5\n", (), {"visit": [1, 2], "ra": [None, 3.5]}),
        ("# comment\nname,band\nCeres,r\n", (), {"name": ["Ceres"], "band": ["r"]}),
        ("# name,band\nname,band\nCeres,r\n", (), {"name": ["Ceres"], "band": ["r"]}),
    ],
)
def test_names_of_columns_that_are_all_texts(
    tmp_path: Path, text: str, strings: tuple[str, ...], expected: dict[str, list[Any]]
) -> None:
    (tmp_path / "a.csv").write_text(text)
    assert read_columns(tmp_path / "a.csv", strings).to_pydict() == expected


@pytest.mark.parametrize(
    "text", ["# name,band\nCeres,r\nVesta,g\n", "# two words\nname band\n", "# one\nname\nCeres\n"]
)
def test_a_first_row_is_never_lost_for_names(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=r"a\.csv: the first line .* and the comment .* take the # off"):
        read_columns(tmp_path / "a.csv")
