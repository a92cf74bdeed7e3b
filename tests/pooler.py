"""Poolers before PostgreSQL that give each transaction another session: PgBouncer in its mode ``transaction``, where it
is installed, and a small one, which also tells what a transaction leaves in the session that it was given.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa

_SESSIONS = 3
"""An odd number, since a ping before each transaction is a transaction, too."""
_MADE_UP_PROCESS = 0x5D5D5D
_BACKEND_KEY, _READY, _ROW, _QUERY = b"K", b"Z", b"D", b"Q"

_LEFT = """
    SELECT 'temporary ' || relname FROM pg_catalog.pg_class WHERE relnamespace = pg_catalog.pg_my_temp_schema()
    UNION ALL SELECT 'prepared ' || statement FROM pg_catalog.pg_prepared_statements
    UNION ALL SELECT 'setting ' || name FROM pg_catalog.pg_settings WHERE source = 'session'
    UNION ALL SELECT 'cursor ' || name FROM pg_catalog.pg_cursors
    UNION ALL SELECT 'channel ' || channel FROM pg_catalog.pg_listening_channels() channel
    UNION ALL SELECT 'advisory lock' FROM pg_catalog.pg_locks
        WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid()
"""
"""What the next client would find, or that would be missed there."""


@contextmanager
def pooled(url: str, left: set[str] | None = None) -> Iterator[str]:
    """The URL of the same database through a pooler, which has a few sessions for each of its clients.

    To ``left`` is added what transactions have left in their sessions.
    """
    to = sa.make_url(url)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=_accept, args=(listener, to, left), daemon=True).start()
        here = to.set(host="127.0.0.1", port=listener.getsockname()[1]).difference_update_query(["host", "port"])
        here = here.update_query_dict({"sslmode": "disable", "gssencmode": "disable"})
        yield here.render_as_string(hide_password=False)


@contextmanager
def pgbouncer(url: str, directory: Path, prepared_statements: int) -> Iterator[str]:
    """The URL of the same database through PgBouncer, which has two sessions for all.

    ``prepared_statements``: of a client it follows so many from session to session; 0: none.
    """
    to = sa.make_url(url)
    host, port = to.query.get("host") or to.host, to.query.get("port") or to.port or 5432
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        here = free.getsockname()[1]
    password = f" password={to.password}" if to.password else ""
    (directory / "pgbouncer.ini").write_text(
        f"[databases]\n{to.database} = host={host} port={port} user={to.username}{password}\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {here}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = transaction\ndefault_pool_size = 2\nmax_prepared_statements = {prepared_statements}\n"
    )
    shared = os.geteuid() == 0  # it refuses to run as root
    if shared:
        for path in (directory, *directory.parents[:3], *([Path(str(host))] if str(host).startswith("/") else [])):
            path.chmod(path.stat().st_mode | 0o055)
    command = ["pgbouncer", *(["-u", "nobody"] if shared else []), str(directory / "pgbouncer.ini")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(here)
            through = to.set(host="127.0.0.1", port=here).difference_update_query(["host", "port"])
            yield through.render_as_string(hide_password=False)
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


def _accept(listener: socket.socket, to: sa.URL, left: set[str] | None) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, to, left), daemon=True).start()


def _serve(client: socket.socket, to: sa.URL, left: set[str] | None) -> None:
    # Or the system waits for more before it sends a few bytes.
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with closing(client), suppress(OSError, EOFError):
        startup = _exactly(client, 4)
        startup += _exactly(client, struct.unpack("!i", startup)[0] - 4)
        sessions = [_session(to) for _ in range(_SESSIONS)]
        try:
            for session in sessions:
                session.sendall(startup)
                tell = client.sendall if session is sessions[0] else _nobody
                while not _relayed(session, tell):
                    pass
            while True:
                session = sessions[0]
                readable = select.select([client, session], [], [])[0]
                if client in readable:
                    asked = client.recv(1 << 16)
                    if not asked:
                        return
                    session.sendall(asked)
                elif _relayed(session, client.sendall):
                    if left is not None:
                        left |= _left_in(session)
                    sessions.append(sessions.pop(0))
        finally:
            for session in sessions:
                session.close()


def _relayed(session: socket.socket, tell: Callable[[bytes], None]) -> bool:
    """Passes on one message of a server; whether it is the end of a transaction."""
    head = _exactly(session, 5)
    body = _exactly(session, struct.unpack("!i", head[1:])[0] - 4)
    if head[:1] == _BACKEND_KEY:
        body = struct.pack("!i", _MADE_UP_PROCESS) + body[4:]
    tell(head + body)
    return head[:1] == _READY and body == b"I"


def _left_in(session: socket.socket) -> set[str]:
    """What there is in a session between two transactions."""
    asked = _LEFT.encode() + b"\0"
    session.sendall(_QUERY + struct.pack("!i", 4 + len(asked)) + asked)
    found: set[str] = set()

    def note(message: bytes) -> None:
        if message[:1] == _ROW:
            # Behind the head come the number of columns, and the length of the only one.
            found.add(message[11:].decode())

    while not _relayed(session, note):
        pass
    return found


def _nobody(_message: bytes) -> None:
    pass


def _session(to: sa.URL) -> socket.socket:
    host = str(to.query.get("host") or to.host)
    port = int(str(to.query.get("port") or to.port or 5432))
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    session = socket.socket(socket.AF_UNIX)
    session.connect(f"{host}/.s.PGSQL.{port}")
    return session


def _exactly(source: socket.socket, n: int) -> bytes:
    received = b""
    while len(received) < n:
        part = source.recv(n - len(received))
        if not part:
            raise EOFError
        received += part
    return received
