"""Sorcha's HDF5 files: all that it writes is read, nothing in them runs, and nothing outside them is opened."""

from __future__ import annotations

import errno
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ssdb import max_memory
from ssdb.errors import InputError
from ssdb.ingest.formats.sorcha import read_sorcha
from ssdb.io.formats.hdf5 import read_hdf5

pytestmark = pytest.mark.filterwarnings("ignore::tables.NaturalNameWarning", "ignore::pandas.errors.PerformanceWarning")


def survey(n: int, first: int = 0) -> pd.DataFrame:
    """Rows of Sorcha's survey output."""
    number = np.arange(first, first + n)
    return pd.DataFrame(
        {
            "ObjID": [f"2011 OB{60 + i % 7}" for i in number],
            "FieldID": 2**53 + 1 + number,
            "fieldMJD_TAI": 60225.25 + number / 1000,
            "RATrue_deg": number % 360 + 0.5,
            "DecTrue_deg": -12.0,
            "RA_deg": 100.0,
            "Dec_deg": 50.0,
            "astrometricSigma_deg": 1e-5,
            "optFilter": pd.Categorical(np.array(list("ugrizy"))[number % 6], categories=list("ugrizy")),
            "object_linked": number % 2 == 0,
        }
    )


def append(path: Path, rows: pd.DataFrame, key: str = "sorcha_results") -> None:
    """Appends rows as Sorcha 1.0 to 1.2.1 does (PPOutWriteHDF5)."""
    with pd.HDFStore(path) as store:
        store.append(key, rows.astype({"ObjID": str}), format="t", data_columns=True)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.h5"
    append(path, survey(20))
    return path


def edited(path: Path, edit: Callable[[h5py.File], Any]) -> Path:
    with h5py.File(path, "a") as file:
        edit(file)
    return path


@pytest.mark.parametrize("key", ["sorcha_results", "sorcha_ephemeris"])
def test_chunks_with_a_categorical_column(tmp_path: Path, key: str) -> None:
    """The filter is a category: pandas writes a second key for it, and it is no table of predictions."""
    rows = survey(50)
    for first in range(0, 50, 20):
        append(tmp_path / "night.h5", rows.iloc[first : first + 20], key)
    found = read_sorcha(tmp_path / "night.h5")
    rows.assign(optFilter=rows["optFilter"].astype(str)).to_csv(tmp_path / "night.csv", index=False)
    assert found.equals(read_sorcha(tmp_path / "night.csv"))
    assert found["visit"].to_pylist() == list(range(2**53 + 1, 2**53 + 51))


@pytest.mark.parametrize("data_columns", [True, None])
def test_categories_are_texts_again(tmp_path: Path, data_columns: bool | None) -> None:
    """Of columns stored one by one, and of those stored in blocks by type."""
    rows = survey(8)
    rows.loc[3, "optFilter"] = np.nan
    rows.to_hdf(tmp_path / "a.h5", key="a", format="table", data_columns=data_columns)
    names, table = read_hdf5(tmp_path / "a.h5", ["ObjID"], ["ObjID", "optFilter", "FieldID", "nothing"])
    assert set(names) == set(rows.columns)
    assert table["ObjID"].to_pylist() == rows["ObjID"].tolist()
    assert table["optFilter"].to_pylist() == ["u", "g", "r", None, "z", "y", "u", "g"]
    assert table["FieldID"].to_pylist() == rows["FieldID"].tolist()


def test_a_categorical_name(tmp_path: Path) -> None:
    """Names of objects that pandas has as categories are names."""
    rows = survey(30)
    rows.assign(ObjID=rows["ObjID"].astype("category")).to_hdf(tmp_path / "a.h5", key="a", format="table")
    append(tmp_path / "b.h5", rows)
    assert read_sorcha(tmp_path / "a.h5").equals(read_sorcha(tmp_path / "b.h5"))


def test_several_keys(tmp_path: Path) -> None:
    """Older versions wrote a key a chunk; integers in one of them and floats in another become floats."""
    rows = survey(4).assign(FieldID=[1, 2, 3, 4])
    append(tmp_path / "a.h5", rows.iloc[:2], "one")
    append(tmp_path / "a.h5", rows.iloc[2:].astype({"FieldID": float}), "two/deeper")
    _, table = read_hdf5(tmp_path / "a.h5", ["ObjID"], ["ObjID", "FieldID"])
    assert table["ObjID"].to_pylist() == rows["ObjID"].tolist()
    assert table.schema.field("FieldID").type == pa.float64()


def test_keys_with_different_columns(tmp_path: Path) -> None:
    """One of them lacks a column that the other has: an error that names both."""
    append(tmp_path / "a.h5", survey(2), "one")
    append(tmp_path / "a.h5", survey(2).drop(columns="DecTrue_deg"), "two")
    with pytest.raises(InputError, match=r"a\.h5: /two/table has no column DecTrue_deg, and /one/table has one"):
        read_sorcha(tmp_path / "a.h5")


def test_two_hundred_thousand_rows(tmp_path: Path) -> None:
    """Within the bounds of memory as they are set by default, with threads in this process."""
    rows = survey(200_000)
    append(tmp_path / "a.h5", rows)
    _, table = read_hdf5(tmp_path / "a.h5", ["ObjID"], ["ObjID", "FieldID", "optFilter"])
    assert table["FieldID"].to_numpy().tolist() == rows["FieldID"].tolist()
    assert table["optFilter"].to_pylist() == rows["optFilter"].tolist()


# ---- nothing runs ----------------------------------------------------------------------------------------------------


class Marks:
    """An object that makes a folder where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def test_objects_of_a_fixed_frame(tmp_path: Path) -> None:
    """Its texts are pickled: refused, with the name of the column and what to do, and not unpickled."""
    marker = tmp_path / "marker"
    rows = survey(1)[["ObjID", "fieldMJD_TAI"]].astype({"ObjID": object})
    rows.loc[0, "ObjID"] = Marks(marker)
    rows.to_hdf(tmp_path / "a.h5", key="a", format="fixed")
    with pytest.raises(InputError, match=r"a\.h5: /a is .*'fixed': column ObjID .* pickled .* CSV or Parquet"):
        read_sorcha(tmp_path / "a.h5")
    assert not marker.exists()
    pd.read_hdf(tmp_path / "a.h5")
    assert marker.exists(), "the payload works where it is unpickled"


@pytest.mark.parametrize(
    ("place", "attribute", "protocol"),
    [
        ("a/table", "values_block_0_kind", 0),
        ("a/table", "values_block_0_kind", 4),
        ("a/table", "values_block_0_meta", 0),
        ("a", "non_index_axes", 0),
        ("a", "info", 0),
        ("a", "pandas_type", 0),
        ("/", "TITLE", 0),
    ],
)
def test_pickled_attributes(tmp_path: Path, place: str, attribute: str, protocol: int) -> None:
    """They are looked at where the names of columns are in them, and not unpickled."""
    marker = tmp_path / "marker"
    survey(3).to_hdf(tmp_path / "a.h5", key="a", format="table")
    payload = np.void(pickle.dumps([Marks(marker)], protocol)) if protocol else pickle.dumps([Marks(marker)], 0)
    edited(tmp_path / "a.h5", lambda file: file[place].attrs.__setitem__(attribute, payload))
    if attribute == "values_block_0_kind":
        with pytest.raises(InputError, match="the names of columns of /a/table are no list of texts"):
            read_sorcha(tmp_path / "a.h5")
    else:
        assert read_sorcha(tmp_path / "a.h5").num_rows == 3
    assert not marker.exists()


def test_the_payload_of_a_pickled_attribute_works(tmp_path: Path) -> None:
    """What the tests above use would be run by a reader that unpickles."""
    marker = tmp_path / "marker"
    survey(3).to_hdf(tmp_path / "a.h5", key="a", format="table")
    payload = pickle.dumps([Marks(marker)], 0)
    edited(tmp_path / "a.h5", lambda file: file["a/table"].attrs.__setitem__("values_block_0_kind", payload))
    with pd.HDFStore(tmp_path / "a.h5", "r") as store, pytest.raises(Exception):  # noqa: B017  whatever it raises
        store["a"]
    assert marker.exists()


# ---- nothing outside the file is opened ------------------------------------------------------------------------------


def _external_link(file: h5py.File, other: Path) -> None:
    file["other"] = h5py.ExternalLink(str(other), "sorcha_results")


def _soft_through_external(file: h5py.File, other: Path) -> None:
    file["other"] = h5py.SoftLink("/there/sorcha_results")
    file["there"] = h5py.ExternalLink(str(other), "/")


def _external_storage(file: h5py.File, other: Path) -> None:
    dtype = np.dtype([("ObjID", "S8"), ("fieldMJD_TAI", "f8")])
    file.create_dataset("other", (1,), dtype, external=[(str(other), 0, 16)])


def _virtual(file: h5py.File, other: Path) -> None:
    dtype = np.dtype([("ObjID", "S8"), ("fieldMJD_TAI", "f8")])
    layout = h5py.VirtualLayout((1,), dtype)
    layout[:] = h5py.VirtualSource(str(other), "x", (1,), dtype)
    file.create_virtual_dataset("other", layout)


@pytest.mark.parametrize("refer", [_external_link, _soft_through_external, _external_storage, _virtual])
def test_other_files_are_not_opened(
    tmp_path: Path, good: Path, refer: Callable[[h5py.File, Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever way the format has to refer to another file, here a pipe that whoever opens it waits for."""
    monkeypatch.setattr("ssdb.io.formats.hdf5.PATIENCE", 60.0)
    os.mkfifo(tmp_path / "pipe")
    path = edited(good, lambda file: refer(file, tmp_path / "pipe"))
    with pytest.raises(InputError, match=r"other file; nothing outside the file itself is ever opened|another file"):
        read_sorcha(path)


def test_filters_of_plugins(good: Path) -> None:
    """A filter that is not HDF5's own would be a library to load."""
    dtype = np.dtype([("ObjID", "S8"), ("fieldMJD_TAI", "f8")])

    def edit(file: h5py.File) -> None:
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk((1,))
        created.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, (2, 2))
        h5py.h5d.create(file.id, b"other", h5py.h5t.py_create(dtype), h5py.h5s.create_simple((1,)), created)

    with pytest.raises(InputError, match=r"other is compressed by a filter \(number 32001\).*ptrepack"):
        read_sorcha(edited(good, edit))


def test_the_process_may_not_open_files() -> None:
    """Once the file is open, nothing else can be, whatever the library would like to do."""
    code = (
        "import sys; from ssdb.io.formats import hdf5_child; hdf5_child._open_no_other()\n"
        "try: open('/dev/null')\nexcept OSError as error: print(error.errno)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(errno.EMFILE)


# ---- bounds ----------------------------------------------------------------------------------------------------------


def test_rows_that_are_claimed(good: Path) -> None:
    """A table of a million million rows, of which none is stored, is refused; the option allows more."""
    dtype = np.dtype([("ObjID", "S8"), ("fieldMJD_TAI", "f8"), ("FieldID", "i8"), ("RA_deg", "f8"), ("Dec_deg", "f8")])
    edited(good, lambda file: file.create_dataset("other", (10**12,), dtype, chunks=(1000,)))
    with pytest.raises(InputError, match=r"good\.h5: takes more memory .*1 GB are allowed.*max_memory"):
        read_sorcha(good)


def test_chunks_that_unfold(tmp_path: Path) -> None:
    """A chunk is decompressed as a whole."""
    dtype = np.dtype(
        [("ObjID", "S2000"), ("fieldMJD_TAI", "f8"), ("FieldID", "i8"), ("RA_deg", "f8"), ("Dec_deg", "f8")]
    )
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", data=np.zeros(20_000, dtype), chunks=(20_000,), compression="gzip")
    assert (tmp_path / "a.h5").stat().st_size < 200_000
    with max_memory("10MB"), pytest.raises(InputError, match=r"a\.h5: takes more memory .*0\.01 GB are allowed"):
        read_sorcha(tmp_path / "a.h5")


def test_groups_in_a_circle(good: Path) -> None:
    """A group that contains itself is looked at once."""
    edited(good, lambda file: file.__setitem__("circle/again", file["/"]))
    assert read_sorcha(good).num_rows == 20


def test_a_process_that_is_silent(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended, and the message says so."""
    monkeypatch.setattr("ssdb.io.formats.hdf5.PATIENCE", 0.001)
    with pytest.raises(
        InputError, match=r"good\.h5: cannot be read as HDF5: the HDF5 library stopped; is it damaged\?"
    ):
        read_sorcha(good)


def _truncated(content: bytes) -> bytes:
    return content[: len(content) // 3]


def _mutated(seed: int) -> Callable[[bytes], bytes]:
    def mutate(content: bytes) -> bytes:
        places = random.Random(seed)
        changed = bytearray(content)
        for _ in range(30):
            changed[places.randrange(16, len(changed))] = places.randrange(256)
        return bytes(changed)

    return mutate


@pytest.mark.parametrize("damage", [_truncated, *map(_mutated, range(6))])
def test_damaged_files(good: Path, damage: Callable[[bytes], bytes]) -> None:
    """An error that names the file, or the rows: never the end of this process, nor a traceback."""
    good.write_bytes(damage(good.read_bytes()))
    error = None
    try:
        read_sorcha(good)
    except InputError as raised:
        error = str(raised)
    assert error is None or (error.startswith(f"{good}: ") and len(error.splitlines()) == 1)


def test_a_damaged_list_of_categories(tmp_path: Path) -> None:
    """A number of a category that is not there is an error."""
    append(tmp_path / "a.h5", survey(6))

    def edit(file: h5py.File) -> None:
        table = file["sorcha_results/table"]
        rows = table[:]
        rows["optFilter"] = 7
        table[:] = rows

    edited(tmp_path / "a.h5", edit)
    with pytest.raises(InputError, match="column optFilter of /sorcha_results/table is damaged"):
        read_hdf5(tmp_path / "a.h5", ["ObjID"], ["optFilter"])


def test_a_table_that_pandas_did_not_write(tmp_path: Path) -> None:
    """Records as h5py and PyTables write them are columns, too."""
    dtype = [("ObjID", "S9"), ("FieldID", ">i8"), ("fieldMJD_TAI", ">f8"), ("RA_deg", "f4"), ("Dec_deg", "f8")]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/rows"] = np.array([(b"2011 OB60", 5, 60000.5, 1.5, -2.0)], dtype)
        file["picture"] = np.zeros((3, 3))
    table = read_sorcha(tmp_path / "a.h5")
    assert table.select(["visit", "midpointMjdTai", "ephRa", "ephDec"]).to_pylist() == [
        {"visit": 5, "midpointMjdTai": 60000.5, "ephRa": 1.5, "ephDec": -2.0}
    ]
