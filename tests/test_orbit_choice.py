"""Of two orbits of one object the primary designation's is kept, else the newer one: by every road, and told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from identifications import current, numbered
from orbit_files import CERES, PALLAS, changed, columns, mpc_row, mpcorb, stored

from ssdb.identity.relink import relink
from ssdb.ingest.formats import mpc_orbits as reader
from ssdb.ingest.identifications import ingest_identifications
from ssdb.ingest.orbit_choice import MADE_WAY, STAYS, TWICE
from ssdb.ingest.orbits import ingest_orbits
from ssdb.io import text_lines
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect

LINK = current(("2010 AB", "2015 MQ204"), ("2011 CD5", "2015 MQ204"), ("2015 MQ204", "2015 MQ204"))
NUMBERED = numbered(("4321", "2015 MQ204", None))
PACKED = {"2015 MQ204": "K15MK4Q", "2010 AB": "K10A00B", "2011 CD5": "K11C05D", "4321": "04321"}


def orbit(name: str, epoch: float = 61000.0, fit: datetime | None = None, n: int = 10) -> dict[str, Any]:
    """An orbit that is known again by its number of observations."""
    return mpc_row(
        packed_primary_provisional_designation=PACKED[name],
        unpacked_primary_provisional_designation=name,
        epoch_mjd=epoch,
        peri_time=60900.0,
        fitting_datetime=fit,
        nobs_total=n,
    )


PRIMARY = orbit("2015 MQ204", n=212)
OLD, NEW = datetime(2025, 1, 1), datetime(2026, 1, 1)
# The better one, and the other one.
PAIRS = {
    "the primary's, of many observations": (PRIMARY, orbit("2010 AB", 58000.0, n=12)),
    "the primary's, of an older epoch": (orbit("2015 MQ204", 58000.0, n=212), orbit("2010 AB", 61000.0, n=12)),
    "the primary's, of an older fit": (orbit("2015 MQ204", fit=OLD, n=212), orbit("2010 AB", fit=NEW, n=12)),
    "the number's": (orbit("4321", 58000.0, n=212), orbit("2010 AB", n=12)),
    "the newer epoch of the primary's": (PRIMARY, orbit("2015 MQ204", 60800.0, NEW, 12)),
    "the newer epoch, under the number": (orbit("4321", n=212), orbit("2015 MQ204", 60800.0, n=12)),
    "the newer epoch, not under the number": (PRIMARY, orbit("4321", 60800.0, n=12)),
    "the newer fit": (orbit("2015 MQ204", fit=NEW, n=212), orbit("2015 MQ204", fit=OLD, n=12)),
    "a fit that is known": (orbit("2015 MQ204", fit=OLD, n=212), orbit("2015 MQ204", n=12)),
    "the newer epoch of two others": (orbit("2011 CD5", n=212), orbit("2010 AB", 60800.0, NEW, 12)),
    "the newer fit of two others": (orbit("2010 AB", fit=NEW, n=212), orbit("2011 CD5", fit=OLD, n=12)),
}
NAME = "unpacked_primary_provisional_designation"
SECONDARY = ("2010 AB", "2011 CD5")


def of(pairs: dict[str, tuple[dict[str, Any], dict[str, Any]]]) -> Any:
    return pytest.mark.parametrize(("better", "other"), pairs.values(), ids=pairs)


of_pairs = of(PAIRS)
of_two_names = of({name: pair for name, pair in PAIRS.items() if pair[0][NAME] != pair[1][NAME]})


@pytest.fixture
def on_sqlite(sqlite_url: str) -> Iterator[Database]:
    """For what no database has a part in."""
    with closing(connect(sqlite_url)) as opened:
        yield opened


def identified(database: Database) -> Database:
    for table in (LINK, NUMBERED):
        ingest_identifications(database, table)
    return database


def kept(database: Database) -> list[int]:
    rows = stored(database)
    assert set(rows) == {"2015 MQ204"}
    return [row["nobs_total"] for row in rows.values()]


@of_pairs
@pytest.mark.parametrize("last", [False, True])
def test_in_one_file(on_sqlite: Database, better: dict[str, Any], other: dict[str, Any], last: bool) -> None:
    identified(on_sqlite)
    report = ingest_orbits(on_sqlite, columns(*([other, better] if last else [better, other])))
    assert kept(on_sqlite) == [212]
    assert (report.rows, report.invalid) == (1, 1)
    assert report.doubts == (f"{TWICE} (row {1 if last else 2})",)


@of_pairs
@pytest.mark.parametrize("last", [False, True])
def test_in_two_parts_of_a_file(
    on_sqlite: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    better: dict[str, Any],
    other: dict[str, Any],
    last: bool,
) -> None:
    identified(on_sqlite)
    monkeypatch.setattr(reader, "_PARQUET_ROWS", 1)
    table = pa.Table.from_pylist([other, better] if last else [better, other])
    fitted = table.column("fitting_datetime").cast(pa.timestamp("us"))
    table = table.set_column(table.column_names.index("fitting_datetime"), "fitting_datetime", fitted)
    pyarrow.parquet.write_table(table, tmp_path / "o.parquet")
    report = ingest_orbits(on_sqlite, tmp_path / "o.parquet")
    assert kept(on_sqlite) == [212]
    assert (report.rows, report.invalid) == (1, 1)
    assert report.doubts == (f"{TWICE} (row {1 if last else 2})",)


@of_pairs
def test_in_two_files_the_better_one_last(database: Database, better: dict[str, Any], other: dict[str, Any]) -> None:
    identified(database)
    ingest_orbits(database, columns(other))
    report = ingest_orbits(database, columns(better))
    made_way = other[NAME] in SECONDARY
    assert report.doubts == ((f"{MADE_WAY} (row 1)",) if made_way else ())
    assert (report.rows, report.changed, report.older) == (1, 1, 0)
    assert kept(database) == [212]


@of_pairs
def test_in_two_files_the_better_one_first(database: Database, better: dict[str, Any], other: dict[str, Any]) -> None:
    identified(database)
    ingest_orbits(database, columns(better))
    report = ingest_orbits(database, columns(other))
    assert kept(database) == [212]
    assert (report.rows, report.invalid, report.older) == (0, 1, 1)
    assert report.doubts == (f"{STAYS} (row 1)",)


@of_pairs
@pytest.mark.parametrize("last", [False, True])
def test_where_the_first_was_stored_before_it_was_known_whose_it_is(
    database: Database, better: dict[str, Any], other: dict[str, Any], last: bool
) -> None:
    first, second = (other, better) if last else (better, other)
    name = first[NAME]
    ingest_orbits(database, columns(first))
    identified(database)
    report = ingest_orbits(database, columns(second))
    relink(database)
    assert kept(database) == [212]
    made_way = last and name in SECONDARY
    told = (f"{MADE_WAY} (row 1)",) if made_way else () if last else (f"{STAYS} (row 1)",)
    assert report.doubts == told


@of_two_names
@pytest.mark.parametrize("last", [False, True])
def test_by_relink(database: Database, better: dict[str, Any], other: dict[str, Any], last: bool) -> None:
    ingest_orbits(database, columns(*([other, better] if last else [better, other])))
    identified(database)
    report = relink(database)
    assert kept(database) == [212]
    assert report.removed == {"mpc_orbits": 1}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_of_three_in_any_order(database: Database, order: tuple[int, ...]) -> None:
    rows = [orbit("2010 AB", 61200.0, n=1), orbit("2015 MQ204", 61000.0, n=212), orbit("4321", 58000.0, n=3)]
    identified(database)
    ingest_orbits(database, columns(*(rows[i] for i in order)))
    assert kept(database) == [212]


# Loaded one by one: the number's, of a newer epoch than its primary designation's, and two others, which are newer yet.
ORBITS = [
    orbit("2015 MQ204", 58000.0, n=3),
    orbit("4321", 58100.0, n=212),
    orbit("2010 AB", 61200.0, NEW, n=1),
    orbit("2011 CD5", 61200.0, NEW, n=2),
]


def loaded(database: Database, events: Sequence[dict[str, Any] | str]) -> dict[str, Any]:
    """The orbit that is stored in the end, whatever its number of row."""
    for event in events:
        if event == "identifications":
            identified(database)
        elif event == "relink":
            relink(database)
        elif isinstance(event, dict):
            ingest_orbits(database, columns(event))
    relink(database)
    (row,) = stored(database).values()
    return {name: value for name, value in row.items() if name != "id"}


def test_every_order_of_loading_gives_the_same_orbit() -> None:
    """Identifications and relink at any place among the files; with the primary's, and without."""
    random = Random(13)
    for orbits, n, name in ((ORBITS, 212, "04321"), (ORBITS[2:], 1, "K10A00B"), (ORBITS[::2], 3, None)):
        orders = [*permutations([*orbits, "identifications", "relink"])]
        for events in random.sample(orders, 6):
            with closing(connect()) as database:
                row = loaded(database, events)
                names = [one if isinstance(one, str) else one[NAME] for one in events]
                assert (row["nobs_total"], row["designation_in_source"]) == (n, name), names


@pytest.mark.parametrize("place", [0, 4])
def test_the_order_does_not_matter_on_a_server(postgresql_url: str, place: int) -> None:
    events: list[Any] = ORBITS[::-1]
    events.insert(place, "identifications")
    with closing(connect(postgresql_url)) as database:
        row = loaded(database, events)
        assert (row["nobs_total"], row["designation_in_source"]) == (212, "04321")


def test_of_equal_ones_of_two_names_one_is_kept_in_any_order(database: Database) -> None:
    """As in MPCORB.DAT, where all epochs are equal: the first by packed designation."""
    identified(database)
    for name in ("2011 CD5", "2010 AB", "2011 CD5"):
        ingest_orbits(database, columns(orbit(name, n=212 if name == "2010 AB" else 12)))
    assert kept(database) == [212]


def test_an_equal_one_is_a_correction(database: Database) -> None:
    """The newer file has its reasons; the same file again changes nothing."""
    for n in (12, 13, 13):
        report = ingest_orbits(database, columns(orbit("2015 MQ204", n=n)))
        assert (report.rows, report.doubts) == (1, ())
        assert kept(database) == [n]


def test_an_older_file_leaves_what_is_newer(database: Database, tmp_path: Path) -> None:
    """Half of its objects are new."""
    ingest_orbits(database, mpcorb(tmp_path / "new.dat", CERES))
    before = stored(database)
    report = ingest_orbits(database, mpcorb(tmp_path / "old.dat", changed(CERES, 21, "K2555"), PALLAS))
    assert (report.rows, report.invalid, report.doubts) == (1, 1, (f"{STAYS} (line 6)",))
    assert stored(database)["1"] == before["1"]
    assert set(stored(database)) == {"1", "2"}


def test_the_parts_of_a_text_are_one_file(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_lines, "_BYTES_PER_BLOCK", 400)
    lines = [changed(CERES, 1, f"{n:05d}") for n in range(1, 12)]
    lines[2] = changed(changed(CERES, 1, "00007"), 21, "K2555")  # before the newer one
    lines[9] = changed(changed(CERES, 1, "00004"), 21, "K2555")  # behind it
    report = ingest_orbits(database, mpcorb(tmp_path / "a.dat", *lines, header=""))
    assert (report.rows, report.invalid) == (9, 2)
    assert report.doubts == (f"{TWICE} (lines 3, 10)",)
    assert {row["epoch_mjd"] for row in stored(database).values()} == {61000.0}
