"""Nothing that could be a password is ever shown: in messages, in `repr`, with -v, on stdout or stderr."""

from __future__ import annotations

import http.server
import logging
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

import ssdb
from ssdb.cli import main
from ssdb.errors import ConfigError, ServiceError, SsdbError
from ssdb.services.http import Service
from ssdb.store.database import open_database
from ssdb.store.driver import driver_connection

SECRET = "S3cret"

URLS = (
    "postgresql://127.0.0.1:1/db?passwd={}",
    "postgresql://127.0.0.1:1/db?pwd={}",
    "postgresql://127.0.0.1:1/db?PASSWORD={}",
    "postgresql://127.0.0.1:1/db?sslpassword={}",
    "postgresql://127.0.0.1:1/db?passfile={}",
    "postgresql://127.0.0.1:1/db?oauth_client_secret={}",
    "postgresql://127.0.0.1:1/db?scram_client_key={}",
    "postgresql://127.0.0.1:1/db?options=-c%20some.thing%3D{}",
    "postgresql://127.0.0.1:1/db?nonsense={}",
    "postgresql://127.0.0.1:1/db?{}=1",
    "postgresql://127.0.0.1:1/db?plugin={}",
    "postgresql://127.0.0.1:1/db?prepare_threshold={}",
    "postgresql://127.0.0.1:1/db?row_factory={}",
    "postgresql://127.0.0.1:1/db?passwd={0}&passwd={0}",
    "postgresql:///db?passwd={}",
    "postgresql:///db?user=me&password={}&connect_timeout=1&port=1",
    "postgresql://me:{}@/db?port=1",
    "postgresql://:{}@/db?port=1",
    "postgresql://me:{}@",
    "postgresql://me%3A{}@127.0.0.1:1/db",
    "postgresql:///host=127.0.0.1%20password={}",
    "postgresql://127.0.0.1/password={}",
    "postgresql:me:{}@127.0.0.1/db",
    "postgres://me:{}@127.0.0.1:1/db",
    "host=127.0.0.1 port=1 user=me password={} dbname=db",
    "password={}",
    "http://me:{}@127.0.0.1/db",
    "sqlite://me:{}@/night.db",
    "sqlite://me:{}@127.0.0.1/night.db",
    "sqlite:///me:{}@127.0.0.1/night.db",
    "sqlite:///night.db?password={}",
    "sqlite:///night.db?key={}",
    "sqlite:///file:night.db?uri=true&mode=ro&key={}",
    "sqlite+pysqlcipher://:{}@/night.db",
)


@pytest.mark.parametrize("url", URLS)
def test_a_database_url_shows_no_password(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    given = url.format(SECRET)
    texts = []
    for action in (open_database, ssdb.connect, ssdb.initialize):
        try:
            texts.append(repr(action(given)))
        except SsdbError as error:
            texts.append("".join(traceback.format_exception(error)) + repr(error))
    # The lines of this file are in the traceback: it must not have the word itself.
    assert SECRET not in "".join(texts) + caplog.text


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("words", [("-v", "--db", "URL", "status"), ("-v", "init", "URL"), ("URL", "status")])
def test_a_command_shows_no_password(
    url: str, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, [url.format(SECRET) if word == "URL" else word for word in words])
    assert result.exit_code != 0
    assert SECRET not in result.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("postgresql://h/db?passwd=x", "not one of libpq's"),
        ("postgresql://h/db?prepare_threshold=abc", "prepare_threshold"),
        ("postgresql://h/db?connect_timeout=abc", "connect_timeout"),
        ("postgresql:///host=h password=x", "libpq"),
        ("host=h password=x", "postgresql://"),
        ("sqlite://me:x@/night.db", "no user"),
        ("sqlite:///night.db?timeout=abc", "cannot be read"),
        ("sqlite:///night.db?foo=bar", "not one of cache, "),
    ],
)
def test_a_url_that_cannot_be_used_says_why(
    url: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SsdbError, match=advice):
        ssdb.initialize(url)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("threshold", ["none", "0", "5"])
def test_prepared_statements_can_be_set_in_the_url(postgresql_url: str, threshold: str) -> None:
    url = sa.make_url(postgresql_url).update_query_dict({"prepare_threshold": threshold})
    with closing(ssdb.connect(url)) as database, database.reading() as connection:
        driver: Any = driver_connection(connection)
        assert driver.prepare_threshold == (None if threshold == "none" else int(threshold))


# ---- services --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://me:{}@",
        "http://me:{}@host:port/",
        "http://me:{}@host:99999/",
        "http://me:{}@[::1",
        "http://me:1/{}@host/",
        "http://me:so?{}@host/",
        "http://me:so#{}@host/",
        "http://host/?token={}",
        "http://host/path?{}",
        "ftp://me:{}@host/",
        "me:{}@host/",
        "//me:{}@host/",
        "http:/me:{}@host/",
        "{}",
        "http://me:{}@ho st/",
        "http://me:{}@host\n/",
        "http://me:{}@127.0.0.1:1/",
    ],
)
def test_the_url_of_a_service_shows_no_password(url: str, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssdb.services.http.BACKOFF_SECONDS", 0.0)
    with pytest.raises(SsdbError) as caught:
        Service(url.format(SECRET), "ephemerides", 1.0).get({})
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    words = ["-v", "--db", sqlite_url, "fetch", "predictions", "--url", url.format(SECRET)]
    result = CliRunner().invoke(main, words)
    assert SECRET not in result.output


class _Echo(http.server.BaseHTTPRequestHandler):
    """Repeats what it was asked, and the password, as services and proxies do in their errors."""

    def do_GET(self) -> None:
        said = f"{self.headers.get('Authorization')} http://me:{SECRET}@host/?token={SECRET} password={SECRET} {SECRET}"
        if "redirect" in self.path:
            self.send_response(302)
            self.send_header("Location", f"http://me:{SECRET}@elsewhere/x?token={SECRET}")
        else:
            self.send_response(400)
        self.end_headers()
        self.wfile.write(said.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def echo() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://me:{SECRET}@127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("path", ["", "/redirect"])
def test_a_service_that_repeats_the_password_is_not_repeated(echo: str, path: str) -> None:
    import base64

    with pytest.raises(ServiceError) as caught:
        Service(echo + path, "ephemerides", 5.0).get({})
    text = "".join(traceback.format_exception(caught.value))
    assert SECRET not in text
    assert base64.b64encode(f"me:{SECRET}".encode()).decode() not in text
    assert ("elsewhere" if path else "400") in text


def test_advice_for_the_url_of_a_service() -> None:
    with pytest.raises(ConfigError, match="http://HOST"):
        Service("me:x@host", "ephemerides", 1.0)


def test_the_environment_is_not_shown(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "from ssdb.cli import main; main()", "-v", "status"]
    environment = os.environ | {"SSDB_URL": f"postgresql://127.0.0.1:1/db?pwd={SECRET}", "PGPASSWORD": SECRET}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False, timeout=60)
    assert done.returncode == 1
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("associate", "--visit", "URL"),
        ("query", "--format", "URL"),
        ("fetch", "predictions", "--url", "http://h", "--timeout", "URL"),
        ("partition", "detach", "URL"),
        ("precover", "--orbit", "URL", "x"),
        ("status", "URL"),
    ],
)
def test_a_url_in_a_wrong_place_shows_no_password(words: tuple[str, ...]) -> None:
    """Behind another option than its own, say."""
    url = "postgresql://u:secret@host/db"
    result = CliRunner().invoke(main, [url if word == "URL" else word for word in words])
    assert result.exit_code == 2
    assert "***" in result.output
    assert "secret" not in result.output
