"""Predictions from a service: a real HTTP server answers, or does not, and the database holds what it said."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from click.testing import CliRunner
from ingesting import MQ204, corners, dump, rows
from mpsky_answers import EXTENDED, NAMES, OBJECTS, OBSERVER, TIME, TMIN, answer, at, empty_answer, seen

from ssdb.association.associate import associate
from ssdb.cli import main
from ssdb.errors import ConfigError, NotFoundError
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.services import http
from ssdb.services.predictions import fetch_predictions
from ssdb.store.database import Database

PLACE = seen(OBJECTS, OBSERVER, TIME - TMIN)[0]
"""Where 2015 MQ204 is in visit 10."""

Respond = Callable[[BaseHTTPRequestHandler], None]


def visits(**columns: Any) -> dict[str, Any]:
    field = {"ra": [PLACE.ra.deg] * 2, "dec": [PLACE.dec.deg] * 2, "radius": [1.75] * 2}
    return {"visit": [10, 20], "midpointMjdTai": [TIME, TIME + 0.01], **field, **columns}


def reply(body: bytes, status: int = 200, **headers: str) -> Respond:
    """An answer whose headers say how long it is."""

    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return respond


def truthful(handler: BaseHTTPRequestHandler) -> None:
    """What mpSky would say: the objects of the field that are in the circle at the time asked for."""
    asked = {name: float(values[0]) for name, values in parameters(handler).items() if name != "return_elements"}
    place = seen(OBJECTS, OBSERVER, asked["t"] - TMIN)
    centre = type(place)(asked["ra"], asked["dec"], unit="deg")
    inside = place.separation(centre).deg < asked["radius"]
    more = {name: [v for v, here in zip(values, inside, strict=True) if here] for name, values in EXTENDED.items()}
    names = [name for name, here in zip(NAMES, inside, strict=True) if here]
    reply(answer(names, OBJECTS[:, :, inside], time=asked["t"], more=more))(handler)


def parameters(handler: BaseHTTPRequestHandler) -> dict[str, list[str]]:
    return parse_qs(urlparse(handler.path).query)


class Server:
    """A service whose answers are given one by one, the last for ever; it notes what it is asked."""

    def __init__(self) -> None:
        self.answers: list[Respond] = [truthful]
        self.asked: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.agents: list[str | None] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                service.paths.append(urlparse(self.path).path)
                service.asked.append({name: values[0] for name, values in parameters(self).items()})
                service.agents.append(self.headers["User-Agent"])
                respond = service.answers[0] if len(service.answers) == 1 else service.answers.pop(0)
                try:
                    respond(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # who asked has gone

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    service = Server()
    thread = Thread(target=service.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield service
    service.server.shutdown()
    service.server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BACKOFF_SECONDS", 0.0)


def asked_for(database: Database) -> list[int]:
    """The visits whose predictions were loaded."""
    return [row["visit"] for row in rows(database, "Visit") if row["predictionsAt"] is not None]


def failure(database: Database, server: Server, visit: int = 10, **options: Any) -> str:
    """The reason why the predictions of a visit are not there; nothing in the database may have changed."""
    before = dump(database)
    report = fetch_predictions(database, server.url, visits=[visit], **options)
    assert dump(database) == before
    assert report.predictions == {}
    assert list(report.failed) == [visit]
    assert "\n" not in report.failed[visit]
    assert server.url in report.failed[visit]
    return report.failed[visit]


def test_pending_visits_get_the_objects_of_their_fields(database: Database, server: Server) -> None:
    """The time of the question is the visit's in TAI, the place its own; the rest is what the polynomials say."""
    ingest_visits(database, visits())
    report = fetch_predictions(database, server.url)
    assert report.failed == report.doubts == {}
    assert report.predictions == {10: 1, 20: 1}
    assert server.paths == ["/ephemerides/"] * 2
    assert [float(asked["t"]) for asked in server.asked] == [TIME, TIME + 0.01]
    for asked in server.asked:
        assert (float(asked["ra"]), float(asked["dec"])) == (PLACE.ra.deg, PLACE.dec.deg)
        assert 1.75 < float(asked["radius"]) < 2.1
        assert asked["return_elements"] == "extended"
    assert all(agent and agent.startswith("ssdb/") for agent in server.agents)
    first, second = rows(database, "SsPrediction")
    assert (first["visit"], first["ssObjectId"], first["provider"]) == (10, MQ204, "mpsky")
    assert (first["ephRa"], first["ephDec"]) == (pytest.approx(PLACE.ra.deg), pytest.approx(PLACE.dec.deg))
    assert (first["ephVmag"], first["midpointMjdTai"]) == (20.5, TIME)
    assert second["ephRa"] == pytest.approx(seen(OBJECTS, OBSERVER, TIME + 0.01 - TMIN)[0].ra.deg)
    assert asked_for(database) == [10, 20]
    assert fetch_predictions(database, server.url).predictions == {}
    assert len(server.asked) == 2


def test_fetched_predictions_are_associated(database: Database, server: Server) -> None:
    ingest_visits(database, visits())
    ingest_sources(database, {"diaSourceId": [1], "visit": [10], "ra": [PLACE.ra.deg], "dec": [PLACE.dec.deg + 0.0001]})
    fetch_predictions(database, server.url)
    associate(database)
    (match,) = rows(database, "SSSource")
    assert (match["diaSourceId"], match["ssObjectId"]) == (1, MQ204)
    assert match["ephOffset"] == pytest.approx(0.36, abs=1e-6)


def test_an_empty_answer_is_an_answer(database: Database, server: Server) -> None:
    """There is no known object: the visit is ready, and not asked for again."""
    ingest_visits(database, visits())
    server.answers = [reply(empty_answer())]
    assert fetch_predictions(database, server.url).predictions == {10: 0, 20: 0}
    assert asked_for(database) == [10, 20]
    assert rows(database, "SsPrediction") == []


@pytest.mark.parametrize("path", ["", "/", "/ephemerides", "/ephemerides/"])
def test_the_address_of_the_service_or_of_its_ephemerides(memory: Database, server: Server, path: str) -> None:
    ingest_visits(memory, visits())
    assert not fetch_predictions(memory, server.url + path, visits=[10]).failed
    assert server.paths == ["/ephemerides/"]


def test_a_service_below_a_path_and_with_a_password(memory: Database, server: Server) -> None:
    ingest_visits(memory, visits())
    server.answers = [reply(b"who are you", 401)]
    address = server.url.replace("//", "//me:secret@") + "/a/b"
    report = fetch_predictions(memory, address, visits=[10])
    assert server.paths == ["/a/b/ephemerides/"]
    assert "secret" not in report.failed[10]
    assert "secret" not in report.url
    assert "status 401: who are you" in report.failed[10]


def test_only_what_may_come_into_the_field_is_kept(memory: Database, server: Server) -> None:
    """A service that answers with all it knows does not fill the visit; a fast object beyond the edge counts."""
    server.answers = [reply(answer())]
    ingest_visits(memory, visits())
    assert fetch_predictions(memory, server.url, visits=[10]).predictions == {10: 1}
    slow, fast = (OBJECTS[:, :, :1] * np.array([1.0, factor, factor])[:, None, None] for factor in (1.0, 0.0))
    assert np.allclose(at(slow, 0), at(fast, 0))
    topo = (at(OBJECTS, TIME - TMIN) - at(OBSERVER, TIME - TMIN)[:, None])[:, 0]
    north = np.array([0.0, 0.0, 1.0]) - topo * topo[2] / (topo @ topo)
    # 5 deg/d to the north, in addition to its own motion, from where it is at mid-exposure.
    extra = north / np.linalg.norm(north) * np.linalg.norm(topo) * np.radians(5.0)
    hurried = OBJECTS[:, :, :1].copy()
    hurried[0, :, 0] -= extra * (TIME - TMIN)
    hurried[1, :, 0] += extra
    away = PLACE.directional_offset_by(0.0 * PLACE.ra, 1.83 * PLACE.ra.unit)
    centre = visits(ra=[away.ra.deg] * 2, dec=[away.dec.deg] * 2)
    ingest_visits(memory, {**centre, "visit": [30, 40], "midpointMjdTai": [TIME, TIME]})
    server.answers = [reply(answer(NAMES[:1], OBJECTS[:, :, :1])), reply(answer(NAMES[:1], hurried))]
    assert fetch_predictions(memory, server.url, visits=[30, 40]).predictions == {30: 0, 40: 1}


def test_the_field_of_the_detectors_where_the_visit_has_none(database: Database, server: Server) -> None:
    """A circle that holds them all."""
    ingest_visits(database, {"visit": [10, 20], "midpointMjdTai": [TIME] * 2})
    for detector, shift in ((1, 0.0), (2, 0.4)):
        ingest_detectors(database, corners(10, detector, PLACE.ra.deg - 0.2 + shift, PLACE.dec.deg))
    report = fetch_predictions(database, server.url)
    assert report.predictions == {10: 1}
    (asked,) = server.asked
    assert float(asked["ra"]) == pytest.approx(PLACE.ra.deg, abs=0.01)
    assert float(asked["dec"]) == pytest.approx(PLACE.dec.deg, abs=0.01)
    assert 0.3 < float(asked["radius"]) < 0.7
    assert "its field is not known" in report.failed[20]
    assert "ssdb ingest visits" in report.failed[20]


def test_a_visit_with_a_place_and_no_radius(memory: Database, server: Server) -> None:
    ingest_visits(memory, visits(radius=[np.nan, np.nan]))
    ingest_detectors(memory, corners(20, 1, PLACE.ra.deg + 0.3, PLACE.dec.deg))
    report = fetch_predictions(memory, server.url)
    assert "radius=" in report.failed[10]
    assert report.predictions == {20: 1}
    assert 0.3 < float(server.asked[0]["radius"]) < 0.8
    assert fetch_predictions(memory, server.url, radius=0.5).predictions == {10: 1}
    assert 0.5 < float(server.asked[1]["radius"]) < 0.8


def test_the_same_again_changes_nothing_and_another_answer_needs_replace(database: Database, server: Server) -> None:
    ingest_visits(database, visits())
    fetch_predictions(database, server.url)
    before = dump(database)
    assert fetch_predictions(database, server.url, visits=[10]).predictions == {10: 1}
    assert dump(database) == before
    server.answers = [reply(answer(NAMES[:1], more={"Vmag": [12.5]}, objects=OBJECTS[:, :, :1]))]
    assert "1 predictions are stored already" in failure(database, server)
    assert fetch_predictions(database, server.url, visits=[10], replace=True).predictions == {10: 1}
    assert [row["ephVmag"] for row in rows(database, "SsPrediction")] == [12.5, 20.5]


def test_a_passing_trouble_is_overcome(database: Database, server: Server) -> None:
    """An error of the server, a connection that is closed, an answer that breaks off: then it works."""

    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True

    ingest_visits(database, visits())
    server.answers = [reply(b"busy", 500), hang_up, break_off, truthful]
    assert fetch_predictions(database, server.url, visits=[10]).predictions == {10: 1}
    assert len(server.asked) == 4


def break_off(handler: BaseHTTPRequestHandler) -> None:
    """Half of what the headers promise."""
    body = answer()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def test_pauses_grow(memory: Database, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(http, "BACKOFF_SECONDS", 0.5)
    monkeypatch.setattr("urllib3.util.retry.time.sleep", pauses.append)
    ingest_visits(memory, visits())
    server.answers = [reply(b"busy", 503, **{"Retry-After": "86400"})]
    assert "status 503: busy" in failure(memory, server)
    assert len(server.asked) == 4
    assert pauses == sorted(set(pauses))
    assert 0 < sum(pauses) < 10


@pytest.mark.parametrize(
    ("respond", "words", "tries"),
    [
        (reply(b"down", 500), "status 500: down (tried 4 times)", 4),
        (break_off, "the answer broke off", 4),
        (reply(b'{"detail":"Not Found"}', 404), 'status 404: {"detail":"Not Found"}', 1),
        (reply(json.dumps({"message": "night=60800 not in available"}).encode(), 400), "night=60800 not in", 1),
        (reply(b"", 204), "status 204", 1),
        (reply(b"", 302, Location="file:///etc/passwd"), "redirects to file:///etc/passwd", 1),
        (reply(b"<html>welcome to the network</html>"), "not an answer of mpSky", 1),
        (reply(b""), "not an answer of mpSky", 1),
        (reply(answer()[:1000]), "not an answer of mpSky, or cut short", 1),
        (reply(answer(tmax=TIME - 0.1)), "2015 MQ204: 60800.000000 to 60800.275000", 1),
        (reply(answer(("nonsense", "433", "C/2017 K2"))), "nonsense", 1),
    ],
    ids=["500", "breaks off", "404", "400", "204", "302", "html", "nothing", "truncated", "other time", "name"],
)
def test_a_failure_is_never_no_objects(
    memory: Database, server: Server, respond: Respond, words: str, tries: int
) -> None:
    """The visit stays pending, never asked for, and the reason is told."""
    ingest_visits(memory, visits(radius=[90.0, 90.0]))
    server.answers = [respond]
    assert words in failure(memory, server)
    assert len(server.asked) == tries
    assert asked_for(memory) == []


def test_a_slow_service_is_not_waited_for(memory: Database, server: Server) -> None:
    """Neither one that says nothing nor one that says a byte now and then."""

    def silent(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(1.0)

    def dripping(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(40):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    ingest_visits(memory, visits())
    for respond in (silent, dripping):
        server.answers = [respond]
        started = time.monotonic()
        assert "no complete answer within 0.2 s (tried 4 times)" in failure(memory, server, timeout=0.2)
        assert time.monotonic() - started < 3.0


def test_an_older_service_is_asked_in_its_way(memory: Database, server: Server) -> None:
    """One that knows only whether elements are wanted refuses the word; the next visits need no second question."""

    def old(handler: BaseHTTPRequestHandler) -> None:
        wanted = parameters(handler)["return_elements"][0]
        known = wanted in ("true", "false")
        (truthful if known else reply(b'{"detail":[{"loc":["query","return_elements"]}]}', 422))(handler)

    ingest_visits(memory, visits())
    server.answers = [old]
    assert fetch_predictions(memory, server.url).predictions == {10: 1, 20: 1}
    assert [asked["return_elements"] for asked in server.asked] == ["extended", "false", "false"]


def test_a_visit_that_fails_costs_only_itself(database: Database, server: Server) -> None:
    ingest_visits(database, visits())
    server.answers = [reply(b"no such night", 400), truthful]
    report = fetch_predictions(database, server.url)
    assert report.predictions == {20: 1}
    assert list(report.failed) == [10]
    assert asked_for(database) == [20]
    assert fetch_predictions(database, server.url).predictions == {10: 1}


def test_a_service_that_is_gone_is_given_up(memory: Database, server: Server) -> None:
    """It is told for every visit; a night of a thousand does not wait for each of them."""
    numbers = list(range(1, 9))
    same = {name: [values[0]] * 8 for name, values in visits().items()}
    ingest_visits(memory, {**same, "visit": numbers})
    server.answers = [reply(b"down", 500)]
    report = fetch_predictions(memory, server.url)
    assert list(report.failed) == numbers
    assert len(server.asked) == 3 * 4
    assert "did not answer for 3 visits in a row" in report.failed[8]
    assert asked_for(memory) == []


def test_no_one_listens(memory: Database) -> None:
    ingest_visits(memory, visits())
    gone = Server()
    gone.server.server_close()
    assert "refused" in failure(memory, gone)


def test_no_transaction_is_open_while_the_service_is_asked(database: Database, server: Server) -> None:
    """Another process can write meanwhile."""

    def writing(handler: BaseHTTPRequestHandler) -> None:
        ingest_sources(database, {"diaSourceId": [1], "visit": [10], "ra": [1.0], "dec": [1.0]})
        truthful(handler)

    ingest_visits(database, visits())
    server.answers = [writing]
    assert fetch_predictions(database, server.url, visits=[10], timeout=10).predictions == {10: 1}
    assert len(rows(database, "DiaSource")) == 1


def test_what_is_already_predicted_is_not_asked_for(memory: Database, server: Server) -> None:
    ingest_visits(memory, visits())
    predicted = {"visit": [10], "designation": ["433"], "ephRa": [1.0], "ephDec": [1.0]}
    ingest_predictions(memory, predicted)
    assert fetch_predictions(memory, server.url).predictions == {20: 1}


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/x", "sky.example.org", "http://", "http://host/?a=1", "http://[", ""]
)
def test_addresses_that_are_none(memory: Database, url: str) -> None:
    with pytest.raises(ConfigError):
        fetch_predictions(memory, url)


def test_options_that_make_no_sense(memory: Database, server: Server) -> None:
    ingest_visits(memory, visits())
    for options in ({"radius": 0.0}, {"radius": 91.0}, {"timeout": 0.0}, {"service": "oracle"}):
        with pytest.raises(ConfigError):
            fetch_predictions(memory, server.url, **options)
    with pytest.raises(NotFoundError, match="visit 98, 99 is not in the database"):
        fetch_predictions(memory, server.url, visits=[10, 99, 98])
    assert server.asked == []


def run(url: str, *words: str) -> Any:
    return CliRunner().invoke(main, ["--db", url, "fetch", "predictions", *words])


def test_the_command_line(sqlite_url: str, server: Server, tmp_path: Any) -> None:
    table = visits()
    lines = [",".join(table), *(",".join(repr(v) for v in row) for row in zip(*table.values(), strict=True))]
    (tmp_path / "visits.csv").write_text("\n".join(lines).replace("np.float64(", "").replace(")", ""))
    assert (
        CliRunner().invoke(main, ["--db", sqlite_url, "ingest", "visits", str(tmp_path / "visits.csv")]).exit_code == 0
    )
    server.answers = [reply(b"no such night", 400), truthful]
    result = run(sqlite_url, "--service", "mpsky", "--url", server.url)
    assert result.exit_code == 1
    assert "predictions of visit 10 could not be fetched: " in result.stderr
    assert "no such night" in result.stderr
    assert "Traceback" not in result.output
    result = run(sqlite_url, "--url", server.url, "--visit", "10", "--radius", "2", "--timeout", "5", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["predictions"] == {"10": 1}
    result = run(sqlite_url, "--url", server.url, "--visit", "10", "--replace")
    assert result.exit_code == 0
    assert "visits fetched                    1" in result.output
    assert run(sqlite_url, "--url", server.url, "--replace").exit_code == 2
    assert run(sqlite_url, "--url", "file:///etc/passwd").exit_code == 2
    assert run(sqlite_url, "--url", server.url, "--radius", "-1").exit_code == 2
    assert run(sqlite_url).exit_code == 2
    assert run(sqlite_url, "--url", server.url, "--visit", "99").exit_code == 1
