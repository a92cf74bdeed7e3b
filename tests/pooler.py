"""A pooler before PostgreSQL that gives each transaction another session, as PgBouncer in its mode ``transaction``."""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import sqlalchemy as sa

_SESSIONS = 3
"""An odd number, since a ping before each transaction is a transaction, too."""
_MADE_UP_PROCESS = 0x5D5D5D
_BACKEND_KEY, _READY = b"K", b"Z"


@contextmanager
def pooled(url: str) -> Iterator[str]:
    """The URL of the same database through a pooler, which has a few sessions for each of its clients."""
    to = sa.make_url(url)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=_accept, args=(listener, to), daemon=True).start()
        here = to.set(host="127.0.0.1", port=listener.getsockname()[1]).difference_update_query(["host", "port"])
        here = here.update_query_dict({"sslmode": "disable", "gssencmode": "disable"})
        yield here.render_as_string(hide_password=False)


def _accept(listener: socket.socket, to: sa.URL) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, to), daemon=True).start()


def _serve(client: socket.socket, to: sa.URL) -> None:
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
