"""The result of one visit in memory."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table
from small_surveys import Survey, beside, change, designation

from ssdb.ask.association_result import AssociationResult, load_result
from ssdb.association.associate import associate
from ssdb.errors import NotFoundError
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.survey import ss_prediction
from ssdb.store.database import Database

TABLES = {
    "ssoAssocDiaSources": dia_source,
    "unAssocDiaSources": dia_source,
    "ssSourceData": ss_source,
    "unassociatedSsObjects": ss_prediction,
}
CENTRE = (359.999, 20.0)


def at(east: float, north: float) -> tuple[float, float]:
    return beside(*CENTRE, east, north)


@pytest.fixture
def associated(database: Database) -> Database:
    """Visit 1, two detectors: two objects seen and one not on detector 0, one not seen on 1; visit 2 is empty."""
    survey = Survey()
    survey.add_visit(1)
    survey.add_visit(2)
    survey.add_square(0, *at(-52, 0), 50, pixelScale=1.0)
    survey.add_square(1, *at(52, 0), 50, pixelScale=1.0)
    for number, east in enumerate((-30, -60, -90, 40)):
        survey.add_prediction(number, *at(east, 0), ephVmag=21.0)
    survey.add_prediction(4, *at(-30, -51.0))
    survey.add_source(7, *at(-60.2, 0), detector=0, psfFlux=100.0)
    survey.add_source(5, *at(-30.2, 0), detector=0, psfFlux=200.0)
    survey.add_source(6, *at(-10, 20), detector=0)
    survey.add_source(8, *at(10, 20), detector=1)
    survey.load(database)
    associate(database)
    return database


def test_the_five_parts(associated: Database) -> None:
    """Sources that are objects, in step with their SSSource rows; the others; counts; what was expected in vain."""
    result = load_result(associated, 1)
    assert result.ssoAssocDiaSources["diaSourceId"].tolist() == [5, 7]
    assert result.ssSourceData["diaSourceId"].tolist() == [5, 7]
    assert result.ssSourceData["designation"].tolist() == [designation(0), designation(1)]
    assert result.ssoAssocDiaSources["ssObjectId"].tolist() == result.ssSourceData["ssObjectId"].tolist()
    assert result.ssoAssocDiaSources["psfFlux"].tolist() == [200.0, 100.0]
    assert result.unAssocDiaSources["diaSourceId"].tolist() == [6, 8]
    assert result.unAssocDiaSources["ssObjectId"].tolist() == [0, 0]
    assert (result.nTotalSsObjects, result.nAssociatedSsObjects) == (4, 2)
    # Object 4 lies in the padding and was not seen: nobody expected it.
    assert sorted(result.unassociatedSsObjects["designation"]) == [designation(2), designation(3)]
    assert set(result.unassociatedSsObjects["ephVmag"]) == {21.0}


def test_one_detector(associated: Database) -> None:
    """Only its sources, objects and counts."""
    result = load_result(associated, 1, 1)
    assert result.unAssocDiaSources["diaSourceId"].tolist() == [8]
    assert len(result.ssoAssocDiaSources) == len(result.ssSourceData) == 0
    assert (result.nTotalSsObjects, result.nAssociatedSsObjects) == (1, 0)
    assert result.unassociatedSsObjects["designation"].tolist() == [designation(3)]


def _form(table: Table) -> list[tuple[str, str, str]]:
    """Names, kinds of values and units of a table's columns."""
    return [(name, table[name].dtype.str, str(table[name].unit or "")) for name in table.colnames]


def test_empty_results_look_like_full_ones(associated: Database) -> None:
    """The same columns, types and units whether there are rows or not, and those of the data model."""
    full, empty = load_result(associated, 1), load_result(associated, 2)
    assert (empty.nTotalSsObjects, empty.nAssociatedSsObjects) == (0, 0)
    for part, table in TABLES.items():
        some, none = getattr(full, part), getattr(empty, part)
        assert len(some) > 0
        assert len(none) == 0
        schema = arrow_schema(table)
        assert some.colnames == schema.names
        assert [unit for _, _, unit in _form(some)] == [
            str(Table([[0.0]], names=["x"], units=[column.info["unit"]])["x"].unit or "")
            for column in table.columns
            if column.computed is None
        ]
        # Text is as wide as its longest value; everything else is the same.
        texts = {name for name in some.colnames if some[name].dtype.kind in "UO"}
        assert [row for row in _form(some) if row[0] not in texts] == [
            row for row in _form(none) if row[0] not in texts
        ], part
        assert all(none[name].dtype.kind == some[name].dtype.kind for name in texts), part


def test_columns_have_the_types_of_the_apdb(associated: Database) -> None:
    """Identifiers 64-bit, positions double, magnitudes and rates single precision, with their units."""
    result = load_result(associated, 1)
    sources, matches = result.ssoAssocDiaSources, result.ssSourceData
    assert sources["diaSourceId"].dtype == sources["ssObjectId"].dtype == np.int64
    assert result.unAssocDiaSources["ssObjectId"].dtype == np.int64
    assert sources["ra"].dtype == np.float64
    assert str(sources["ra"].unit) == "deg"
    assert matches["ephVmag"].dtype == np.float32
    assert str(matches["ephOffset"].unit) == "arcsec"
    assert str(matches["helio_x"].unit) == "AU"


def _ids(result: AssociationResult) -> list[int]:
    return [*result.ssoAssocDiaSources["diaSourceId"], *result.unAssocDiaSources["diaSourceId"]]


def test_every_source_is_in_one_of_the_two_tables(associated: Database) -> None:
    """None is lost, none is in both."""
    assert sorted(_ids(load_result(associated, 1))) == [5, 6, 7, 8]
    assert sorted(_ids(load_result(associated, 1, 0)) + _ids(load_result(associated, 1, 1))) == [5, 6, 7, 8]


def test_what_has_no_result_is_an_error(associated: Database) -> None:
    """Unknown visits and detectors, and those that were not associated since something was added."""
    with pytest.raises(NotFoundError, match="visit 9 is not in the database"):
        load_result(associated, 9)
    with pytest.raises(NotFoundError, match="visit 1, detector 9 is not in the database"):
        load_result(associated, 1, 9)
    change(associated, "UPDATE \"Visit\" SET status = 'pending' WHERE visit = 1")
    with pytest.raises(NotFoundError, match=r"visit 1 has not been associated.*ssdb associate"):
        load_result(associated, 1)


def test_a_detector_without_footprint_has_no_result_of_its_own(database: Database) -> None:
    """Which objects are on it is not known; the visit's result has it all."""
    survey = Survey()
    survey.add_visit()
    survey.add_source(1, *CENTRE)
    survey.load(database)
    associate(database)
    with pytest.raises(NotFoundError, match="no footprint"):
        load_result(database, 1, 0)
    assert _ids(load_result(database, 1)) == [1]
