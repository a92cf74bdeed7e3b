"""Finding objects by any of their names."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from identifications import EROS, EROS_PRIMARY, current, numbered
from ingesting import EROS as BY_NUMBER
from ingesting import MQ204, load_night, rows, visits
from test_views import insert

from ssdb.ask.sql import query
from ssdb.cli import main
from ssdb.errors import DesignationError, NotFoundError
from ssdb.identity.designation import name_in
from ssdb.identity.resolve import resolve
from ssdb.ingest.identifications import ingest_identifications
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.visits import ingest_visits
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.schema.survey import ss_alias
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect


def identified(packed: str) -> int:
    return int.from_bytes(packed.encode(), "big")


def predicted(*names: str, visit: int = 10) -> dict[str, list]:
    n = len(names)
    return {"visit": [visit] * n, "designation": list(names), "ephRa": [50.0] * n, "ephDec": [-5.0] * n}


NAMES = [
    ("433", "number", EROS_PRIMARY, "A898 PA"),
    ("(433)", "number", EROS_PRIMARY, "A898 PA"),
    (" 433 ", "number", EROS_PRIMARY, "A898 PA"),
    ("00433", "packed", EROS_PRIMARY, "A898 PA"),
    ("Eros", "name", EROS_PRIMARY, "A898 PA"),
    ("eROS", "name", EROS_PRIMARY, "A898 PA"),
    ("433 Eros", "name", EROS_PRIMARY, "A898 PA"),
    ("A898 PA", "provisional", EROS_PRIMARY, "A898 PA"),
    ("1898 PA", "provisional", EROS_PRIMARY, "A898 PA"),
    ("I98P00A", "packed", EROS_PRIMARY, "A898 PA"),
    ("K15MK4Q", "packed", MQ204, "2015 MQ204"),
    ("2015 MQ204", "provisional", MQ204, "2015 MQ204"),
    ("2015MQ204", "provisional", MQ204, "2015 MQ204"),
    ("2015_MQ204", "provisional", MQ204, "2015 MQ204"),
    ("2015 mq204", "provisional", MQ204, "2015 MQ204"),
    ("2010 AB", "secondary", MQ204, "2015 MQ204"),
    ("K10A00B", "packed", MQ204, "2015 MQ204"),
    ("1P", "number", identified("PG82Q010"), "P/1682 Q1"),
    ("1P/Halley", "name", identified("PG82Q010"), "P/1682 Q1"),
    ("C/2017 K2", "provisional", identified("CK17K020"), "C/2017 K2"),
    ("C/2017 K2 (PANSTARRS)", "name", identified("CK17K020"), "C/2017 K2"),
    ("67P", "number", identified("0067P"), "67P"),
    ("67p", "number", identified("0067P"), "67P"),
    ("73P-BB", "provisional", identified("0073Pbb"), "73P-BB"),
    ("1I", "number", identified("0001I"), "1I"),
    ("1I/'Oumuamua", "name", identified("0001I"), "1I"),
    ("2040 P-L", "provisional", identified("PLS2040"), "2040 P-L"),
]


def test_every_name_finds_the_one_object(database: Database) -> None:
    ingest_identifications(database, current(("2010 AB", "2015 MQ204"), ("2015 MQ204", "2015 MQ204")))
    ingest_identifications(database, numbered(("433", "A898 PA", "Eros"), ("1P", "P/1682 Q1", None)))
    for name, kind, object_id, designation in NAMES:
        answer = resolve(database, name)
        assert (answer.name, answer.kind, answer.ssObjectId, answer.designation) == (name, kind, object_id, designation)
        assert answer.in_database is False
        assert answer.names[designation] in ("provisional", "number")
    eros = {"433": "number", "00433": "packed", "Eros": "name", "A898 PA": "provisional", "I98P00A": "packed"}
    assert resolve(database, "I98P00A").names == eros
    both = {"2015 MQ204": "provisional", "K15MK4Q": "packed", "2010 AB": "secondary", "K10A00B": "packed"}
    assert resolve(database, "2010AB").names == resolve(database, "2015 MQ204").names == both


def test_the_tables_alone_are_enough(database: Database) -> None:
    """A replica of them that was not loaded by ssdb has put nothing into SsAlias."""
    ingest_identifications(database, current(("2010 AB", "2015 MQ204")))
    ingest_identifications(database, EROS)
    with database.writing() as connection:
        connection.execute(ss_alias.delete())
    for name, kind, object_id, _ in NAMES[:17]:
        assert (resolve(database, name).kind, resolve(database, name).ssObjectId) == (kind, object_id), name


def test_numbers_alone_where_nothing_is_loaded(database: Database) -> None:
    answer = resolve(database, "433")
    assert (answer.ssObjectId, answer.designation, answer.kind) == (BY_NUMBER, "433", "number")
    assert answer.names == {"433": "number", "00433": "packed"}


def test_whether_anything_of_it_is_stored(database: Database) -> None:
    """A prediction, a source, or an orbit is enough; and rows under other designations are told."""
    load_night(database)
    insert(database, mpc_orbits, {"packed_primary_provisional_designation": "K03Y26F"})
    ingest_predictions(database, predicted("C/2017 K2"))
    for name in ("2015 MQ204", "433", "2003 YF26", "C/2017 K2"):
        assert resolve(database, name).in_database, name
    assert not resolve(database, "434").in_database
    ingest_identifications(database, EROS)
    answer = resolve(database, "Eros")
    assert (answer.ssObjectId, answer.in_database, answer.stored_under) == (EROS_PRIMARY, True, ("433",))


def test_a_simulated_object(database: Database) -> None:
    ingest_visits(database, visits())
    with pytest.raises(NotFoundError):
        resolve(database, "S100cuQfa")
    ingest_predictions(database, predicted("S100cuQfa"), simulated_names=True)
    answer = resolve(database, "S100cuQfa")
    assert answer.ssObjectId == rows(database, "SsPrediction")[0]["ssObjectId"] < 0
    assert (answer.kind, answer.designation, answer.in_database) == ("name", "S100cuQfa", True)


@pytest.mark.parametrize("name", ["Erös", "no such thing", "", "2015 II1", "%", "S100cuQfa"])
def test_what_is_unknown_says_what_was_tried(database: Database, name: str) -> None:
    ingest_identifications(database, EROS)
    with pytest.raises(NotFoundError, match="is not known") as caught:
        resolve(database, name)
    assert [
        word for word in ("designation", "SsAlias", "numbered_identifications") if word not in str(caught.value)
    ] == []


def test_a_name_of_several_objects_names_them_all(database: Database) -> None:
    """Comets are called by their discoverers."""
    ingest_visits(database, visits())
    ingest_predictions(database, predicted("C/2017 K2 (PANSTARRS)", "2I/Borisov"))
    assert resolve(database, "panstarrs").designation == "C/2017 K2"
    assert resolve(database, "Borisov").ssObjectId == identified("0002I")
    ingest_predictions(database, predicted("P/2016 J1 (PANSTARRS)", visit=20))
    with pytest.raises(DesignationError, match="2 objects") as caught:
        resolve(database, "PanSTARRS")
    assert "C/2017 K2" in str(caught.value)
    assert "P/2016 J1" in str(caught.value)


def test_letters_beyond_ascii_fold_too(database: Database) -> None:
    ingest_identifications(database, numbered(("1931", "A898 PA", "Čapek")))
    for name in ("Čapek", "čapek", "ČAPEK"):
        assert resolve(database, name).ssObjectId == EROS_PRIMARY


@pytest.fixture(scope="module")
def loaded(module_database_url: str) -> Database:
    database = connect(module_database_url)
    ingest_identifications(database, EROS)
    return database


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    year=st.integers(1925, 2099),
    half=st.sampled_from("ABCDEFGHJKLMNOPQRSTUVWXY"),
    order=st.sampled_from("ABCDEFGHJKLMNOPQRSTUVWXYZ"),
    cycle=st.integers(0, 619),
    separator=st.sampled_from([" ", "", "_", "  "]),
)
def test_any_spelling_of_a_designation_is_the_same_object(
    loaded: Database, year: int, half: str, order: str, cycle: int, separator: str
) -> None:
    designation = f"{year} {half}{order}{cycle or ''}"
    answer = resolve(loaded, designation.replace(" ", separator))
    assert (answer.designation, answer.names[designation]) == (designation, "provisional")
    (packed,) = [name for name, kind in answer.names.items() if kind == "packed"]
    assert answer.ssObjectId == identified(packed)
    assert resolve(loaded, packed).ssObjectId == answer.ssObjectId


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("433 Eros", "Eros"),
        ("(85) Io", "Io"),
        ("4015 Wilson-Harrington (1979 VA)", "Wilson-Harrington"),
        ("C/2017 K2 (PANSTARRS)", "PANSTARRS"),
        ("73P/Schwassmann-Wachmann 3-BB", "Schwassmann-Wachmann 3"),
        ("1I/'Oumuamua (A/2017 U1)", "'Oumuamua"),
        *((text, None) for text in ("433", "(433)", "2015 MQ204", "2040 P-L", "433 A898 PA", "1I/2017 U1", "K15MK4Q")),
    ],
)
def test_the_name_beside_a_designation(text: str, name: str | None) -> None:
    assert name_in(text) == name


# In SQL


def test_the_view_has_every_name_and_every_object_with_a_source(database: Database) -> None:
    load_night(database)
    ingest_predictions(database, predicted("C/2017 K2 (PANSTARRS)"))
    statement = "SELECT alias, ssObjectId, designation, kind FROM ObjectName"
    comet = identified("CK17K020")
    expected = {
        ("433", BY_NUMBER, "433", "number"),
        ("2015 MQ204", MQ204, "2015 MQ204", "provisional"),
        ("C/2017 K2", comet, "C/2017 K2", "provisional"),
        ("C/2017 K2 (PANSTARRS)", comet, "C/2017 K2", "name"),
    }
    assert sorted(query(database, statement).rows) == sorted(expected)
    ingest_identifications(database, EROS)
    of_eros = query(database, f"{statement} WHERE ssObjectId = {EROS_PRIMARY}").rows
    kinds = {"433": "number", "00433": "packed", "Eros": "name", "A898 PA": "provisional", "I98P00A": "packed"}
    assert sorted(of_eros) == sorted((alias, EROS_PRIMARY, "A898 PA", kind) for alias, kind in kinds.items())


# On the command line


def test_the_command_tells_what_it_finds_and_fails_for_the_rest(database_url: str) -> None:
    database = connect(database_url)
    load_night(database)
    ingest_identifications(database, EROS)
    run = CliRunner().invoke(main, ["--db", database_url, "resolve", "Eros", "2003 YF26"])
    assert run.exit_code == 0
    assert [
        word for word in (str(EROS_PRIMARY), "A898 PA", "433 (number)", "not in the database") if word not in run.output
    ] == []
    assert "ssdb relink" in run.stderr
    run = CliRunner().invoke(main, ["--db", database_url, "resolve", "Erosion", "433", "--json"])
    assert run.exit_code == 1
    assert "'Erosion' is not known" in run.stderr
    (answer,) = json.loads(run.stdout)
    assert (answer["name"], answer["ssObjectId"], answer["kind"]) == ("433", EROS_PRIMARY, "number")
    database.close()
