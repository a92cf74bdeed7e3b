"""Binary streams of VOTables that are cut short: astropy takes what is there for all there is."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from astropy.io.votable import from_table, writeto
from astropy.table import MaskedColumn, Table

from ssdb.errors import InputError
from ssdb.io.table_notes import incomplete
from ssdb.io.tables import read_columns

STREAM = re.compile(r"(<STREAM[^>]*>)([^<]*)(</STREAM>)")
FIXED = {
    "visit": np.arange(1, 8),
    "ra": np.linspace(10.0, 20.0, 7),
    "flag": np.array([True, False] * 3 + [True]),
    "small": np.arange(7, dtype=np.int16),
    "pair": np.arange(14, dtype=np.float32).reshape(7, 2),
}
TEXTS = {
    "name": MaskedColumn(np.array(["a", "bcd", "", "Ceres", "x" * 40, "y", "z"], object), mask=[False] * 6 + [True]),
    "array": np.array(
        [np.ma.array(np.arange(n, dtype=np.int32), mask=[False] * n) for n in (1, 0, 3, 2, 5, 1, 4)], object
    ),
}
KINDS = {"fixed": FIXED, "of variable length": FIXED | TEXTS, "of variable length at the end": {"n": [1] * 7} | TEXTS}


def votable(columns: dict[str, object], rows: int, how: str) -> str:
    file = io.BytesIO()
    writeto(from_table(Table(columns)[:rows]), file, tabledata_format=how)
    return file.getvalue().decode()


def stream(text: str) -> bytes:
    found = STREAM.search(text)
    assert found
    return base64.b64decode(found[2])


def with_stream(text: str, content: str, **said: str) -> str:
    text = STREAM.sub(lambda found: found[1] + content + found[3], text)
    return text.replace("<TABLE", "<TABLE " + " ".join(f'{name}="{value}"' for name, value in said.items()), 1)


@pytest.mark.parametrize("how", ["binary", "binary2"])
@pytest.mark.parametrize("columns", KINDS.values(), ids=KINDS)
def test_a_stream_that_ends_within_a_row_is_not_whole(tmp_path: Path, columns: dict[str, object], how: str) -> None:
    """Wherever it is cut: at the end of a row nothing shows it, unless the table says how many rows it has."""
    path = tmp_path / "a.vot"
    whole = votable(columns, 7, how)
    content = stream(whole)
    ends = {len(stream(votable(columns, n, how))): n for n in range(1, 8)} | {0: 0}
    assert max(ends) == len(content)
    for n in range(len(content) + 1):
        path.write_text(with_stream(whole, base64.b64encode(content[:n]).decode()))
        if n in ends:
            assert read_columns(path).num_rows == ends[n]
        else:
            with pytest.raises(InputError, match=r"a\.vot: is not whole: its stream ends within row \d"):
                read_columns(path)
    path.write_text(with_stream(whole, base64.b64encode(content).decode(), nrows="7"))
    assert read_columns(path).num_rows == 7
    path.write_text(with_stream(whole, base64.b64encode(content[: sorted(ends)[-2]]).decode(), nrows="7"))
    # As of a table whose rows are elements: told, and refused where the file is taken for whole.
    table = read_columns(path)
    assert table.num_rows == 6
    assert incomplete(table.schema) == "it says that a table has 7 rows, and has 6"


@pytest.mark.parametrize("damage", ["!!!!{}", "{}A", "{}=AAA"])
def test_a_stream_that_is_no_base64(tmp_path: Path, damage: str) -> None:
    whole = votable(FIXED, 7, "binary")
    (tmp_path / "a.vot").write_text(with_stream(whole, damage.format(base64.b64encode(stream(whole)).decode())))
    with pytest.raises(InputError, match=r"a\.vot: its stream is not whole, or is no base64"):
        read_columns(tmp_path / "a.vot")


def test_a_stream_within_the_file_is_base64(tmp_path: Path) -> None:
    whole = votable(FIXED, 7, "binary").replace('encoding="base64"', 'encoding="gzip"')
    (tmp_path / "a.vot").write_text(whole)
    with pytest.raises(InputError, match=r"a\.vot: not a VOTable: .* base64, not as 'gzip'"):
        read_columns(tmp_path / "a.vot")


def test_masks_of_more_than_eight_fields(tmp_path: Path) -> None:
    """They take a byte more."""
    columns = {f"c{n}": np.arange(5, dtype=np.int16) for n in range(11)}
    whole = votable(columns, 5, "binary2")
    (tmp_path / "a.vot").write_text(whole)
    assert read_columns(tmp_path / "a.vot").num_rows == 5
    (tmp_path / "a.vot").write_text(with_stream(whole, base64.b64encode(stream(whole)[:-1]).decode()))
    with pytest.raises(InputError, match="within row 5"):
        read_columns(tmp_path / "a.vot")
