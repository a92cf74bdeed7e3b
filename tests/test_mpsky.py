"""Answers of mpSky: positions, rates and vectors as the polynomials have them, and nothing from what is no answer."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st
from ingesting import EROS, MQ204, refused, rows
from mpsky_answers import (
    BASIC,
    EXTENDED,
    NAMES,
    OBJECTS,
    OBSERVER,
    TIME,
    TMAX,
    TMIN,
    answer,
    at,
    chebyshev,
    empty_answer,
    message,
    seen,
)

from ssdb.cli import main
from ssdb.ephemeris.chebyshev import evaluate
from ssdb.errors import ConfigError, InputError
from ssdb.ingest.formats.mpsky import is_mpsky, read_mpsky
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.visits import ingest_visits
from ssdb.sky.sphere import directions_and_rates
from ssdb.store.database import Database

VISITS = {"visit": [10, 20], "midpointMjdTai": [TIME, TIME + 0.1]}
KM_S = 149597870.7 / 86400


def read(content: bytes, time: float = TIME) -> dict[str, np.ndarray]:
    table, doubts = read_mpsky(content, 10, time, "answer")
    assert doubts == ()
    return {name: np.array(table[name].to_pylist(), dtype=object) for name in table.column_names}


def numbers(table: dict[str, np.ndarray], *names: str) -> np.ndarray:
    return np.array([table[name].astype(float) for name in names])


def test_chebyshev_series_are_the_cosines_of_multiples() -> None:
    """T_k(cos x) = cos kx, and its derivative k sin kx / sin x; each object at its own argument."""
    x = np.array([0.3, 0.7, 0.95, -0.2])
    c = np.random.default_rng(1).normal(size=(6, 3, 4))
    angle = np.arccos(x)
    k = np.arange(6)[:, None, None]
    value, derivative = evaluate(c, x)
    np.testing.assert_allclose(value, (c * np.cos(k * angle)).sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(derivative, (c * k * np.sin(k * angle) / np.sin(angle)).sum(axis=0), rtol=1e-11)


def test_a_constant_series_does_not_move() -> None:
    value, derivative = evaluate(np.full((1, 3, 2), 4.0), np.array([0.1, 0.9]))
    assert value.tolist() == [[4.0, 4.0]] * 3
    assert derivative.tolist() == [[0.0, 0.0]] * 3


@settings(max_examples=60)
@given(
    ra=st.one_of(st.floats(0, 359.99), st.sampled_from([0.0, 90.0, 180.0, 270.0])),
    dec=st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, 89.9999999, 90.0, 0.0])),
    velocity=st.tuples(*[st.floats(-0.02, 0.02)] * 3),
    distance=st.floats(0.01, 40),
)
def test_rates_are_the_motion_of_the_direction(
    ra: float, dec: float, velocity: tuple[float, float, float], distance: float
) -> None:
    """Their size is that of the change of the unit vector, anywhere on the sky, with the poles."""
    a, d = np.radians(ra), np.radians(dec)
    vector = distance * np.array([[np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)]])
    step = 1e-4
    before, after = (vector + sign * step * np.array([velocity]) for sign in (-1, 1))
    units = [v / np.linalg.norm(v) for v in (before, after)]
    _, _, rate_ra, rate_dec = directions_and_rates(vector, np.array([velocity]))
    change = np.degrees(np.linalg.norm(units[1] - units[0]) / (2 * step))
    assert np.hypot(rate_ra, rate_dec)[0] == pytest.approx(change, rel=1e-4, abs=1e-8)


def test_positions_and_rates_are_those_of_the_motion() -> None:
    """Against astropy: where the observer sees the object, and how it moves from a second before to a second after."""
    table = read(answer())
    assert table["designation"].tolist() == list(NAMES)
    assert table["visit"].tolist() == [10] * 3
    assert table["midpointMjdTai"].tolist() == [TIME] * 3
    assert set(table["provider"]) == {"mpsky"}
    place = seen(OBJECTS, OBSERVER, TIME - TMIN)
    np.testing.assert_allclose(numbers(table, "ephRa", "ephDec"), [place.ra.deg, place.dec.deg], rtol=0, atol=1e-11)
    second = 1 / 86400
    before, after = (seen(OBJECTS, OBSERVER, TIME - TMIN + sign * second) for sign in (-1, 1))
    east = np.array([place.spherical_offsets_to(end)[0].deg for end in (before, after)])
    north = np.array([place.spherical_offsets_to(end)[1].deg for end in (before, after)])
    expected = [(east[1] - east[0]) / (2 * second), (north[1] - north[0]) / (2 * second)]
    np.testing.assert_allclose(numbers(table, "ephRateRa", "ephRateDec"), expected, rtol=0, atol=2e-8)


def test_vectors_are_object_minus_sun_and_object_minus_observer() -> None:
    """In au; velocities are the derivatives, in km/s."""
    table = read(answer())
    t, h = TIME - TMIN, 1e-3
    helio, topo = at(OBJECTS, t), at(OBJECTS, t) - at(OBSERVER, t)[:, None]
    np.testing.assert_allclose(numbers(table, "helio_x", "helio_y", "helio_z"), helio, rtol=1e-13)
    np.testing.assert_allclose(numbers(table, "topo_x", "topo_y", "topo_z"), topo, rtol=1e-12)
    helio_v = (at(OBJECTS, t + h) - at(OBJECTS, t - h)) / (2 * h) * KM_S
    observer_v = (at(OBSERVER, t + h) - at(OBSERVER, t - h)) / (2 * h) * KM_S
    np.testing.assert_allclose(numbers(table, "helio_vx", "helio_vy", "helio_vz"), helio_v, atol=1e-6)
    np.testing.assert_allclose(
        numbers(table, "topo_vx", "topo_vy", "topo_vz"), helio_v - observer_v[:, None], atol=1e-6
    )


def test_an_answer_made_of_sorchas_ephemerides_gives_them_back() -> None:
    """mpSky is fitted to Sorcha's light-time corrected vectors: positions and rates must come out as Sorcha's."""
    data = np.genfromtxt(
        shared_data("sorcha/tests__data__goldens__sorcha_ephemeris.csv"), delimiter=",", names=True, dtype=None
    )
    data = data[(data["ObjID"] == "1992 SF17") & (np.floor(data["fieldMJD_TAI"] - 0.5) == 60488)]
    assert len(data) == 10
    au = 149597870.7
    tmin = float(data["fieldMJD_TAI"].min())
    t = data["fieldMJD_TAI"] - tmin
    objects = np.polynomial.chebyshev.chebfit(t, np.stack([data[f"Obj_Sun_{x}_LTC_km"] / au for x in "xyz"], 1), 3)
    observer = np.polynomial.chebyshev.chebfit(t, np.stack([data[f"Obs_Sun_{x}_km"] / au for x in "xyz"], 1), 5)
    for row in data:
        batch = pa.record_batch(
            {"name": ["1992 SF17"], "ra": [row["RA_deg"]], "dec": [row["Dec_deg"]], "tmin": [tmin], "tmax": [tmin + 1]}
        )
        table = read(message(objects[:, :, None], observer, batch), float(row["fieldMJD_TAI"]))
        np.testing.assert_allclose(numbers(table, "ephRa", "ephDec")[:, 0], [row["RA_deg"], row["Dec_deg"]], atol=3e-7)
        rates = [row["RARateCosDec_deg_day"], row["DecRate_deg_day"]]
        np.testing.assert_allclose(numbers(table, "ephRateRa", "ephRateDec")[:, 0], rates, atol=2e-4)


def test_every_object_has_its_own_beginning() -> None:
    """One motion written from two beginnings is one place."""
    moved = OBJECTS[:, :, :1]
    later = np.array([at(moved, 0.25), moved[1] + 2 * 0.25 * moved[2], moved[2]])
    both = np.concatenate([moved, later], axis=2)
    resting = OBSERVER[:1]
    place = seen(moved, resting, TIME - TMIN)
    own = {"ra": [place.ra.deg[0]] * 2, "dec": [place.dec.deg[0]] * 2}
    table = read(answer(NAMES[:2], both, resting, tmin=np.array([TMIN, TMIN + 0.25]), more=own))
    for name, expected in (("ephRa", place.ra.deg[0]), ("ephDec", place.dec.deg[0])):
        np.testing.assert_allclose(table[name].astype(float), [expected] * 2, rtol=0, atol=1e-10)
    for name in ("ephRateRa", "ephRateDec", "helio_vx", "topo_vz"):
        first, second = table[name].astype(float)
        assert first == pytest.approx(second, rel=1e-9)


@pytest.mark.parametrize("time", [TMIN, TMAX, TIME])
def test_the_ends_of_the_time_are_within(time: float) -> None:
    assert len(read(answer(time=time), time)["ephRa"]) == 3


@pytest.mark.parametrize("time", [TMIN - 1e-6, TMAX + 1e-6, np.nan])
def test_a_time_outside_is_an_error_that_names_the_objects(time: float) -> None:
    with pytest.raises(InputError, match=r"answer: .*outside .*2015 MQ204: 60800\.000000 to 60800\.900000, 433: "):
        read_mpsky(answer(), 10, time, "answer")


def test_only_the_objects_that_are_outside_are_named() -> None:
    tmax = np.array([TMAX, TIME - 0.1, TMAX])
    with pytest.raises(InputError, match=r"\(433: 60800\.000000 to 60800\.275000\)"):
        read_mpsky(answer(tmax=tmax), 10, TIME, "answer")


@pytest.mark.parametrize(("more", "magnitudes"), [({}, None), (BASIC, None), (EXTENDED, [20.5, None, 17.25])])
def test_elements_in_either_form_do_no_harm_and_magnitudes_are_taken(
    more: dict[str, Any], magnitudes: list[float | None] | None
) -> None:
    table = read(answer(more=more))
    assert table["designation"].tolist() == list(NAMES)
    assert ("ephVmag" in table) == (magnitudes is not None)
    if magnitudes:
        assert table["ephVmag"].tolist() == magnitudes
    assert not [name for name in table if name.startswith("ephErr")]


def test_another_time_than_that_of_the_question_is_a_doubt() -> None:
    """The answer's own positions hold for the time that was asked for."""
    table, doubts = read_mpsky(answer(time=TIME + 37 / 86400), 10, TIME, "answer")
    assert table.num_rows == 3
    assert doubts == ()  # a UTC for a TAI cannot be seen in an object that moves by less than 3 arcsec in 37 s
    table, (doubt,) = read_mpsky(answer(time=TIME + 0.1), 10, TIME, "answer")
    assert "3 objects" in doubt
    assert "another time" in doubt


def test_single_precision_and_other_memory_orders_are_read() -> None:
    objects = chebyshev(OBJECTS).astype(np.float32)[:, :, [0, 1, 2]]
    batch = pa.record_batch(
        {"name": list(NAMES), "ra": [0.0] * 3, "dec": [0.0] * 3, "tmin": [TMIN] * 3, "tmax": [TMAX] * 3}
    )
    table, _ = read_mpsky(message(objects, chebyshev(OBSERVER), batch), 10, TIME, "answer")
    np.testing.assert_allclose(table["helio_x"].to_numpy(), at(OBJECTS, TIME - TMIN)[0], rtol=1e-6)


def test_an_empty_answer_has_the_columns_of_a_full_one() -> None:
    full, _ = read_mpsky(answer(), 10, TIME, "answer")
    empty, doubts = read_mpsky(empty_answer(), 10, TIME, "answer")
    assert empty.num_rows == 0
    assert doubts == ()
    assert empty.schema.equals(full.schema, check_metadata=True)


def test_what_is_cut_short_is_never_an_answer() -> None:
    """At every length an error; where only the end mark of the stream is missing, it is all there."""
    content = answer()
    whole, _ = read_mpsky(content, 10, TIME, "answer")
    for length in range(0, len(content) - 16, 7):
        with pytest.raises(InputError, match=r"^answer: "):
            read_mpsky(content[:length], 10, TIME, "answer")
    assert read_mpsky(content[:-8], 10, TIME, "answer")[0].equals(whole)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 200, b"\xff" * 200, b'{"message": "no such night"}', b"<html>502 Bad Gateway</html>"],
    ids=["nothing", "zeros", "ones", "json", "html"],
)
def test_garbage_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="answer: not an answer of mpSky, or cut short"):
        read_mpsky(content, 10, TIME, "answer")
    path = tmp_path / "answer.arrow"
    path.write_bytes(content)
    assert not is_mpsky(path)


@pytest.mark.parametrize(
    ("objects", "observer", "more", "words"),
    [
        (chebyshev(OBJECTS)[:, :2], chebyshev(OBSERVER), {}, "its tensors are"),
        (chebyshev(OBJECTS), chebyshev(OBJECTS), {}, "its tensors are"),
        (chebyshev(OBSERVER), chebyshev(OBJECTS), {}, "its tensors are"),
        (chebyshev(OBJECTS).astype(int), chebyshev(OBSERVER), {}, "its tensors are int64"),
        (chebyshev(OBJECTS)[:, :, :2], chebyshev(OBSERVER), {}, "coefficients of 2 objects, but 3 rows"),
        (chebyshev(OBJECTS), chebyshev(OBSERVER), {"tmin": ["a", "b", "c"]}, "column tmin does not hold numbers"),
        (chebyshev(OBJECTS), chebyshev(OBSERVER), {"name": [1.5, 2.5, 3.5]}, "column name holds double"),
    ],
    ids=["two axes", "observers", "swapped", "integers", "too few", "tmin", "name"],
)
def test_parts_that_do_not_fit_are_refused(
    objects: np.ndarray, observer: np.ndarray, more: dict[str, Any], words: str
) -> None:
    columns = {"name": list(NAMES), "ra": [0.0] * 3, "dec": [0.0] * 3, "tmin": [TMIN] * 3, "tmax": [TMAX] * 3}
    with pytest.raises(InputError, match=f"answer: .*{words}"):
        read_mpsky(message(objects, observer, pa.RecordBatch.from_pydict(columns | more)), 10, TIME, "answer")


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
@pytest.mark.parametrize("dictionary", [False, True])
def test_what_is_compressed_is_refused_unread(compression: str, dictionary: bool) -> None:
    """A small answer could unfold to gigabytes; mpSky compresses nothing."""
    names = pa.array(["K14A00A"] * 1000)
    batch = pa.RecordBatch.from_pydict({"name": names.dictionary_encode() if dictionary else names})
    content = message(np.ones((4, 3, 1000)), np.ones((4, 3)), batch, compression)
    with pytest.raises(InputError, match="are compressed, which mpSky does not do"):
        read(content)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InputError, match="column tmax is missing; it has: name, ra, dec, tmin"):
        read_mpsky(answer(without=("tmax",)), 10, TIME, "answer")


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_mpsky(tmp_path / "nothing.arrow", 10, TIME)
    assert not is_mpsky(tmp_path / "nothing.arrow")
    assert not is_mpsky({"visit": [1]})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "answer.arrow"
    path.write_bytes(answer(more=EXTENDED))
    return path


def test_a_file_becomes_predictions_of_its_visit(database: Database, file: Path) -> None:
    """The visit is said, the time is its mid-exposure, and the format is seen."""
    ingest_visits(database, VISITS)
    report = ingest_predictions(database, file, visit=10)
    assert (report.rows, report.visits, report.left_out, report.doubts) == (3, 1, (), ())
    stored = {row["designation"]: row for row in rows(database, "SsPrediction")}
    assert {row["ssObjectId"] for row in stored.values()} == {MQ204, EROS, int.from_bytes(b"CK17K020", "big")}
    place = seen(OBJECTS, OBSERVER, TIME - TMIN)
    for name, ra, dec in zip(NAMES, place.ra.deg, place.dec.deg, strict=True):
        row = stored[name]
        assert (row["visit"], row["midpointMjdTai"], row["provider"]) == (10, TIME, "mpsky")
        assert (row["ephRa"], row["ephDec"]) == (pytest.approx(ra, abs=1e-10), pytest.approx(dec, abs=1e-10))
        assert [row[f"ephErr{what}"] for what in ("Major", "Minor", "Pa")] == [None] * 3
    assert [stored[name]["ephVmag"] for name in NAMES] == [20.5, None, 17.25]
    loaded = {row["visit"]: row["predictionsAt"] for row in rows(database, "Visit")}
    assert loaded[10] is not None
    assert loaded[20] is None


def test_a_compressed_file_is_the_same(database: Database, file: Path, tmp_path: Path) -> None:
    ingest_visits(database, VISITS)
    packed = tmp_path / "answer.arrow.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert is_mpsky(packed)
    assert ingest_predictions(database, packed, visit=10).rows == 3
    assert ingest_predictions(database, file, visit=10, replace=True).rows == 3
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"is it complete\?"):
        read_mpsky(packed, 10, TIME)


def test_packed_and_unpacked_names_are_one_object(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, VISITS)
    for visit, names in ((10, NAMES), (20, ("K15MK4Q", "00433", "CK17K020"))):
        path = tmp_path / f"{visit}.arrow"
        path.write_bytes(answer(names, time=dict(zip(VISITS["visit"], VISITS["midpointMjdTai"], strict=True))[visit]))
        ingest_predictions(database, path, format="mpsky", visit=visit)
    found = [(row["ssObjectId"], row["designation"]) for row in rows(database, "SsPrediction")]
    assert sorted(found[:3]) == sorted(found[3:])


def test_an_empty_answer_says_that_there_is_no_known_object(database: Database, tmp_path: Path) -> None:
    """The visit is then ready for association; with --replace the answer takes the place of what was there."""
    ingest_visits(database, VISITS)
    path = tmp_path / "answer.arrow"
    path.write_bytes(empty_answer())
    report = ingest_predictions(database, path, visit=10)
    assert (report.rows, report.visits) == (0, 1)
    assert [row["predictionsAt"] is not None for row in rows(database, "Visit")] == [True, False]
    (tmp_path / "full.arrow").write_bytes(answer())
    ingest_predictions(database, tmp_path / "full.arrow", visit=10)
    ingest_predictions(database, path, visit=10, replace=True)
    assert rows(database, "SsPrediction") == []


def test_the_same_again_changes_nothing(database: Database, file: Path) -> None:
    ingest_visits(database, VISITS)
    ingest_predictions(database, file, visit=10)
    before = rows(database, "SsPrediction"), rows(database, "Visit")
    assert ingest_predictions(database, file, visit=10).unchanged == 3
    assert (rows(database, "SsPrediction"), rows(database, "Visit")) == before
    ingest_predictions(database, file, visit=10, replace=True)
    assert len(rows(database, "SsPrediction")) == 3


def test_what_cannot_be_a_prediction_is_refused(database: Database, tmp_path: Path) -> None:
    """Not-a-number in the coefficients, an object that is there twice, a name that is none."""
    ingest_visits(database, VISITS)
    broken = OBJECTS.copy()
    broken[0, 0, 1] = np.nan
    path = tmp_path / "answer.arrow"
    path.write_bytes(answer(objects=broken))
    refused(database, ingest_predictions, path, "ephRa", "row 2", visit=10)
    path.write_bytes(answer(("433", "433", "C/2017 K2")))
    refused(database, ingest_predictions, path, "twice", "row 2", visit=10)
    path.write_bytes(answer(("433", "S100cuQfa", "C/2017 K2")))
    refused(database, ingest_predictions, path, "S100cuQfa", "row", visit=10)
    path.write_bytes(answer()[:800])
    refused(database, ingest_predictions, path, "answer.arrow", "cut short", visit=10, format="mpsky")


def test_options_that_make_no_sense_are_refused(database: Database, file: Path) -> None:
    ingest_visits(database, VISITS)
    refused(database, ingest_predictions, file, "visit=", error=ConfigError)
    refused(database, ingest_predictions, file, "complete=True", error=ConfigError, visit=10, complete=True)
    refused(database, ingest_predictions, file, "columns=", error=ConfigError, visit=10, columns={"columns": {}})
    refused(database, ingest_predictions, file, "visits are not in the database (99)", visit=99)
    table = {"visit": [10], "designation": ["433"], "ephRa": [1.0], "ephDec": [1.0]}
    refused(database, ingest_predictions, table, "visit=", error=ConfigError, visit=10)


def test_the_command_line(sqlite_url: str, file: Path, tmp_path: Path) -> None:
    def run(*words: str) -> Any:
        return CliRunner().invoke(main, ["--db", sqlite_url, "ingest", *words])

    (tmp_path / "visits.csv").write_text(f"visit,midpointMjdTai\n10,{TIME!r}\n")
    assert run("visits", str(tmp_path / "visits.csv")).exit_code == 0
    result = run("predictions", str(file), "--format", "mpsky", "--visit", "10")
    assert result.exit_code == 0, result.output
    assert f"{file}: 3 predictions of 1 visits" in result.output
    result = run("predictions", str(file))
    assert result.exit_code == 1
    assert "say it with --visit N" in result.output


def test_a_time_that_is_not_the_answers_leaves_the_database_alone(database: Database, file: Path) -> None:
    """Nothing is stored, and the visit counts as never asked for."""
    ingest_visits(database, {"visit": [10], "midpointMjdTai": [TMAX + 1]})
    refused(database, ingest_predictions, file, "answer.arrow", "2015 MQ204", "outside", visit=10)
