"""How much of the disk a database takes, by table."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ssdb.store.database import Database

_POSTGRESQL = """
    SELECT top.relname, sum(pg_table_size(part.relid)), sum(pg_indexes_size(part.relid))
    FROM pg_class top JOIN pg_namespace n ON n.oid = top.relnamespace, pg_partition_tree(top.oid) part
    WHERE n.nspname = current_schema() AND top.relkind IN ('r', 'p') AND NOT top.relispartition
    GROUP BY top.relname
"""
"""A table without partitions is its own only one; a partitioned table itself has no bytes."""

_SQLITE = """
    SELECT m.tbl_name, sum(s.pageno * page_size) FILTER (WHERE m.type = 'table'),
           sum(s.pageno * page_size) FILTER (WHERE m.type = 'index')
    FROM dbstat s JOIN sqlite_master m ON m.name = s.name, pragma_page_size
    WHERE s.aggregate = TRUE GROUP BY m.tbl_name
"""
"""Of an aggregate "pageno" is the number of pages; "pgsize" is their bytes in 32 bits, too few for a night."""


def disk_bytes(database: Database) -> dict[str, Any]:
    """Bytes on the disk: ``all``, and ``tables``, by table its ``rows`` and its ``indexes``, the largest first.

    A SQLite that was built without the table dbstat tells no tables.
    """
    whole, by_table = (
        ("SELECT pg_database_size(current_database())", _POSTGRESQL)
        if database.dialect == "postgresql"
        else ("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", _SQLITE)
    )
    with database.reading() as connection:
        total = int(connection.exec_driver_sql(whole).scalar_one())
        try:
            found = connection.exec_driver_sql(by_table).all()
        except sa.exc.OperationalError:
            found = []
    tables = {name: {"rows": int(rows or 0), "indexes": int(indexes or 0)} for name, rows, indexes in found}
    largest = sorted(tables, key=lambda name: -sum(tables[name].values()))
    return {"all": total, "tables": {name: tables[name] for name in largest}}
