"""What a TAP service is told of the schema: by Felis, by resource descriptors of DaCHS, and by the view epn_core."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import astropy.units as u
import pytest
import sqlalchemy as sa
from astropy.io.votable.ucd import parse_ucd
from astropy.time import Time
from felis.datamodel import DataType, Schema
from test_cli import done, failed, misused
from test_views import insert

import ssdb
from ssdb.ask.dachs import write_dachs, write_dachs_epn
from ssdb.ask.felis import write_felis
from ssdb.ask.published import NOT_PUBLISHED, RESERVED_COLUMNS, published_epn_core, published_tables
from ssdb.schema import metadata
from ssdb.store.database import Database
from ssdb.store.ddl.views import view_definitions
from ssdb.store.sql_files import expanded

MANDATORY = """granule_uid:text: granule_gid:text: obs_id:text: dataproduct_type:text: measurement_type:text:
    processing_level:integer: target_name:text: target_class:text: time_min:double:d time_max:double:d
    time_sampling_step_min:double:s time_sampling_step_max:double:s time_exp_min:double:s time_exp_max:double:s
    spectral_range_min:double:Hz spectral_range_max:double:Hz spectral_sampling_step_min:double:Hz
    spectral_sampling_step_max:double:Hz spectral_resolution_min:double: spectral_resolution_max:double:
    c1min:double:deg c1max:double:deg c2min:double:deg c2max:double:deg c3min:double:AU c3max:double:AU s_region:text:
    c1_resol_min:double:deg c1_resol_max:double:deg c2_resol_min:double:deg c2_resol_max:double:deg
    c3_resol_min:double:AU c3_resol_max:double:AU spatial_frame_type:text: incidence_min:double:deg
    incidence_max:double:deg emergence_min:double:deg emergence_max:double:deg phase_min:double:deg
    phase_max:double:deg instrument_host_name:text: instrument_name:text: service_title:text: creation_date:timestamp:
    modification_date:timestamp: release_date:timestamp:"""
"""The mandatory columns of EPN-TAP 2.0 by its section 3, in its order, with types and units (celestial frame)."""

WITH_A_VALUE = """granule_uid granule_gid obs_id dataproduct_type target_class spatial_frame_type service_title
    creation_date modification_date release_date"""
"""Those that it wants a value of in every row."""

RESERVED = """ABS ACOS AREA ASIN ATAN ATAN2 BIGINT BOX CEILING CENTROID CIRCLE CONTAINS COORD1 COORD2 COORDSYS COS COT
    DEGREES DISTANCE EXP FLOOR ILIKE INTERSECTS IN_UNIT LOG LOG10 MOD PI POINT POLYGON POWER RADIANS RAND REGION ROUND
    SIN SQRT TAN TOP TRUNCATE ABSOLUTE ACTION ADD ALL ALLOCATE ALTER AND ANY ARE AS ASC ASSERTION AT AUTHORIZATION AVG
    BEGIN BETWEEN BIT BIT_LENGTH BOTH BY CASCADE CASCADED CASE CAST CATALOG CHAR CHARACTER CHARACTER_LENGTH
    CHAR_LENGTH CHECK CLOSE COALESCE COLLATE COLLATION COLUMN COMMIT CONNECT CONNECTION CONSTRAINT CONSTRAINTS
    CONTINUE CONVERT CORRESPONDING COUNT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER
    CURSOR DATE DAY DEALLOCATE DECIMAL DECLARE DEFAULT DEFERRABLE DEFERRED DELETE DESC DESCRIBE DESCRIPTOR DIAGNOSTICS
    DISCONNECT DISTINCT DOMAIN DOUBLE DROP ELSE END ESCAPE EXCEPT EXCEPTION EXEC EXECUTE EXISTS EXTERNAL EXTRACT FALSE
    FETCH FIRST FLOAT FOR FOREIGN FOUND FROM FULL GET GLOBAL GO GOTO GRANT GROUP HAVING HOUR IDENTITY IMMEDIATE IN
    INDICATOR INITIALLY INNER INPUT INSENSITIVE INSERT INT INTEGER INTERSECT INTERVAL INTO IS ISOLATION JOIN KEY
    LANGUAGE LAST LEADING LEFT LEVEL LIKE LOCAL LOWER MATCH MAX MIN MINUTE MODULE MONTH NAMES NATIONAL NATURAL NCHAR
    NEXT NO NOT NULL NULLIF NUMERIC OCTET_LENGTH OF OFFSET ON ONLY OPEN OPTION OR ORDER OUTER OUTPUT OVERLAPS PAD
    PARTIAL POSITION PRECISION PREPARE PRESERVE PRIMARY PRIOR PRIVILEGES PROCEDURE PUBLIC READ REAL REFERENCES
    RELATIVE RESTRICT REVOKE RIGHT ROLLBACK ROWS SCHEMA SCROLL SECOND SECTION SELECT SESSION SESSION_USER SET SIZE
    SMALLINT SOME SPACE SQL SQLCODE SQLERROR SQLSTATE SUBSTRING SUM SYSTEM_USER TABLE TEMPORARY THEN TIME TIMESTAMP
    TIMEZONE_HOUR TIMEZONE_MINUTE TO TRAILING TRANSACTION TRANSLATE TRANSLATION TRIM TRUE UNION UNIQUE UNKNOWN UPDATE
    UPPER USAGE USER USING VALUE VALUES VARCHAR VARYING VIEW WHEN WHENEVER WHERE WITH WORK WRITE YEAR ZONE"""
"""The words that ADQL 2.1 reserves in its section 2.1.2, but for DEC: every service takes dec."""

FELIS_TYPES = {
    DataType.double: sa.Double,
    DataType.float: sa.REAL,
    DataType.short: sa.SmallInteger,
    DataType.long: sa.BigInteger,
    DataType.int: sa.Integer,
    DataType.boolean: sa.Boolean,
    DataType.timestamp: sa.TIMESTAMP,
    DataType.text: sa.Text,
    DataType.string: sa.String,
}

DACHS_TYPES = {
    "double precision": sa.Double,
    "real": sa.REAL,
    "smallint": sa.SmallInteger,
    "bigint": sa.BigInteger,
    "integer": sa.Integer,
    "boolean": sa.Boolean,
    "timestamp": sa.TIMESTAMP,
    "text": sa.String,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With what is written of the schema."""
    made = tmp_path_factory.mktemp("tap")
    write_felis(made / "ssdb.yaml")
    write_dachs(made / "q.rd")
    write_dachs_epn(made / "epn.rd")
    return made


@pytest.fixture(scope="module")
def felis(folder: Path) -> Schema:
    context = {"check_description": True, "check_tap_principal": True, "check_tap_table_indexes": True}
    with (folder / "ssdb.yaml").open(encoding="utf-8") as stream:
        return Schema.from_stream(stream, context=context)


# Felis


def test_felis_has_every_table_and_view_for_people(felis: Schema) -> None:
    assert metadata.tables.keys() >= NOT_PUBLISHED.keys()
    assert {table.name for table in felis.tables} == (
        metadata.tables.keys() | view_definitions().keys()
    ) - NOT_PUBLISHED.keys()


def test_felis_has_the_columns_keys_and_types_of_the_schema(felis: Schema) -> None:
    for table in felis.tables:
        if table.name not in metadata.tables:
            continue
        ours = metadata.tables[table.name]
        names = [column.name for column in table.columns]
        left_out = [c.name for c in ours.columns if c.name in RESERVED_COLUMNS or isinstance(c.type, sa.LargeBinary)]
        assert names == [column.name for column in ours.columns if column.name not in left_out]
        assert [key.rpartition(".")[2] for key in table.primary_key or []] == [c.name for c in ours.primary_key]
        for column in table.columns:
            of_ours = ours.columns[column.name]
            assert isinstance(of_ours.type, FELIS_TYPES[column.datatype]), column.id
            assert column.nullable == of_ours.nullable, column.id
            assert column.description == of_ours.info["comment"], column.id


def test_units_are_vounits_and_ucds_are_those_of_the_vocabulary(felis: Schema) -> None:
    """To astropy, whose ``vounit`` is stricter than Felis; and a unit is that of the schema in other letters."""
    for table in felis.tables:
        for column in table.columns:
            assert parse_ucd(column.ivoa_ucd, check_controlled_vocabulary=True), column.id
            unit = u.Unit(column.ivoa_unit or "", format="vounit")
            # astropy also takes m2, which is none.
            assert not re.search(r"\b[A-Za-z]+-?[0-9]| ", column.ivoa_unit or ""), column.id
            if table.name in metadata.tables:
                assert unit == u.Unit(metadata.tables[table.name].columns[column.name].info["unit"]), column.id
    units = {c.name: c.ivoa_unit for table in felis.tables if table.name == "mpc_orbits" for c in table.columns}
    assert (units["srp"], units["yarkovsky"]) == ("m**2/Mg", "1e-10AU/d**2")


def test_no_name_is_reserved_by_adql(felis: Schema) -> None:
    names = {name for table in felis.tables for name in (table.name, *(column.name for column in table.columns))}
    assert {name for name in names if name.upper() in RESERVED.split()} == set()
    assert all(re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) for name in names)
    assert {name.upper() for name in RESERVED_COLUMNS} <= set(RESERVED.split())


def test_joins_find_one_row(felis: Schema) -> None:
    """What they refer to is a key, of columns of the same types; as many as the tables for people need."""
    n = 0
    for table in felis.tables:
        types = {column.id: column.datatype for column in table.columns}
        for constraint in table.constraints:
            n += 1
            names = [reference.rpartition(".")[2] for reference in constraint.referenced_columns]
            other = metadata.tables[constraint.referenced_columns[0].rpartition(".")[0].removeprefix("#")]
            keys = [other.primary_key, *(one for one in other.constraints if isinstance(one, sa.UniqueConstraint))]
            assert set(names) in [set(key.columns.keys()) for key in keys], constraint.name
            for column, name in zip(constraint.columns, names, strict=True):
                assert isinstance(other.columns[name].type, FELIS_TYPES[types[column]]), constraint.name
    assert n > 20


# DaCHS


def tables_of(path: Path) -> dict[str, ET.Element]:
    return {table.get("id", ""): table for table in ET.parse(path).getroot().iter("table")}


def test_a_descriptor_has_every_table_with_types_and_what_stands_for_null(folder: Path) -> None:
    tables = tables_of(folder / "q.rd")
    assert tables.keys() == {table.name for table in published_tables()}
    made = [make.get("table") for make in ET.parse(folder / "q.rd").getroot().iter("make")]
    assert made == list(tables)
    for published in published_tables():
        columns = tables[published.name].findall("column")
        assert [column.get("name") for column in columns] == [column.name for column in published.columns]
        for column, ours in zip(columns, published.columns, strict=True):
            assert isinstance(ours.type, DACHS_TYPES[column.get("type", "")]), ours
            null = column.find("values[@nullLiteral]")
            assert (null is not None) == (isinstance(ours.type, sa.Integer) and ours.nullable), ours
            assert column.get("ucd") == ours.ucd
            assert (column.get("unit") or "") == ours.unit
            assert column.get("description") == ours.description


def test_a_descriptor_refers_to_tables_that_come_before(folder: Path) -> None:
    """DaCHS reads it from the top, and takes a column for the table that has its name; a backslash begins a macro."""
    seen: set[str] = set()
    for name, table in tables_of(folder / "q.rd").items():
        referred = {key.get("inTable", "") for key in table.findall("foreignKey")}
        assert referred <= seen
        assert not referred & {column.get("name") for column in table.findall("column")}
        seen.add(name)
    texts = [value for element in ET.parse(folder / "q.rd").iter() for value in element.attrib.values()]
    assert not any("\\" in text for text in texts)


def test_the_views_of_a_descriptor_can_be_made_on_the_folded_names(folder: Path, postgresql_url: str) -> None:
    """As DaCHS makes them: its macros filled in, the tables where they are; its type of regions is taken for text."""
    with ssdb.connect(postgresql_url) as database, database.writing() as connection:
        connection.exec_driver_sql("CREATE SCHEMA published")
        for path in ("q.rd", "epn.rd"):
            for name, table in tables_of(folder / path).items():
                columns = [c.get("name", "") for c in table.findall("column")] or [
                    column.name for column in published_epn_core().columns
                ]
                statement = table.findtext("viewStatement", "").replace(r"\colNames", ", ".join(columns))
                statement = statement.replace(r"\qName", f"published.{name}").replace(r"'\schema'", "'ssdb_epn'")
                connection.exec_driver_sql(statement.replace("ssdb_source.", "public.").replace("spoly", "text"))
                names = [
                    column["name"] for column in sa.inspect(connection).get_columns(name.lower(), schema="published")
                ]
                assert names == [column.lower() for column in columns]


# epn_core


def alias(number: int, kind: str, name: str) -> dict[str, Any]:
    return {"ssObjectId": number, "kind": kind, "alias": name}


OBJECTS = {
    1: ("A801 AA", [("number", "1"), ("name", "Ceres")], ("Ceres", "dwarf_planet#asteroid", "1#A801 AA")),
    2: ("A898 PA", [("number", "433"), ("name", "Eros"), ("name", "Eros B")], ("Eros", "asteroid", "433#A898 PA")),
    3: ("67P", [("name", "Churyumov-Gerasimenko")], ("67P", "comet", "Churyumov-Gerasimenko")),
    4: ("C/2017 K2", [], ("C/2017 K2", "comet", None)),
    5: ("2015 MQ204", [], ("2015 MQ204", "asteroid", None)),
    6: ("433", [("name", "Eros II")], ("Eros II", "asteroid", "433")),
    7: ("1I", [("name", "1I/'Oumuamua")], ("1I", "comet#asteroid", "1I/_Oumuamua")),
    8: ("1998 RY", [("name", "O'Keefe"), ("number", "9983")], ("1998 RY", "asteroid", "9983")),
}
"""Designation, other names, and what EPN-TAP calls the object, by number."""

MIDDLE = 60000.25


@pytest.fixture(scope="module")
def database(module_database_url: str) -> Iterator[Database]:
    """An observation of each object, and one of the first in a second visit of which little is known."""
    opened = ssdb.connect(module_database_url)
    tables = metadata.tables
    known = {"instrument": "LSSTCam", "observatoryCode": "X05", "exposureTime": 30.0}
    associated = {"associatedAt": datetime(2026, 12, 1, 1, 2, 3), "predictionsAt": datetime(2026, 11, 30)}
    insert(opened, tables["Visit"], {"visit": 1, **known, **associated})
    insert(
        opened,
        tables["Visit"],
        {"visit": 2, **dict.fromkeys(known), "associatedAt": None, "predictionsAt": datetime(2026, 11, 30)},
    )
    for number, (designation, names, _) in OBJECTS.items():
        insert(opened, tables["SsAlias"], *(alias(number, kind, name) for kind, name in names))
        for visit in (1, 2) if number == 1 else (1,):
            source = {"diaSourceId": 100 * visit + number, "visit": visit}
            place = {"ra": 10.0 + number, "dec": -5.0, "midpointMjdTai": MIDDLE, "psfFlux": 2.5e6, "band": "r"}
            insert(opened, tables["DiaSource"], {**source, **place, "exposureTime": 15.0 if visit == 1 else None})
            seen = {"helioRange": 2.5, "topoRange": 1.5, "phaseAngle": 12.5}
            insert(opened, tables["SSSource"], {**source, **seen, "ssObjectId": number, "designation": designation})
    yield opened
    opened.close()


def epn(database: Database, condition: str = "1 = 1") -> list[dict[str, Any]]:
    answer = ssdb.query(database, f"SELECT * FROM epn_core WHERE {condition} ORDER BY granule_uid")
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def test_the_mandatory_columns_are_those_of_the_recommendation() -> None:
    """Names, order, types and units; and UCDs, as far as they say which end of a range a column is."""
    kinds = {sa.Text: "text", sa.Double: "double", sa.Integer: "integer", sa.TIMESTAMP: "timestamp"}
    mandatory = MANDATORY.split()
    columns = published_epn_core().columns
    assert [f"{c.name}:{kinds[type(c.type)]}:{c.unit}" for c in columns[: len(mandatory)]] == mandatory
    assert all(
        c.ucd.endswith(f";stat.{c.name[-3:]}")
        for c in columns
        if c.name.endswith(("min", "max")) and "time_m" not in c.name
    )


def test_objects_have_the_names_and_classes_of_epn_tap(database: Database) -> None:
    found = {row["granule_uid"]: row for row in epn(database, "obs_id = '1'")}
    assert found.keys() == {str(100 + number) for number in OBJECTS}
    for number, (_, _, expected) in OBJECTS.items():
        row = found[str(100 + number)]
        assert (row["target_name"], row["target_class"], row["alt_target_name"]) == expected


def test_an_observation_is_a_point_at_a_time(database: Database) -> None:
    (row,) = epn(database, "granule_uid = '105'")
    start, end = (Time(MIDDLE, format="mjd", scale="tai") + half * u.s for half in (-7.5, 7.5))
    assert row["time_min"] == pytest.approx(start.utc.jd, abs=5e-10)
    assert row["time_max"] == pytest.approx(end.utc.jd, abs=5e-10)
    assert (row["c1min"], row["c1max"], row["c2min"], row["c2max"], row["ra"], row["dec"]) == (15, 15, -5, -5, 15, -5)
    assert (row["c3min"], row["sun_distance_max"], row["earth_distance_min"], row["phase_max"]) == (2.5, 2.5, 1.5, 12.5)
    assert (row["flux"], row["filter"]) == (pytest.approx(2.5), "r")  # mJy
    assert (row["instrument_host_name"], row["instrument_name"], row["time_exp_min"]) == ("X05", "LSSTCam", 15)


def test_what_must_have_a_value_has_one(database: Database) -> None:
    """Of a visit, too, of which neither camera nor exposure time is known, and that was never associated."""
    for row in epn(database):
        assert all(row[name] is not None for name in WITH_A_VALUE.split()), row
    (row,) = epn(database, "obs_id = '2'")
    assert (
        row["time_min"] == row["time_max"] == pytest.approx(Time(MIDDLE, format="mjd", scale="tai").utc.jd, abs=5e-10)
    )
    assert str(row["creation_date"]).startswith("2026-11-30")


@pytest.mark.parametrize("name", ["Eros", "2015 MQ204", "67P"])
def test_an_object_is_found_by_indexes(database: Database, name: str) -> None:
    """However many observations there are: by a name and by a designation."""
    postgresql = database.dialect == "postgresql"
    with database.reading() as connection:
        if postgresql:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN" if postgresql else "EXPLAIN QUERY PLAN"
        plan = connection.execute(sa.text(f"{explain} SELECT granule_uid FROM epn_core WHERE target_name = '{name}'"))
        lines = "\n".join(str(row) for row in plan)
    assert not re.search(r"SCAN (s|d|a)\b|Seq Scan on \"?(SSSource|DiaSource|SsAlias)", lines), lines


def test_dates_are_those_of_astropy_from_1972_on(sqlite_url: str) -> None:
    """Days with a leap second aside, which astropy stretches; NULL before."""
    days = [41316.9, 41318.5, 41499.2, 41500.0, 50000.25, 57752.9, 57755.5, 60000.25, 70000.75]
    with ssdb.connect(sqlite_url) as database, database.reading() as connection:
        for day in days:
            (found,) = connection.exec_driver_sql(f"SELECT {expanded('utc_jd(t)')} FROM (SELECT {day!r} AS t)").one()
            expected = Time(day, format="mjd", scale="tai").utc.jd if day > 41317 else None
            assert found == (None if expected is None else pytest.approx(expected, abs=5e-10)), day


# the command


def test_the_command_writes_what_it_is_asked_for_without_a_database(folder: Path, tmp_path: Path) -> None:
    names = {"--felis": "ssdb.yaml", "--dachs": "q.rd", "--dachs-epn": "epn.rd"}
    options = [word for option, name in names.items() for word in (option, tmp_path / name)]
    assert done("sqlite:////nowhere/at/all.db", "export", *options) == ""
    for name in names.values():
        assert (tmp_path / name).read_text(encoding="utf-8") == (folder / name).read_text(encoding="utf-8"), name


def test_the_command_writes_nothing_where_one_file_cannot_be(tmp_path: Path) -> None:
    assert "no such directory" in failed(None, "export", "--felis", tmp_path / "a", "--dachs", tmp_path / "no" / "b")
    assert list(tmp_path.iterdir()) == []
    assert "go without TABLE" in misused(None, "export", "Visit", "--felis", tmp_path / "a")
    assert "go without TABLE" in misused(None, "export", "--dachs", tmp_path / "a", "--visit", 1)
