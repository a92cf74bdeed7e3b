"""Column maps that say the sign of a flux, and make identifiers of several numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from astropy import units as u
from astropy.table import Table
from ingesting import refused, rows, visits

from ssdb import ingest_sources, ingest_visits
from ssdb.errors import ConfigError, InputError
from ssdb.ingest.table.column_map import ColumnMap
from ssdb.store.database import Database

DOCS = Path(__file__).parent.parent / "docs/column-maps.md"

Columns = dict[str, Any]


def documented(heading: str) -> Columns:
    """The column map under a heading of the documentation."""
    section = DOCS.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    found = re.search(r"```yaml\n(.*?)```", section, re.S)
    assert found is not None
    return found[1]  # type: ignore[return-value]


def mapped(entry: Any, columns: Columns, name: str = "x") -> list[Any]:
    return ColumnMap.from_dict({"columns": {name: entry}}).apply(pa.table(columns), "f.csv").column(name).to_pylist()


# ---- signs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize(
    "isdiffpos",
    [["t", "f"], ["1", "0"], [1, 0], [1.0, 0.0], [True, False], ["true", "FALSE"], ["T", "F "], ["+", "-"]],
)
def test_the_documented_recipe_of_ztf(database: Database, tmp_path: Path, isdiffpos: list[Any], ending: str) -> None:
    """A decrement of magnitude 18 is -229086.77 nJy, and negative: 10 ** ((31.4 - 18) / 2.5), 3630.78 Jy at 0."""
    (tmp_path / "ztf.yaml").write_text(documented("ZTF's alerts"))
    table = pa.table(
        {
            "candid": [1222345678915015000, 1222345678915015001],
            "visit": [10, 10],
            "jd": [2459999.6, 2459999.6],
            "fid": [1, 2],
            "magpsf": [18.0, 18.0],
            "sigmapsf": [0.1, 0.1],
            "ra": [50.0, 50.1],
            "dec": [-5.0, -5.0],
            "isdiffpos": isdiffpos,
        }
    )
    if ending == "csv":
        table.to_pandas().to_csv(tmp_path / "ztf.csv", index=False)
    else:
        pq.write_table(table, tmp_path / "ztf.parquet")
    ingest_visits(database, visits())
    ingest_sources(database, tmp_path / f"ztf.{ending}", columns=tmp_path / "ztf.yaml")
    stored = rows(database, "DiaSource")
    assert [row["psfFlux"] for row in stored] == pytest.approx([229086.77, -229086.77], rel=1e-6)
    assert [row["psfFluxErr"] for row in stored] == pytest.approx([21099.7, 21099.7], rel=1e-5)
    assert [row["isNegative"] for row in stored] == [False, True]
    assert [row["band"] for row in stored] == ["g", "r"]


def test_a_sign_that_is_unknown_makes_an_unknown_flux() -> None:
    entry = {"column": "m", "convert": "ABmag", "sign": "s"}
    fluxes = mapped(entry, {"m": [18.0, 18.0, 18.0], "s": ["t", None, ""]})
    assert fluxes == [pytest.approx(229086.77), None, None]


def test_a_sign_that_is_none_is_named() -> None:
    entry = {"column": "m", "convert": "ABmag", "sign": "s"}
    with pytest.raises(InputError, match=r"f\.csv: column s must say the sign .*\(row 2: 'maybe'\)"):
        mapped(entry, {"m": [18.0, 18.0], "s": ["t", "maybe"]})
    with pytest.raises(InputError, match=r"takes x from s, but the file has: m"):
        mapped(entry, {"m": [18.0]})


def test_the_sign_of_what_is_a_flux_already() -> None:
    assert mapped({"column": "f", "sign": "s"}, {"f": [5.0, 5.0, None], "s": [1, -1, 1]}) == [5.0, -5.0, None]
    entry = {"column": "f", "unit": "uJy", "sign": "s"}
    table = ColumnMap.from_dict({"columns": {"x": entry}}).apply(pa.table({"f": [5.0], "s": ["f"]}), "f.csv")
    assert table.column("x").to_pylist() == [-5.0]
    assert table.schema.field("x").metadata[b"unit"] == b"uJy"


@pytest.mark.parametrize("convert", ["ABmag_error", "time"])
def test_errors_and_times_have_no_sign(convert: str) -> None:
    more = {"magnitude": "m"} if convert == "ABmag_error" else {"format": "jd", "scale": "utc"}
    with pytest.raises(ConfigError, match="sign does not go with convert"):
        ColumnMap.from_dict({"columns": {"x": {"column": "f", "convert": convert, "sign": "s", **more}}})


# ---- identifiers -----------------------------------------------------------------------------------------------------


def catalogue(n: int = 3) -> Table:
    """Of one image, as SExtractor writes it."""
    table = Table({"NUMBER": np.arange(1, n + 1, dtype=np.int32)})
    table["ALPHA_J2000"] = np.linspace(50.0, 50.2, n) * u.deg
    table["DELTA_J2000"] = np.linspace(-5.0, -4.9, n) * u.deg
    table["MAG_PSF"] = np.array([18.9, 99.0, 21.4])[:n] * u.mag
    table["MAGERR_PSF"] = np.array([0.1, 99.0, 0.2])[:n] * u.mag
    return table


def test_the_documented_recipe_of_sextractor(database: Database, tmp_path: Path) -> None:
    """Three images, each with NUMBER from 1; a magnitude of 99 is no flux."""
    ingest_visits(database, visits())
    text = documented("SExtractor's catalogues")
    for visit, detector in ((10, 0), (10, 1), (20, 0)):
        catalogue().write(tmp_path / f"{visit}-{detector}.fits")
        of_image = yaml.safe_load(text)
        of_image["columns"] |= {"visit": {"constant": visit}, "detector": {"constant": detector}}
        report = ingest_sources(database, tmp_path / f"{visit}-{detector}.fits", columns=of_image)
        assert report.left_out == ()
    stored = rows(database, "DiaSource")
    assert sorted(row["diaSourceId"] for row in stored) == sorted(
        (visit * 1000 + detector) * 1_000_000 + number
        for visit, detector in ((10, 0), (10, 1), (20, 0))
        for number in (1, 2, 3)
    )
    flux = {row["diaSourceId"]: row["psfFlux"] for row in stored}
    assert [flux[10_000_000_000 + number] for number in (1, 2, 3)] == [pytest.approx(1e5), None, pytest.approx(1e4)]
    error = {row["diaSourceId"]: row["psfFluxErr"] for row in stored}
    assert error[10_000_000_002] is None


def test_identifiers_of_the_files_own_columns(database: Database, tmp_path: Path) -> None:
    """Of a Parquet file that is read in parts, too; visit and detector stay columns of their own."""
    n = 5_000
    table = pa.table(
        {
            "visit": np.where(np.arange(n) < n // 2, 10, 20),
            "detector": np.arange(n) % 3,
            "number": np.arange(n),
            "ra": np.linspace(50, 51, n),
            "dec": np.linspace(-5, -4, n),
        }
    )
    pq.write_table(table, tmp_path / "s.parquet", row_group_size=1_000)
    ingest_visits(database, visits())
    made = {"diaSourceId": {"make_from": ["visit", "detector", "number"], "below": [256, 65536]}}
    report = ingest_sources(database, tmp_path / "s.parquet", columns={"columns": made})
    assert (report.rows, report.left_out) == (n, ())
    last = rows(database, "DiaSource")[-1]
    assert last["diaSourceId"] == (20 * 256 + last["detector"]) * 65536 + n - 1 or last["visit"] == 20


MADE = {"make_from": ["visit", "detector", "NUMBER"], "below": [200, 1000]}


def of(visit: list[Any], detector: list[Any], number: list[Any]) -> Columns:
    return {"visit": visit, "detector": detector, "NUMBER": number}


def test_an_identifier_is_what_its_numbers_make() -> None:
    columns = of([1, 2**44], [199, 0], [999, 7])
    assert mapped(MADE, columns) == [(1 * 200 + 199) * 1000 + 999, 2**44 * 200_000 + 7]
    assert mapped(MADE, of(["1"], ["007"], ["9 "])) == [207_009]
    assert mapped(MADE, of([1], [2.0], [9])) == [202_009]
    assert mapped(MADE, of([1, 1], [2, None], [None, 9])) == [None, None]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (of([1, 1], [0, 200], [1, 1]), r"column detector is not below 200, .* \(row 2: 200\)"),
        (of([1, 1], [0, 0], [1, 1000]), r"column NUMBER is not below 1000, .* \(row 2: 1000\)"),
        (of([1, 1], [0, 0], [1, -1]), r"column NUMBER is below 0.*\(row 2: -1\)"),
        (of([-1], [0], [1]), r"column visit is below 0.*\(row 1: -1\)"),
        (of([2**50], [0], [1]), r"beyond 64 bits with NUMBER"),
        (of([1], [0], [1.5]), r"column NUMBER must hold whole numbers"),
        (of([1], [0], ["one"]), r"column NUMBER must hold whole numbers"),
    ],
)
def test_numbers_that_would_collide_are_refused(columns: Columns, words: str) -> None:
    with pytest.raises(InputError, match=rf"f\.csv: .*{words}"):
        mapped(MADE, columns)


def test_identifiers_need_their_columns(database: Database) -> None:
    with pytest.raises(InputError, match=r"takes x from NUMBER, but the file has: visit"):
        mapped(MADE, {"visit": [1], "detector": [1]})
    source = {"visit": [10], "detector": [1], "NUMBER": [5000], "ra": [1.0], "dec": [2.0]}
    ingest_visits(database, visits())
    refused(database, ingest_sources, source, "NUMBER", "below 1000", columns={"columns": {"diaSourceId": MADE}})


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"make_from": ["a", "b"]}, "below"),
        ({"make_from": "a", "below": [1]}, "make_from"),
        ({"make_from": ["a"], "below": []}, "make_from"),
        ({"make_from": ["a", "a"], "below": [10]}, "make_from"),
        ({"make_from": ["a", "x"], "below": [10]}, "itself"),
        ({"make_from": ["a", "b", "c"], "below": [10]}, r"\[1000, 1000000\]"),
        ({"make_from": ["a", "b"], "below": [0]}, "below"),
        ({"make_from": ["a", "b"], "below": [True]}, "below"),
        ({"make_from": ["a", "b"], "below": [2**64]}, "64 bits"),
        ({"make_from": ["a", "b"], "below": [10], "column": "c"}, "column"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(entry: Any, named: str) -> None:
    with pytest.raises(ConfigError, match=rf"x: .*{named}"):
        ColumnMap.from_dict({"columns": {"x": entry}})
