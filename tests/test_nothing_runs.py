"""Nothing that is in a file runs: payloads that would make a folder do not, whichever reader has the file.

That HDF5 files run nothing is tested in test_hdf5.py.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from astropy.io import fits
from astropy.table import Table
from pyarrow import parquet

from ssdb.errors import SsdbError
from ssdb.ingest.formats.mpsky import read_mpsky
from ssdb.ingest.formats.opsim import read_opsim
from ssdb.ingest.formats.sorcha import read_sorcha
from ssdb.ingest.table.column_map import ColumnMap
from ssdb.io.tables import read_columns
from ssdb.io.writers import write_columns


class Marks:
    """An object that makes a folder where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    """A folder that must not be there in the end."""
    yield tmp_path / "marker"
    assert not (tmp_path / "marker").exists()


def pickled(marker: Path) -> bytes:
    return pickle.dumps(Marks(marker), 0)


def tags(marker: Path) -> list[str]:
    """YAML that makes a folder where its loader makes objects."""
    return [
        f"!!python/object/apply:os.mkdir ['{marker}']",
        f"!!python/object/new:os.mkdir ['{marker}']",
        f"!!python/object/apply:builtins.eval [\"__import__('os').mkdir('{marker}')\"]",
    ]


def test_the_payloads_work(tmp_path: Path) -> None:
    """What the other tests use would be run by what loads without care."""
    pickle.loads(pickled(tmp_path / "a"))
    yaml.unsafe_load(tags(tmp_path / "b")[0])
    assert (tmp_path / "a").exists()
    assert (tmp_path / "b").exists()


@pytest.mark.parametrize("which", range(3))
def test_column_maps(tmp_path: Path, marker: Path, which: int) -> None:
    """Tags of Python objects are an error."""
    (tmp_path / "map.yaml").write_text(f"columns:\n  ra: {tags(marker)[which]}\n")
    with pytest.raises(SsdbError, match=r"map\.yaml"):
        ColumnMap.read(tmp_path / "map.yaml")


@pytest.mark.parametrize("which", range(3))
def test_the_yaml_of_ecsv(tmp_path: Path, marker: Path, which: int) -> None:
    """Of its header, in any place."""
    path = tmp_path / "a.ecsv"
    for place in ("meta: {}", "datatype: {}"):
        lines = ["%ECSV 1.0", "---", "datatype:", "- {name: a, datatype: int64}", place.format(tags(marker)[which])]
        path.write_text("".join(f"# {line}\n" for line in lines) + "a\n1\n")
        with pytest.raises(SsdbError, match=r"a\.ecsv"):
            read_columns(path)


@pytest.mark.parametrize("name", ["os.mkdir", "subprocess.run", "builtins.eval"])
def test_classes_that_ecsv_names(tmp_path: Path, marker: Path, name: str) -> None:
    """astropy makes columns of classes that the header names; only of its own."""
    path = tmp_path / "a.ecsv"
    serialized = f"meta: {{__serialized_columns__: {{t: {{__class__: {name}, path: {marker}, __dummy__: a}}}}}}"
    lines = ["%ECSV 1.0", "---", "datatype:", "- {name: a, datatype: int64}", serialized]
    path.write_text("".join(f"# {line}\n" for line in lines) + "a\n1\n")
    with pytest.raises(SsdbError, match=r"a\.ecsv"):
        read_columns(path)


@pytest.mark.parametrize("which", range(3))
def test_the_yaml_of_parquet(tmp_path: Path, marker: Path, which: int) -> None:
    """astropy keeps units in it."""
    about = f"datatype:\n- {{name: a, unit: deg, datatype: int64}}\nmeta: {tags(marker)[which]}\n"
    table = pa.table({"a": [1]}).replace_schema_metadata({"table_meta_yaml": about})
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(SsdbError, match=r"a\.parquet"):
        read_columns(tmp_path / "a.parquet")


def test_extension_types(tmp_path: Path, marker: Path) -> None:
    """Arrow's type of a Python class is a pickle in the metadata of a field, of Parquet and of Arrow streams."""
    metadata = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": pickled(marker)}
    schema = pa.schema([pa.field("a", pa.int64()), pa.field("b", pa.int64(), metadata=metadata)])
    table = pa.table([[1], [2]], schema=schema)
    parquet.write_table(table, tmp_path / "a.parquet")
    assert read_columns(tmp_path / "a.parquet")["a"].to_pylist() == [1]
    tensor = pa.Tensor.from_numpy(np.zeros((2, 3, 1)))
    with pa.OSFile(str(tmp_path / "answer"), "wb") as sink:
        pa.ipc.write_tensor(tensor, sink)
        pa.ipc.write_tensor(tensor, sink)
        with pa.ipc.new_stream(sink, schema) as writer:
            writer.write_table(table)
    with pytest.raises(SsdbError, match="answer"):
        read_mpsky(tmp_path / "answer", 1, 60000.0)


def test_metadata_of_pandas(tmp_path: Path, marker: Path) -> None:
    """What pandas writes into Parquet is not looked at."""
    column = {"name": "a", "field_name": "a", "pandas_type": "object", "numpy_type": "object"}
    column["metadata"] = base64.b64encode(pickled(marker)).decode()
    about = {"index_columns": [pickled(marker).decode()], "columns": [column], "pandas_version": "2"}
    table = pa.table({"a": [1]}).replace_schema_metadata({"pandas": json.dumps(about), "ARROW:pickle": pickled(marker)})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert read_columns(tmp_path / "a.parquet").to_pydict() == {"a": [1]}


def test_fits(tmp_path: Path, marker: Path) -> None:
    """Cards, YAML that astropy writes into comments, a file of another format in an extension."""
    table = fits.BinTableHDU.from_columns([fits.Column("a", "K", array=[1])])
    table.header["COMMENT"] = "--BEGIN-ASTROPY-SERIALIZED-COLUMNS--"
    table.header["COMMENT"] = "datatype:"
    table.header["COMMENT"] = f"- {{name: a, datatype: {tags(marker)[0][:60]}"
    table.header["COMMENT"] = f"{tags(marker)[0][60:]}}}"
    table.header["COMMENT"] = "--END-ASTROPY-SERIALIZED-COLUMNS--"
    asdf = b"#ASDF 1.0.0\n%YAML 1.1\n--- " + tags(marker)[0].encode() + b"\n...\n"
    column = fits.Column("ASDF_METADATA", f"{len(asdf)}B", array=[list(asdf)])
    tree = fits.BinTableHDU.from_columns([column], name="ASDF")
    fits.HDUList([fits.PrimaryHDU(), table, tree]).writeto(tmp_path / "a.fits")
    try:
        assert read_columns(tmp_path / "a.fits").to_pydict() == {"a": [1]}
    except SsdbError as error:
        assert "a.fits" in str(error)  # noqa: PT017


def test_votable(tmp_path: Path, marker: Path) -> None:
    """Texts of a VOTable are texts, whatever pickles or YAML they are."""
    table = Table({"a": [pickled(marker).decode(), tags(marker)[0]]}, meta={"description": tags(marker)[1]})
    table.write(tmp_path / "a.vot", format="votable")
    assert read_columns(tmp_path / "a.vot")["a"].to_pylist() == table["a"].tolist()


def test_bytes_are_bytes(tmp_path: Path, marker: Path) -> None:
    """A pickle in a column stays what it is."""
    write_columns(pa.table({"a": [pickled(marker)]}), tmp_path / "a.parquet")
    assert read_columns(tmp_path / "a.parquet")["a"].to_pylist() == [pickled(marker)]


# ---- SQLite ----------------------------------------------------------------------------------------------------------

OPSIM = "observationId, observationStartMJD, visitTime, visitExposureTime, fieldRA, fieldDec, filter"
VALUES = "1, 60218.0, 34.0, 30.0, 1.0, 2.0, 'r'"


def schedule(path: Path, sql: str) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(sql)
    return path


@pytest.mark.parametrize(
    "function", ["load_extension('marker')", "writefile('marker', 'x')", "fts3_tokenizer('x', 'y')"]
)
def test_views_that_call_functions(tmp_path: Path, marker: Path, function: str) -> None:
    """Functions that do more than compute are an error in a view."""
    values = VALUES.replace("'r'", function)
    path = schedule(tmp_path / "a.db", f"CREATE VIEW observations({OPSIM}) AS SELECT {values}")
    with pytest.raises(SsdbError, match=r"a\.db: cannot be read as an SQLite database"):
        read_opsim(path)


def test_functions_of_the_schema(tmp_path: Path) -> None:
    """Columns that are computed, indexes of expressions and defaults do not write either."""
    sql = (
        f"CREATE TABLE observations({OPSIM}, x AS (abs(fieldRA))); CREATE TABLE log(n);"
        f"INSERT INTO observations({OPSIM}) VALUES ({VALUES});"
        "CREATE INDEX i ON observations(lower(filter));"
        "CREATE TRIGGER t AFTER INSERT ON observations BEGIN INSERT INTO log VALUES (1); END;"
    )
    path = schedule(tmp_path / "a.db", sql)
    content = path.read_bytes()
    assert read_opsim(path)["visit"].to_pylist() == [1]
    assert path.read_bytes() == content
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.db"]


def test_tables_of_extensions(tmp_path: Path) -> None:
    """A table that an extension of SQLite makes is none of the file's."""
    sql = (
        f"CREATE VIRTUAL TABLE observations USING fts5({OPSIM}); INSERT INTO observations VALUES ({VALUES});"
        f"CREATE VIEW SummaryAllProps AS SELECT * FROM observations"
    )
    path = schedule(tmp_path / "a.db", sql)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM observations").fetchone() == (1,)
    with pytest.raises(SsdbError, match=r"a\.db"):
        read_opsim(path)


def test_views_of_settings(tmp_path: Path) -> None:
    """A view reads tables of the file, and neither settings nor raw pages."""
    for source in ("pragma_database_list", "sqlite_dbpage"):
        path = tmp_path / f"{source}.db"
        schedule(path, f"CREATE VIEW observations({OPSIM}) AS SELECT {VALUES} FROM {source}")
        with pytest.raises(SsdbError, match=r"\.db: cannot be read as an SQLite database"):
            read_opsim(path)


def test_sorcha_in_sqlite(tmp_path: Path) -> None:
    """The same holds for predictions."""
    columns = "ObjID, FieldID, fieldMJD_TAI, RA_deg, Dec_deg"
    values = "'2011 OB60', 1, 60218.0, 1.0, load_extension('marker')"
    path = schedule(tmp_path / "a.db", f"CREATE VIEW sorcha_results({columns}) AS SELECT {values}")
    with pytest.raises(SsdbError, match=r"a\.db: cannot be read as an SQLite database"):
        read_sorcha(path)
