"""Nothing outside a file is opened when it is read: no address, no other file, whatever the file says."""

from __future__ import annotations

import base64
import http.server
import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from astropy.table import Table
from click.testing import CliRunner

from ssdb import connect, ingest_sources, read_exposures
from ssdb.ask.uploads import read_positions
from ssdb.cli import main
from ssdb.errors import InputError
from ssdb.ingest.formats.opsim import read_opsim
from ssdb.ingest.formats.sorcha import read_sorcha
from ssdb.ingest.orbits import ingest_orbits
from ssdb.io.tables import read_columns

FIELDS = '<FIELD name="ra" datatype="double" unit="deg"/><FIELD name="dec" datatype="double" unit="deg"/>'
OUTSIDE = r"nothing outside the file itself is ever opened"


def votable(data: str, before: str = "", fields: str = FIELDS) -> str:
    return (
        f'<?xml version="1.0"?>{before}<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f"<RESOURCE><TABLE>{fields}<DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"
    )


class _Counting(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(200)
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[tuple[str, type[_Counting]]]:
    """The address of a server on this machine, and what counts how often it is asked."""
    handler = type("Handler", (_Counting,), {"asked": 0})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}", handler
        listening.shutdown()
        thread.join()


STREAMS = {
    "binary": '<BINARY><STREAM href="{}"/></BINARY>',
    "binary2": '<BINARY2><STREAM encoding="base64" href="{}"/></BINARY2>',
    "gzip": '<BINARY><STREAM encoding="gzip" href="{}"/></BINARY>',
    "FITS": '<FITS extnum="1"><STREAM href="{}"/></FITS>',
    "Parquet": '<PARQUET type="VOTable-remote-file"><STREAM href="{}"/></PARQUET>',
    "prefix": '<v:BINARY xmlns:v="http://www.ivoa.net/xml/VOTable/v1.3"><v:STREAM href="{}"/></v:BINARY>',
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("scheme", ["http", "file"])
def test_streams_of_votables(tmp_path: Path, server: tuple[str, type[_Counting]], stream: str, scheme: str) -> None:
    """Refused before anything is asked for; the message says how to get the data into the file."""
    address, handler = server
    os.mkfifo(tmp_path / "pipe")  # whoever opens it waits for ever
    path = tmp_path / "a.vot"
    path.write_text(votable(stream.format(f"{address}/x" if scheme == "http" else (tmp_path / "pipe").as_uri())))
    with pytest.raises(InputError, match=rf"a\.vot: .*STREAM href.*{OUTSIDE}.*inline"):
        read_columns(path)
    with pytest.raises(InputError, match=OUTSIDE):
        read_positions(path)
    assert handler.asked == 0


def test_an_address_that_is_the_default_of_an_attribute(tmp_path: Path) -> None:
    """The file's own document type may give STREAM an href that the element does not show."""
    before = '<!DOCTYPE VOTABLE [<!ATTLIST STREAM href CDATA "file:///etc/hostname">]>'
    path = tmp_path / "a.vot"
    path.write_text(votable("<BINARY><STREAM/></BINARY>", before))
    with pytest.raises(InputError, match=OUTSIDE):
        read_columns(path)


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY x SYSTEM "{}">',
        '<!ENTITY % x SYSTEM "{}"> %x;',
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY x "&a;&a;&a;&a;&a;&a;&a;&a;">',
    ],
)
def test_entities(tmp_path: Path, server: tuple[str, type[_Counting]], declared: str) -> None:
    """An XML entity can stand for a file, an address, or any amount of text."""
    address, handler = server
    path = tmp_path / "a.xml"
    data = "<TABLEDATA><TR><TD>&x;</TD><TD>1</TD></TR></TABLEDATA>"
    path.write_text(votable(data, f"<!DOCTYPE VOTABLE [{declared.format(f'{address}/x')}]>"))
    with pytest.raises(InputError, match=rf"a\.xml: this XML declares entities .*{OUTSIDE}"):
        read_columns(path)
    assert handler.asked == 0


def test_old_document_type(tmp_path: Path, server: tuple[str, type[_Counting]]) -> None:
    """VOTables of version 1.0 name their DTD: it is not fetched, and the table is read."""
    address, handler = server
    path = tmp_path / "a.xml"
    data = "<TABLEDATA><TR><TD>10.5</TD><TD>-5</TD></TR></TABLEDATA>"
    path.write_text(votable(data, f'<!DOCTYPE VOTABLE SYSTEM "{address}/VOTable.dtd">'))
    assert read_columns(path).to_pylist() == [{"ra": 10.5, "dec": -5.0}]
    assert handler.asked == 0


@pytest.mark.parametrize("kind", ["BINARY", "BINARY2"])
def test_streams_inside_the_file(tmp_path: Path, kind: str) -> None:
    """Data inline are read as ever."""
    row = (b"\0" if kind == "BINARY2" else b"") + struct.pack(">dd", 10.5, -5.0)
    stream = f'<{kind}><STREAM encoding="base64">{base64.b64encode(3 * row).decode()}</STREAM></{kind}>'
    (tmp_path / "a.vot").write_text(votable(stream))
    assert read_columns(tmp_path / "a.vot").to_pylist() == 3 * [{"ra": 10.5, "dec": -5.0}]


@pytest.mark.parametrize("format", ["tabledata", "binary", "binary2"])
def test_what_astropy_writes(tmp_path: Path, format: str) -> None:
    """Numbers, texts, missing values: all of its serializations."""
    table = Table({"i": [1, 2], "f": [0.5, 1.5], "t": ["a", "bc"], "b": [True, False]})
    table.write(tmp_path / "a.vot", format="votable", tabledata_format=format)
    assert read_columns(tmp_path / "a.vot").to_pydict() == {
        "i": [1, 2],
        "f": [0.5, 1.5],
        "t": ["a", "bc"],
        "b": [True, False],
    }


@pytest.mark.parametrize(
    "ending", ["parquet", "fits", "fits.gz", "ecsv", "csv", "csv.gz", "vot", "h5", "db", "hdr", "txt"]
)
@pytest.mark.parametrize("scheme", ["http", "ftp", "file", "s3"])
def test_addresses_are_no_files(tmp_path: Path, server: tuple[str, type[_Counting]], ending: str, scheme: str) -> None:
    """An address where a path is expected is a file that does not exist."""
    address, handler = server
    place = address.replace("http", scheme, 1) + f"/x.{ending}"
    database = connect("sqlite://")
    for read in (
        read_columns,
        read_sorcha,
        read_opsim,
        read_exposures,
        lambda path: list(ingest_orbits(database, path)),
        lambda path: ingest_sources(database, path),
    ):
        with pytest.raises(InputError, match=r"there is no such file|ending does not say"):
            read(place)
    assert handler.asked == 0


def test_folders_that_look_like_addresses(
    tmp_path: Path, server: tuple[str, type[_Counting]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path such as http:/host/x.fits is that file."""
    address, handler = server
    monkeypatch.chdir(tmp_path)
    folder = Path(address)
    folder.mkdir(parents=True)
    for ending in ("fits", "ecsv", "vot", "parquet", "csv"):
        table = Table({"ra": [1.5]})
        where = str(tmp_path / folder / f"x.{ending}")
        table.write(where, **({"format": "votable"} if ending == "vot" else {}))
        assert read_columns(folder / f"x.{ending}").to_pylist() == [{"ra": 1.5}]
    assert handler.asked == 0


def test_names_of_other_files_in_metadata(tmp_path: Path) -> None:
    """Parquet's metadata may say that a column is in another file."""
    from pyarrow import parquet

    collected: list[parquet.FileMetaData] = []
    parquet.write_table(pa.table({"ra": [1.5]}), tmp_path / "data.parquet", metadata_collector=collected)
    collected[0].set_file_path("data.parquet")
    collected[0].write_metadata_file(tmp_path / "_metadata.parquet")
    with pytest.raises(InputError, match=r"_metadata\.parquet: cannot be read"):
        read_columns(tmp_path / "_metadata.parquet")


def test_upload(tmp_path: Path, server: tuple[str, type[_Counting]]) -> None:
    """The same for a table that a question is asked about, on the command line."""
    address, handler = server
    database = tmp_path / "s.db"
    path = tmp_path / "a.vot"
    path.write_text(votable(STREAMS["binary"].format(f"{address}/x")))
    run = CliRunner()
    assert run.invoke(main, ["--db", f"sqlite:///{database}", "init"]).exit_code == 0
    command = ["--db", f"sqlite:///{database}", "query", "--name", "match-objects", "--upload", str(path)]
    done = run.invoke(main, command)
    assert done.exit_code == 1
    assert f"ssdb: {path}: the data of this VOTable are elsewhere" in done.stderr
    assert handler.asked == 0
