"""Functions in the database, of ``sql/functions``: what who only writes rows may have the owner of the tables do.

Like views they are no migrations: after every upgrade they are made again.
"""

from __future__ import annotations

import sqlalchemy as sa

from ssdb.store.sql_files import sql_texts

_SIGNATURES = {
    "ssdb_check_partition": "",
    "ssdb_new_partition": "text, bigint",
    "ssdb_attach_partition": "text, bigint, bigint",
    "ssdb_analyze_partition": "text, regclass",
}


def make_functions(connection: sa.Connection) -> None:
    """Makes every function of ``sql/functions`` in the schema of the tables, or brings it to its newest text.

    They run as their owner, with a search path of their own, and nobody else may call them before it is granted. SQLite
    has none.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing.
    """
    if connection.dialect.name != "postgresql":
        return
    preparer = connection.dialect.identifier_preparer
    schema = preparer.quote(connection.exec_driver_sql("SELECT current_schema()").scalar_one())
    for name, text in sql_texts("functions").items():
        execute = {"execution_options": {"no_parameters": True}}
        connection.exec_driver_sql(text.replace(":schema", schema), **execute)
        connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {name}({_SIGNATURES[name]}) FROM PUBLIC")


def drop_functions(connection: sa.Connection) -> None:
    """Drops every function of ssdb."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql('DROP TRIGGER IF EXISTS ssdb_check_partition ON "SsLock"')
        for name, signature in _SIGNATURES.items():
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {name}({signature})")
