"""What a file says of itself, that it is not whole, is heard."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from astropy.table import Table
from click.testing import CliRunner
from images import hdu, header, write
from ingesting import predictions, sources, visits
from orbit_files import columns, mpc_row
from test_ingest_orbits_sorcha import cometary

import ssdb
from ssdb.cli import main
from ssdb.errors import InputError
from ssdb.io.writers import write_columns
from ssdb.store.database import Database

OVERFLOW = '<INFO name="QUERY_STATUS" value="OVERFLOW">Only 4 rows</INFO>'
ERROR = '<INFO name="QUERY_STATUS" value="ERROR">Query was aborted: time is up</INFO>'
SAID = {
    OVERFLOW: r"more rows than it gave \(OVERFLOW\) \(Only 4 rows\)",
    '<INFO name="QUERY_STATUS" value="OVERFLOW"/>': "OVERFLOW",
    ERROR: "it failed .ERROR. .Query was aborted: time is up",
}


@pytest.fixture
def database(memory: Database) -> Database:
    """How files are read does not depend on the database."""
    return memory


def votable(path: Path, columns: dict[str, Any], info: str, *, after: bool = True) -> Path:
    write_columns(pa.table(columns), path)
    text = path.read_text()
    text = text.replace("</TABLE>", f"</TABLE>{info}") if after else text.replace("<TABLE>", f"{info}<TABLE>")
    path.write_text(text)
    return path


@pytest.fixture
def night(database: Database) -> Database:
    ssdb.ingest_visits(database, visits())
    return database


@pytest.mark.parametrize("info", SAID)
@pytest.mark.parametrize("option", ["complete", "replace"])
def test_predictions_that_are_not_whole(night: Database, tmp_path: Path, info: str, option: str) -> None:
    path = votable(tmp_path / "p.vot", predictions(), info)
    with pytest.raises(InputError, match=rf"p\.vot: is not complete: .*{SAID[info]}.*leave out {option}=True"):
        ssdb.ingest_predictions(night, path, **{option: True})
    assert ssdb.status(night)["predictions"] == 0
    (doubt,) = ssdb.ingest_predictions(night, path).doubts
    assert "is not complete" in doubt


@pytest.mark.parametrize("after", [True, False])
def test_sources_that_are_not_whole(night: Database, tmp_path: Path, after: bool) -> None:
    ssdb.ingest_sources(night, sources())
    path = votable(tmp_path / "s.vot", sources(), OVERFLOW, after=after)
    with pytest.raises(InputError, match=r"s\.vot: is not complete.*leave out replace=True"):
        ssdb.ingest_sources(night, path, replace=True)
    assert ssdb.status(night)["sources"] == len(sources()["visit"])


@pytest.mark.parametrize("said", ['#INFO\tQUERY_STATUS="OVERFLOW"', "# -- truncated result (maxtup=4)"])
@pytest.mark.parametrize("after", [True, False])
def test_texts_that_are_not_whole(night: Database, tmp_path: Path, said: str, after: bool) -> None:
    write_columns(pa.table(sources()), tmp_path / "s.csv")
    lines = (tmp_path / "s.csv").read_text().splitlines()
    (tmp_path / "s.csv").write_text("\n".join([*lines, said] if after else [said, *lines]) + "\n")
    assert any(
        "is not complete: a comment says so" in doubt for doubt in ssdb.ingest_sources(night, tmp_path / "s.csv").doubts
    )
    with pytest.raises(InputError, match=r"is not complete.*replace=True"):
        ssdb.ingest_sources(night, tmp_path / "s.csv", replace=True)


def test_a_status_of_ok_says_nothing(night: Database, tmp_path: Path) -> None:
    path = votable(tmp_path / "p.vot", predictions(), '<INFO name="QUERY_STATUS" value="OK"/>', after=False)
    report = ssdb.ingest_predictions(night, path, complete=True, replace=True)
    assert not report.doubts


@pytest.mark.parametrize("serialization", ["tabledata", "binary", "binary2"])
def test_fewer_rows_than_it_says(night: Database, tmp_path: Path, serialization: str) -> None:
    """As elements or as a stream: told, and refused where the file is taken for whole."""
    path = votable(tmp_path / "p.vot", predictions(), "")
    Table.read(path).write(path, format="votable", tabledata_format=serialization, overwrite=True)
    path.write_text(re.sub("<TABLE( [^>]*)?>", '<TABLE nrows="9">', path.read_text()))
    for option in ("complete", "replace"):
        with pytest.raises(InputError, match="a table has 9 rows, and has 4"):
            ssdb.ingest_predictions(night, path, **{option: True})
    (doubt,) = ssdb.ingest_predictions(night, path).doubts
    assert "is not complete: it says that a table has 9 rows, and has 4" in doubt
    assert ssdb.status(night)["predictions"] == 4


def test_an_error_without_a_table_is_told(night: Database, tmp_path: Path) -> None:
    head = '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
    (tmp_path / "e.vot").write_text(f'<?xml version="1.0"?>{head}{ERROR}</RESOURCE></VOTABLE>')
    with pytest.raises(InputError, match=r"e\.vot: there is no table in it: .*Query was aborted: time is up"):
        ssdb.ingest_predictions(night, tmp_path / "e.vot")


def test_the_command_line_tells_it(sqlite_url: str, tmp_path: Path) -> None:
    path = votable(tmp_path / "v.vot", visits(), OVERFLOW)
    run = CliRunner().invoke(main, ["--db", sqlite_url, "ingest", "visits", str(path)])
    assert run.exit_code == 0, run.output
    assert "v.vot: is not complete: the service says that there are more rows" in run.stderr


def test_identifications_and_uploads_tell_it(database: Database, tmp_path: Path) -> None:
    numbered = {"permid": ["433"], "packed_primary_provisional_designation": ["I98D00Q"]}
    numbered |= {"unpacked_primary_provisional_designation": ["1898 DQ"], "iau_name": ["Eros"]}
    report = ssdb.ingest_identifications(database, votable(tmp_path / "n.vot", numbered, OVERFLOW))
    assert any("is not complete" in doubt for doubt in report.doubts)
    positions = {"ra": [50.0], "dec": [-5.0], "midpointMjdTai": [60000.1]}
    with pytest.warns(UserWarning, match="is not complete"):
        ssdb.named_query(database, "match-objects", upload=votable(tmp_path / "u.vot", positions, OVERFLOW))


@pytest.mark.parametrize("ending", [".csv", ".dat", ".fits", ".parquet", ".vot"])
def test_a_file_that_is_cut_changes_nothing(night: Database, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"s{ending}"
    if ending == ".dat":
        rows = zip(*sources().values(), strict=True)
        path.write_text("\n".join([" ".join(sources()), *(" ".join(map(str, row)) for row in rows)]))
    else:
        write_columns(pa.table(sources()), path)
    content = path.read_bytes()
    between = {".csv": b",", ".dat": b" "}
    path.write_bytes(content[: content.rindex(between[ending]) if ending in between else int(0.9 * len(content))])
    with pytest.raises(InputError, match=r"is it complete\?"):
        ssdb.ingest_sources(night, path, replace=True)
    assert ssdb.status(night)["sources"] == 0


@pytest.mark.parametrize("what", ["the pixels", "the bytes of gzip", "the second of two"])
def test_an_image_that_is_cut_within_gzip(database: Database, tmp_path: Path, what: str) -> None:
    """As one that is not compressed: refused, though its header is there."""
    cards = header(width=100, height=80, VISIT=10, MJD=60000.1)
    two = [hdu(cards, DETECTOR=number) for number in (1, 2)]
    content = write(tmp_path / "whole.fits", *two[: 2 if what == "the second of two" else 1]).read_bytes()
    cut = content[:-6_000]
    packed = gzip.compress(content)[:-20] if what == "the bytes of gzip" else gzip.compress(cut)
    for name, written in (("i.fits", cut), ("i.fits.gz", packed)):
        (tmp_path / name).write_bytes(written)
        with pytest.raises(InputError, match=r"is it complete\?"):
            ssdb.ingest_detectors(database, tmp_path / name, create_visits=True)
    (tmp_path / "whole.fits.gz").write_bytes(gzip.compress(content))
    assert ssdb.read_exposures(tmp_path / "whole.fits.gz")


@pytest.mark.parametrize("reader", ["mpc_orbits", "sorcha"])
def test_orbits_that_are_not_whole_are_told(database: Database, tmp_path: Path, reader: str) -> None:
    row = mpc_row() if reader == "mpc_orbits" else cometary()
    report = ssdb.ingest_orbits(database, votable(tmp_path / "o.vot", columns(row), OVERFLOW))
    assert report.rows == 1
    assert [doubt for doubt in report.doubts if "OVERFLOW" in doubt] == [report.doubts[0]]
    assert report.doubts[0].startswith("is not complete: the service says that there are more rows")


@pytest.mark.parametrize("flag", ["-1", "-2"])
def test_a_flag_of_skybot(night: Database, tmp_path: Path, flag: str) -> None:
    (tmp_path / "s.txt").write_text(f"# Flag: {flag}\n# Ticket: 1\n# the server is tired\n")
    with pytest.raises(InputError, match="SkyBoT reports an error"):
        ssdb.ingest_predictions(night, tmp_path / "s.txt", visit=10, replace=True)
