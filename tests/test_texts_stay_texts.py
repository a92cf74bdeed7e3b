"""Text columns are read as text, letter by letter but for blanks around it: codes of observatories are no numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from astropy.table import Table
from ingesting import rows, sources, visits

from ssdb import ingest_predictions, ingest_sources, ingest_visits
from ssdb.errors import ConfigError
from ssdb.ingest.table.column_map import ColumnMap
from ssdb.store.database import Database

CODES = ["095", "000", "007", "X05"]
ROWS = "".join(f"{visit},60000.{visit},{code},0007\n" for visit, code in enumerate(CODES, 1))


@pytest.fixture
def database(memory: Database) -> Database:
    """How files are read does not depend on the database."""
    return memory


def codes(database: Database) -> list[str]:
    return [row["observatoryCode"] for row in rows(database, "Visit")]


@pytest.mark.parametrize("name", ["observatoryCode", "OBSERVATORYCODE", '"observatoryCode"'])
@pytest.mark.parametrize("n", [3, 4])
def test_codes_in_csv(database: Database, tmp_path: Path, name: str, n: int) -> None:
    """Also where all of them look like numbers."""
    (tmp_path / "v.csv").write_text(f"visit,midpointMjdTai,{name},instrument\n" + "".join(ROWS.splitlines(True)[:n]))
    ingest_visits(database, tmp_path / "v.csv")
    assert codes(database) == CODES[:n]
    assert {row["instrument"] for row in rows(database, "Visit")} == {"0007"}


def test_codes_under_other_names_in_csv(database: Database, tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("visit,midpointMjdTai,site,camera\n" + "".join(ROWS.splitlines(True)[:3]))
    ingest_visits(
        database, tmp_path / "v.csv", columns={"columns": {"observatoryCode": "site", "instrument": "camera"}}
    )
    assert codes(database) == CODES[:3]
    assert {row["instrument"] for row in rows(database, "Visit")} == {"0007"}


def test_codes_that_an_ecsv_file_has_as_numbers(database: Database, tmp_path: Path) -> None:
    header = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: visit, datatype: int64}\n"
    header += "# - {name: midpointMjdTai, unit: d, datatype: float64}\n"
    header += "# - {name: observatoryCode, datatype: int64, description: 'a code'}\n# schema: astropy-2.0\n"
    (tmp_path / "v.ecsv").write_text(
        f"{header}visit midpointMjdTai observatoryCode\n1 60000.1 095\n2 60000.2 000\n3 60000.3 007\n"
    )
    ingest_visits(database, tmp_path / "v.ecsv")
    assert codes(database) == CODES[:3]


@pytest.mark.parametrize("ending", ["ecsv", "vot", "fits", "parquet"])
def test_texts_in_other_formats(database: Database, tmp_path: Path, ending: str) -> None:
    table = Table({"visit": [1, 2, 3], "midpointMjdTai": [60000.1, 60000.2, 60000.3], "observatoryCode": CODES[:3]})
    table["band"] = ["r ", " r", "r"]
    options = {"format": "votable"} if ending == "vot" else {}
    table.write(tmp_path / f"v.{ending}", **options)
    ingest_visits(database, tmp_path / f"v.{ending}")
    assert codes(database) == CODES[:3]
    assert {row["band"] for row in rows(database, "Visit")} == {"r"}


def test_versions_keep_their_zeros(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, visits())
    text = "diaSourceId,visit,ra,dec,reliabilityVersion,band\n1,10,50,-5,1.10,r \n2,10,51,-5,2.00, r\n3,10,51,-5,,\n"
    (tmp_path / "s.csv").write_text(text)
    ingest_sources(database, tmp_path / "s.csv")
    stored = rows(database, "DiaSource")
    assert [row["reliabilityVersion"] for row in stored] == ["1.10", "2.00", None]
    assert [row["band"] for row in stored] == ["r", "r", None]


def test_nan_in_a_column_of_text_is_unknown(database: Database, tmp_path: Path) -> None:
    """As pandas may write what is missing."""
    (tmp_path / "v.csv").write_text("visit,midpointMjdTai,instrument\n1,60000.1,NaN\n2,60000.2,nan\n")
    ingest_visits(database, tmp_path / "v.csv")
    assert [row["instrument"] for row in rows(database, "Visit")] == [None, None]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{constant: 007}", "007"),
        ("{constant: 000}", "000"),
        ("{constant: 095}", "095"),
        ("{constant: 1.10}", "1.10"),
        ("{constant: 1e1}", "1e1"),
        ("{constant: ' X05 '}", "X05"),
        ("{column: site, values: {a: 007}}", "007"),
        ("{column: site, values: {a: 1.10, b: '2'}}", "1.10"),
        ("{column: site, values: {a : '007 '}}", "007"),
    ],
)
def test_text_of_a_map(tmp_path: Path, database: Database, entry: str, expected: str) -> None:
    (tmp_path / "m.yaml").write_text(f"columns:\n  instrument: {entry}\n")
    ingest_visits(database, {"visit": [1], "midpointMjdTai": [60000.1], "site": ["a"]}, columns=tmp_path / "m.yaml")
    assert [row["instrument"] for row in rows(database, "Visit")] == [expected]


@pytest.mark.parametrize("entry", ["{constant: no}", "{column: site, values: {a: on}}"])
def test_words_that_yaml_takes_for_true_or_false_are_no_text(database: Database, tmp_path: Path, entry: str) -> None:
    (tmp_path / "m.yaml").write_text(f"columns:\n  instrument: {entry}\n")
    with pytest.raises(ConfigError, match=r"instrument: YAML takes yes, no, on and off for true .* in quotes"):
        ingest_visits(database, {"visit": [1], "midpointMjdTai": [60000.1], "site": ["a"]}, columns=tmp_path / "m.yaml")


@pytest.mark.parametrize(
    ("lines", "name"), [("  ra: a\n  ra: b\n", "ra"), ("  band: {column: f, values: {1: g, 1: r}}\n", "1")]
)
def test_what_is_twice_in_a_map_is_refused(tmp_path: Path, lines: str, name: str) -> None:
    (tmp_path / "m.yaml").write_text(f"columns:\n{lines}")
    with pytest.raises(ConfigError, match=rf"m\.yaml: .*: {name} is there twice"):
        ColumnMap.read(tmp_path / "m.yaml")


@pytest.mark.parametrize("given", [[95, 0, 7, 807], [95.0, 0.0, 7.0, 807.0]])
def test_codes_that_have_become_numbers_get_their_zeros_back(database: Database, given: list[float]) -> None:
    report = ingest_visits(database, {"visit": [1, 2, 3, 4], "midpointMjdTai": [60000.1] * 4, "observatoryCode": given})
    assert codes(database) == ["095", "000", "007", "807"]
    assert report.doubts == ("observatoryCode holds numbers, taken for codes with zeros before: 095 of 95",)


def test_numbers_of_a_map_stay_numbers(tmp_path: Path, database: Database) -> None:
    """Octal and hexadecimal ones are those of YAML 1.1."""
    (tmp_path / "m.yaml").write_text(
        "columns:\n  visit: {constant: 0x1F}\n  midpointMjdTai: {constant: 60000.5}\n  exposureTime: {constant: 1_000}"
    )
    ingest_visits(database, {"band": ["r"]}, columns=tmp_path / "m.yaml")
    (row,) = rows(database, "Visit")
    assert (row["visit"], row["midpointMjdTai"], row["exposureTime"]) == (31, 60000.5, 1000)


@pytest.mark.parametrize(
    ("values", "column", "expected"),
    [
        ({"007": "a", 7: "b"}, ["007", "7", "07"], ["a", "b", "b"]),
        ({1: "g", 2: "r"}, ["1 ", " 2", "01"], ["g", "r", "g"]),
        ({"r ": "r", "g": "g "}, ["r", "g"], ["r", "g"]),
        ({"t": "yes", "f": "no"}, [True, False], ["yes", "no"]),
        ({True: "yes", False: "no"}, ["True", "false"], ["yes", "no"]),
        ({1: "yes", 0: "no"}, [True, None], ["yes", None]),
        ({1: "g"}, ["1", " "], ["g", None]),
    ],
)
def test_values_are_found_however_they_are_written(values: Any, column: list[Any], expected: list[Any]) -> None:
    import pyarrow as pa

    made = ColumnMap.from_dict({"columns": {"band": {"column": "x", "values": values}}})
    table = made.apply(pa.table({"x": column}), "f.csv", ("band",))
    assert table.column("band").to_pylist() == expected


def test_the_band_of_a_detector_alone() -> None:
    from task_inputs import exposure, predictions
    from task_inputs import sources as of_detector

    from ssdb import SsSingleFrameAssociation

    near = of_detector([10.0], [10.0]) | {"band": ["r "]}
    result = SsSingleFrameAssociation().run(exposure(), near, "r", predictions([10.0], [10.0]))
    assert result.ssoAssocDiaSources["band"].tolist() == ["r"]


def test_padded_bands_of_sources_make_one_band_of_the_visit(database: Database) -> None:
    padded = sources() | {"band": ["r ", "r", " r", "r", "g", "g ", "g", "g"], "midpointMjdTai": [60000.1] * 8}
    ingest_sources(database, padded, create_visits=True)
    assert [row["band"] for row in rows(database, "Visit")] == ["r", "g"]


@pytest.mark.parametrize("ending", ["vot", "fits", "parquet"])
def test_codes_that_are_numbers_in_other_formats_are_told(database: Database, tmp_path: Path, ending: str) -> None:
    """A number does not tell 95 from 095; names of objects, which may be numbers, are not told."""
    table = Table({"visit": [1], "midpointMjdTai": [60000.1], "observatoryCode": [95]})
    options = {"format": "votable"} if ending == "vot" else {}
    table.write(tmp_path / f"v.{ending}", **options)
    (doubt,) = ingest_visits(database, tmp_path / f"v.{ending}").doubts
    assert doubt.startswith("observatoryCode holds numbers")
    assert codes(database) == ["095"]
    rows_ = {"diaSourceId": [1], "visit": [1], "ra": [1.0], "dec": [1.0], "reliabilityVersion": [1.1]}
    (doubt,) = ingest_sources(database, rows_).doubts
    assert doubt.startswith("reliabilityVersion is text")
    predicted = {"visit": [1], "designation": [433], "ephRa": [1.0], "ephDec": [1.0]}
    assert not ingest_predictions(database, predicted).doubts
