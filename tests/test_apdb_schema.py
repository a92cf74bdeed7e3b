"""The APDB's tables here are those of Rubin's official definition, the wanted differences aside."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import sqlalchemy as sa
from astropy.io.votable.ucd import parse_ucd
from felis.datamodel import Schema
from hypothesis import given
from hypothesis import strategies as st

from ssdb.schema import metadata
from ssdb.schema.apdb_dia import dia_source

with (files("lsst.sdm.schemas") / "apdb.yaml").open(encoding="utf-8") as stream:
    OFFICIAL = Schema.from_stream(stream, context={"id_generation": True})

NOT_TAKEN = {
    "DiaObject_To_Object_Match": "about the static sky: no part in knowing asteroids",
    "DetectorVisitProcessingSummary": "Rubin's image processing; Visit and VisitDetector hold what matching needs",
}

TYPES = {
    "boolean": "Boolean",
    "short": "SmallInteger",
    "int": "Integer",
    "long": "BigInteger",
    "float": "REAL",  # single precision, which sa.Float is not on PostgreSQL
    "double": "Double",
    "char": "String",  # CHAR pads with blanks on PostgreSQL and not on SQLite
    "string": "String",
    "text": "Text",
    "timestamp": "TIMESTAMP",
}

KINDS = {"PrimaryKeyConstraint": "primary key", "UniqueConstraint": "unique", "ForeignKeyConstraint": "foreign key"}
"""Facts by the name of a constraint's class, which felis and SQLAlchemy share."""

_UNFILLED = "only Rubin's pipeline fills it"
_BANDS = "other surveys' filters have longer names (VR)"
_NO_VISIT = "a key without visit allows neither partitions by night nor shards by visit"
_ZONE = "what the matching joins on"
_PLACE = "so that it joins with DiaSource, and is exported, by visit and detector"
_FOREIGN = "foreign keys on big tables cost more than they protect; `ssdb check` verifies them"
_SEARCHED = "what objects are found by, and the sums that their positions are made of"
_RULE = "of two orbits of one object that of its primary designation is kept"
_SEVERAL = "an object with several secondary designations has as many rows"

# (table, column or columns, fact): official, ours, reason
WANTED: dict[tuple[str, str, str], tuple[Any, Any, str]] = {
    ("DiaSource", "x", "nullable"): (False, True, _UNFILLED),
    ("DiaSource", "y", "nullable"): (False, True, _UNFILLED),
    ("DiaSource", "psfNdata", "nullable"): (False, True, _UNFILLED),
    ("DiaSource", "trailNdata", "nullable"): (False, True, _UNFILLED),
    ("DiaSource", "dipoleNdata", "nullable"): (False, True, _UNFILLED),
    ("DiaSource", "timeProcessedMjdTai", "nullable"): (False, True, _UNFILLED),
    ("DiaSource", "bboxSize", "nullable"): (False, True, _UNFILLED),
    ("DiaSource", "band", "length"): (1, 8, _BANDS),
    ("DiaForcedSource", "band", "length"): (1, 8, _BANDS),
    ("DiaSource", "zone", "type"): (None, "Integer", _ZONE),
    ("DiaSource", "zone", "nullable"): (None, False, _ZONE),
    ("DiaSource", "visit, zone, ra", "index"): (None, True, _ZONE),
    ("DiaSource", "visit, detector", "index"): (True, None, "(visit, zone, ra) finds a visit's sources as well"),
    ("DiaSource", "ssObjectId", "index"): (True, None, "SSSource answers that; without it the update stays cheap"),
    ("DiaSource", "diaSourceId", "primary key"): (True, None, _NO_VISIT),
    ("DiaSource", "diaSourceId, visit", "primary key"): (None, True, _NO_VISIT),
    ("DiaObjectLast", "zone", "type"): (None, "Integer", _ZONE),
    ("DiaObjectLast", "zone", "nullable"): (None, False, _ZONE),
    ("DiaObjectLast", "zone, searchRa", "index"): (None, True, _ZONE),
    ("DiaObjectLast", "searchRa", "type"): (None, "Double", _SEARCHED),
    ("DiaObjectLast", "searchRa", "nullable"): (None, False, _SEARCHED),
    **{
        ("DiaObjectLast", name, fact): (None, value, _SEARCHED)
        for name in ("refRa", "refDec", "weightEast", "weightNorth", "weightEastNorth", "sumEast", "sumNorth")
        for fact, value in (("type", "Double"), ("nullable", True))
    },
    ("SSSource", "diaSourceId", "primary key"): (True, None, _NO_VISIT),
    ("SSSource", "diaSourceId, visit", "primary key"): (None, True, _NO_VISIT),
    ("SSSource", "visit", "type"): (None, "BigInteger", _PLACE),
    ("SSSource", "visit", "nullable"): (None, False, _PLACE),
    ("SSSource", "visit", "index"): (None, True, "results are read, and replaced, by visit"),
    ("SSSource", "detector", "type"): (None, "SmallInteger", _PLACE),
    ("SSSource", "detector", "nullable"): (None, False, _PLACE),
    ("SSSource", "diaSourceId", "foreign key"): (True, None, _FOREIGN),
    ("SSSource", "ssObjectId", "foreign key"): (True, None, _FOREIGN),
    ("SSSource", "designation", "foreign key"): (True, None, _FOREIGN),
    ("SSObject", "designation", "foreign key"): (True, None, _FOREIGN),
    ("mpc_orbits", "designation_in_source", "type"): (None, "String", _RULE),
    ("mpc_orbits", "designation_in_source", "length"): (None, 16, _RULE),
    ("mpc_orbits", "designation_in_source", "nullable"): (None, True, _RULE),
    ("current_identifications", "packed_primary_provisional_designation", "unique"): (True, None, _SEVERAL),
    ("current_identifications", "packed_primary_provisional_designation", "index"): (None, True, _SEVERAL),
}

# column: official, ours, reason
WANTED_UNITS = {
    f"SSObject.{band}_H_{band}_G12_Cov": ("mag**2", "mag", "G12 is a pure number, so the covariance is in mag")
    for band in "ugrizy"
} | {
    f"mpc_orbits.a{n}{error}": ("m2.t-1", "1e-10 AU/d2", "the official unit is that of srp, not of the numbers")
    for n in (1, 2, 3)
    for error in ("", "_unc")
}

WANTED_UCD_WORDS = {
    "phot.count": ("phot.flux.density", "phot.count is a flux in counts; these are nJy"),
}

PURE_NUMBERS = {
    "stat.covariance",  # of two slopes
    "stat.fit.chi2",
    "stat.fit.param",  # slopes G and G12 of phase curves
    "stat.likelihood",
    "stat.param",  # skewness and kurtosis
    "stat.probability",
    "stat.rms",  # of residuals that were divided by their errors
    "stat.snr",
    "src.class.starGalaxy",
    "src.orbital.eccentricity",
    "src.orbital.TissJ",
}
"""UCD words of the quantities that have no unit by their nature."""

TAKEN = [table for table in OFFICIAL.tables if table.name not in NOT_TAKEN]
COLUMNS = [column for table in metadata.sorted_tables for column in table.columns]

Facts = dict[tuple[str, str, str], Any]


def official_facts() -> Facts:
    """What the official definition lays down of the tables that are taken."""
    facts: Facts = {}

    def lay_down(table: str, ids: Any, fact: str) -> None:
        names = [ids] if isinstance(ids, str) else ids
        facts[table, ", ".join(name.rpartition(".")[2] for name in names), fact] = True

    for table in TAKEN:
        for column in table.columns:
            facts[table.name, column.name, "type"] = TYPES[column.datatype.value]
            facts[table.name, column.name, "nullable"] = column.nullable
            if column.length is not None:
                facts[table.name, column.name, "length"] = column.length
        lay_down(table.name, table.primary_key, "primary key")
        for index in table.indexes:
            lay_down(table.name, index.columns, "index")
        constraints: list[Any] = table.constraints
        for constraint in constraints:
            lay_down(table.name, constraint.columns, KINDS[type(constraint).__name__])
    return facts


def our_facts() -> Facts:
    """The same of the tables here."""
    facts: Facts = {}
    for name in (table.name for table in TAKEN):
        table = metadata.tables[name]
        for column in table.columns:
            facts[name, column.name, "type"] = type(column.type).__name__
            facts[name, column.name, "nullable"] = column.nullable
            if isinstance(column.type, sa.String) and column.type.length is not None:
                facts[name, column.name, "length"] = column.type.length
        for index in table.indexes:
            facts[name, ", ".join(index.columns.keys()), "unique" if index.unique else "index"] = True
        constraints: set[Any] = table.constraints
        for constraint in constraints:
            facts[name, ", ".join(constraint.columns.keys()), KINDS[type(constraint).__name__]] = True
    return facts


def words(description: str | None) -> list[str]:
    """The words of a description, without punctuation and case."""
    return re.findall(r"[a-z0-9_]+", (description or "").lower())


def test_the_official_definition_is_the_version_that_was_taken() -> None:
    """Another version of the APDB is compared when it is taken over, not when a package happens to bring it."""
    assert OFFICIAL.version == "10.0.0"


def test_every_official_table_is_here_or_left_out_for_a_reason() -> None:
    """Only the tables listed as not taken are missing, and those are official and really missing."""
    official = {table.name for table in OFFICIAL.tables}
    assert official - metadata.tables.keys() == NOT_TAKEN.keys()


@pytest.mark.parametrize("official", TAKEN, ids=lambda table: table.name)
def test_columns_have_the_official_order(official: Any) -> None:
    """The official columns come first, in their order; ours are appended."""
    names = [column.name for column in official.columns]
    assert metadata.tables[official.name].columns.keys()[: len(names)] == names


def test_tables_differ_from_the_official_ones_only_as_wanted() -> None:
    """Types, lengths, nullability, keys, indexes and constraints differ where listed, and differ there in fact."""
    official, ours = official_facts(), our_facts()
    differences = {
        key: (official.get(key), ours.get(key))
        for key in official.keys() | ours.keys()
        if official.get(key) != ours.get(key)
    }
    assert differences == {key: (theirs, our) for key, (theirs, our, _) in WANTED.items()}


def test_units_are_the_official_ones() -> None:
    """Where the official definition has a unit, ours is the same to astropy, the listed ones aside."""
    differences = {}
    for table in TAKEN:
        for column in table.columns:
            unit = column.fits_tunit or column.ivoa_unit
            our = metadata.tables[table.name].columns[column.name].info["unit"]
            if unit not in (None, "None") and u.Unit(unit) != u.Unit(our):
                differences[f"{table.name}.{column.name}"] = (unit, our)
    assert differences == {name: (theirs, our) for name, (theirs, our, _) in WANTED_UNITS.items()}


def test_ucds_begin_with_the_official_ones() -> None:
    """Where the official definition has a UCD, ours is the same, or says more; wrong words are listed."""
    replaced = set()
    for table in TAKEN:
        for column in table.columns:
            theirs = column.ivoa_ucd.split(";") if column.ivoa_ucd else []
            expected = [WANTED_UCD_WORDS.get(word, (word, ""))[0] for word in theirs]
            replaced |= WANTED_UCD_WORDS.keys() & set(theirs)
            ours = metadata.tables[table.name].columns[column.name].info["ucd"].split(";")
            assert ours[: len(expected)] == expected, f"{table.name}.{column.name}"
    assert replaced == WANTED_UCD_WORDS.keys()


def test_descriptions_are_not_copied_from_the_official_ones() -> None:
    """The official file is under the GPL: no comment is one of its texts, or has five words in a row of one."""

    def runs(text: list[str]) -> set[tuple[str, ...]]:
        return {tuple(text[start : start + 5]) for start in range(len(text) - 4)}

    copied = set()
    for table in TAKEN:
        ours = metadata.tables[table.name]
        official = [words(table.description), *(words(column.description) for column in table.columns)]
        theirs = set().union(*map(runs, official))
        comments = {table.name: ours.comment} | {column.name: column.info["comment"] for column in ours.columns}
        copied |= {
            f"{table.name}.{name}"
            for name, text in comments.items()
            if words(text) in official or runs(words(text)) & theirs
        }
    assert not copied


def test_ucds_are_of_the_ivoa_vocabulary() -> None:
    """Every UCD, where the official definition has none too, parses with each word in a place it may have."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            assert parse_ucd(column.info["ucd"], check_controlled_vocabulary=True)


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=str)
def test_every_column_is_described(table: sa.Table) -> None:
    """A comment, a UCD, and a unit that astropy knows or none; comment and unit are in the database too."""
    for column in table.columns:
        unit, comment = column.info["unit"], column.info["comment"]
        assert comment.strip(), column.name
        assert column.info["ucd"], column.name
        assert unit == "" or u.Unit(unit) != u.dimensionless_unscaled, column.name
        assert comment in str(column.comment), column.name
        assert unit in str(column.comment), column.name


def test_every_table_is_described() -> None:
    """A comment of every table, in the database too."""
    assert [table.name for table in metadata.sorted_tables if not table.comment] == []


def test_floats_have_a_unit_unless_they_are_pure_numbers() -> None:
    """A float without a unit is a quantity that has none by its nature, and says so by its UCD."""
    bare = [column for column in COLUMNS if isinstance(column.type, sa.Float) and not column.info["unit"]]
    # The place of an observer has the unit that Visit.sys says.
    bare = [column for column in bare if not re.fullmatch(r"(pos|vel)[123]", column.name)]
    kinds = {str(column): column.info["ucd"].removeprefix("stat.error;").split(";")[0] for column in bare}
    assert {name: kind for name, kind in kinds.items() if kind not in PURE_NUMBERS} == {}
    assert set(kinds.values()) == PURE_NUMBERS


def test_names_fit_postgresql_and_differ() -> None:
    """PostgreSQL cuts names after 63 bytes; tables, indexes and keys share their names, and SQLite ignores case."""
    relations = [str(table.name) for table in metadata.sorted_tables]
    for table in metadata.sorted_tables:
        relations += [str(index.name) for index in table.indexes]
        relations += [str(constraint.name) for constraint in table.constraints]
    assert all(0 < len(name.encode()) <= 63 for name in [*relations, *(column.name for column in COLUMNS)])
    assert len({name.lower() for name in relations}) == len(relations)


def zones(decs: list[float]) -> list[int]:
    """The zones that SQLite gives to sources at these declinations (deg)."""
    engine = sa.create_engine("sqlite://")
    rows = [
        {"diaSourceId": number, "visit": 1, "detector": 0, "midpointMjdTai": 60000.0, "ra": 0.0, "dec": dec}
        for number, dec in enumerate(decs)
    ]
    with engine.begin() as connection:
        dia_source.create(connection)
        connection.execute(dia_source.insert(), rows)
        return list(connection.scalars(sa.select(dia_source.c.zone).order_by(dia_source.c.diaSourceId)))


def test_zones_are_arcminutes_from_the_south_pole() -> None:
    """Both poles, the equator from either side, and one arcminute on."""
    assert zones([-90.0, -89.99, -1e-9, 0.0, 1.0 / 59.0, 89.999, 90.0]) == [0, 0, 5399, 5400, 5401, 10799, 10800]


@given(st.lists(st.floats(-90.0, 90.0), min_size=1, max_size=50))
def test_zones_are_those_of_numpy(decs: list[float]) -> None:
    """The database rounds as numpy does, to the last bit: windows made there find the sources stored here."""
    assert zones(decs) == np.floor((np.array(decs) + 90.0) * 60.0).astype(int).tolist()
