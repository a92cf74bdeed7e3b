"""Databases on a Citus cluster: the same one on the coordinator and on every worker.

``SSDB_TEST_CITUS_URL`` is a database of the coordinator with the extension citus and its workers, whose user is a
superuser on all of them. With it the whole suite runs on tables that are distributed. A coordinator that knows no
other server (a container's) is its own worker.
"""

from __future__ import annotations

import uuid
from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

SHARDS = 4
"""A few, but more than there are workers."""


class Cluster:
    """The coordinator and the workers of a cluster."""

    def __init__(self, coordinator: sa.URL) -> None:
        self.coordinator = coordinator
        with self._engine(coordinator).connect() as connection:
            known = "SELECT nodename, nodeport, groupid FROM pg_dist_node ORDER BY groupid"
            self.nodes = [tuple(row) for row in connection.exec_driver_sql(known)]
        self.servers = [coordinator.set(host=host, port=port) for host, port, group in self.nodes if group]
        self.servers.append(coordinator)

    def create(self, name: str, *, plain: bool = False, nodes: bool = True) -> None:
        """Makes a database without tables; with the extension and the workers, unless it is to be plain."""
        self._everywhere(f"CREATE DATABASE {name}")
        if plain:
            return
        for server in self.servers:
            self._run(server.set(database=name), "CREATE EXTENSION citus")
        if not nodes:
            return
        for host, port, group in self.nodes:
            how = "add_node" if group else "set_coordinator_host"
            self._run(self.coordinator.set(database=name), f"SELECT citus_{how}('{host}', {port})")
        if len(self.nodes) < 2:
            itself = "citus_set_node_property(nodename, nodeport, 'shouldhaveshards', true) FROM pg_dist_node"
            self._run(self.coordinator.set(database=name), f"SELECT {itself}")

    def copy(self, template: str) -> str:
        """Copies a database with its tables and its shards; the name of the copy."""
        name = f"ssdb_test_{uuid.uuid4().hex[:12]}"
        # Who looks after a database is connected to it, and it cannot be copied meanwhile; seconds later it is again.
        gone = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{template}'"
        for server in self.servers:
            for _ in range(5):
                with suppress(sa.exc.OperationalError):
                    self._run(server, gone, f"CREATE DATABASE {name} TEMPLATE {template}")
                    break
            else:
                self._run(server, gone, f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Drops a database, whoever is connected to it."""
        self._everywhere(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        """The URL of a database, for ssdb."""
        return self.coordinator.set(drivername="postgresql", database=name).render_as_string(hide_password=False)

    def _everywhere(self, statement: str) -> None:
        for server in self.servers:
            self._run(server, statement)

    def _run(self, server: sa.URL, *statements: str) -> None:
        with self._engine(server).connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    @staticmethod
    def _engine(url: sa.URL) -> sa.Engine:
        return sa.create_engine(
            url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", poolclass=NullPool
        )
