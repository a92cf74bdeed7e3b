"""What to do where a transaction needs more locks than a PostgreSQL server has room for."""

from __future__ import annotations

import math

import psycopg
import sqlalchemy as sa

_NEEDED = sa.text(
    """SELECT (SELECT count(*) FROM pg_class WHERE relispartition AND pg_table_is_visible(oid)),
              CAST(current_setting('max_locks_per_transaction') AS integer),
              CAST(current_setting('max_connections') AS integer)
              + CAST(current_setting('max_prepared_transactions') AS integer)"""
)
"""How many partitions there are, with their indexes; the setting; and how many times as many locks can be held."""


def is_out_of_locks(error: BaseException) -> bool:
    """Whether an error of the driver's, or one made of it, says that the server's table of locks is full."""
    told = getattr(error, "orig", None) or error
    # It has no code of its own: the hint names the setting.
    return isinstance(told, psycopg.errors.OutOfMemory) and "max_locks_per_transaction" in f"{told.diag.message_hint}"


def what_to_set(engine: sa.Engine) -> str:
    """What the server has to be told, by number, so that a question over all nights is answered."""
    told = (
        "this needs more locks than the server has room for, one for each partition that is read and for each of its "
        "indexes: name visits, detach old partitions, or set max_locks_per_transaction"
    )
    try:
        with engine.connect() as connection:
            n_locks, now, n_sessions = connection.execute(_NEEDED).one()
    except (sa.exc.SQLAlchemyError, psycopg.Error):
        return f"{told} higher in postgresql.conf, and restart the server"
    # With as many again for all others.
    needed = max(now + 1, math.ceil(2 * n_locks / n_sessions))
    return (
        f"{told}, which is {now}, to {needed} or more in postgresql.conf, and restart the server "
        f"(all partitions have {n_locks:,} tables and indexes)"
    )
