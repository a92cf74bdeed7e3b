"""Distributes the big tables over the servers of a Citus cluster: which table goes where, and whether they are.

The tables with rows of visits are distributed by ``visit``, and colocated: what is of one visit is on one server. All
others stay on the coordinator, since Citus does not let them be what they are elsewhere:

- Visit and VisitDetector are the queue: who claims visits locks many rows at once, for which only one shard of a
  distributed table can be asked;
- DiaObject and what belongs to it are found by their place on the sky, and by sources of any visit.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from ssdb.errors import ConfigError, DatabaseError, option
from ssdb.schema.apdb_dia import dia_source
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import PARTITIONED
from ssdb.store.ddl.roles import refuse_others
from ssdb.store.locks import alone_with
from ssdb.store.query_plans import DISTRIBUTED

BY = "visit"
"""The column by which rows are distributed."""

TABLES = (dia_source, *PARTITIONED[:-1])
"""The distributed tables; the others are colocated with the first."""

MOST_SHARDS = 1000

_CITUS = sa.text("SELECT extversion FROM pg_extension WHERE extname = 'citus'")
_IS_WORKER = sa.text("SELECT EXISTS (SELECT FROM pg_dist_local_group WHERE groupid <> 0)")
_SERVERS = sa.text("SELECT count(*) FROM pg_dist_node WHERE isactive AND shouldhaveshards")
_SHARDS = sa.text(
    """SELECT t.name, count(s.shardid) FROM unnest(CAST(:names AS text[])) t(name)
       LEFT JOIN pg_dist_shard s ON s.logicalrelid = to_regclass(t.name) GROUP BY t.name"""
)


class DistributeReport(NamedTuple):
    """What :func:`distribute` did."""

    shards: int
    servers: int
    """That hold shards."""
    tables: list[str]
    """Those that were distributed now; none where all were before."""

    def told(self) -> str:
        """The report in a line."""
        where = f"{self.shards} shards on {self.servers} server{'s' if self.servers > 1 else ''}"
        if not self.tables:
            return f"distributed before, by visit: {where}"
        return f"distributed by visit, {where}: {', '.join(self.tables)}"


def distribute(database: Database, shards: int) -> DistributeReport:
    """Distributes the big tables by their visits, with the rows that they have, in one transaction.

    Nothing is done where they have as many shards already.

    Raises
    ------
    ConfigError
        If the number is not from 1 to :data:`MOST_SHARDS`, if they have another number of shards already, or if it is
        an SQLite database.
    DatabaseError
        Without the extension citus, or workers; if the user does not own the tables, or others keep using them.
    """
    require_citus(database, shards)
    with database.writing() as connection:
        refuse_others(connection, "distribute them")
        servers = connection.execute(_SERVERS).scalar_one()
        stored = _stored(connection, shards)
        missing = [table for table in TABLES if not stored[table.name]]
        if missing:
            names = [table.name for table in TABLES]
            alone_with(connection, lambda: (missing, names), lambda tables: _distribute(connection, tables, shards))
    with database.reading() as connection:
        note_where(database, connection)
    return DistributeReport(shards, servers, [table.name for table in missing])


def require_citus(database: Database, shards: int) -> None:
    """Raises what :func:`distribute` does where the tables of a database, if it has any, cannot be distributed."""
    if not 0 < shards <= MOST_SHARDS:
        raise ConfigError(f"the number of shards must be from 1 to {MOST_SHARDS:,}, not {shards:,}")
    if database.dialect != "postgresql":
        raise ConfigError("SQLite is one file: tables can be distributed only on PostgreSQL with the extension citus")
    with database.reading() as connection:
        if connection.scalar(_CITUS) is None:
            raise DatabaseError(
                "this database has no extension citus: run CREATE EXTENSION citus in it on the coordinator and on each "
                "worker, then on the coordinator SELECT citus_add_node('HOST', PORT) for each worker"
            )
        refuse_worker(connection)
        if not connection.scalar(_SERVERS):
            raise DatabaseError("Citus has no worker yet: run SELECT citus_add_node('HOST', PORT) for each of them")
        _stored(connection, shards)


def refuse_worker(connection: sa.Connection) -> None:
    """Raises DatabaseError on a worker of a Citus cluster: what it has are shards of the coordinator's tables."""
    if connection.dialect.name == "postgresql" and connection.scalar(_CITUS) and connection.scalar(_IS_WORKER):
        raise DatabaseError("this server is a worker of Citus: connect to its coordinator")


def note_where(database: Database, connection: sa.Connection) -> None:
    """Notes for all connections to come whether the big tables are distributed."""
    if database.dialect == "postgresql":
        found = connection.scalar(_CITUS) is not None and any(_stored(connection).values())
        database.engine.update_execution_options(**{DISTRIBUTED: found})


def _stored(connection: sa.Connection, shards: int | None = None) -> dict[str, int]:
    """How many shards each table has; 0: it is not distributed, or not there. ConfigError if others than are wanted."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    names = {quote(table.name): table.name for table in TABLES}
    stored = {names[name]: n for name, n in connection.execute(_SHARDS, {"names": list(names)})}
    other = sorted(set(stored.values()) - {0, shards})
    if shards is not None and other:
        raise ConfigError(
            f"the tables have {other[0]} shards already: for {shards}, make another database with "
            f"{option(f'`ssdb init --distribute {shards}`', f'distribute(..., {shards})')} and load your files"
        )
    return stored


def _distribute(connection: sa.Connection, tables: list[sa.Table], shards: int) -> None:
    quote = connection.dialect.identifier_preparer.quote_identifier
    for table in tables:
        name = quote(table.name)
        how = "colocate_with := 'none', shard_count := :shards" if table is TABLES[0] else "colocate_with := :first"
        values = {"table": name} | ({"shards": shards} if table is TABLES[0] else {"first": quote(TABLES[0].name)})
        connection.execute(sa.text(f"SELECT create_distributed_table(CAST(:table AS regclass), '{BY}', {how})"), values)
    for table in tables:
        # The rows have been copied to the shards; out of sight, those of before are still there.
        emptied = sa.text("SELECT truncate_local_data_after_distributing_table(CAST(:table AS regclass))")
        connection.execute(emptied, {"table": quote(table.name)})
