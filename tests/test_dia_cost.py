"""What a visit costs does not grow with the history: no earlier source is read, and indexes stay as they are."""

from __future__ import annotations

import sqlalchemy as sa
from dia_surveys import field, load, load_visits
from test_dia_associate import done

from ssdb.dia.associate import associate_dia
from ssdb.store.database import Database
from ssdb.store.ddl.detached import partition_width
from ssdb.store.ddl.migrate import connect

READ = sa.text(
    """SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) AS read, n_tup_upd, n_tup_hot_upd
       FROM pg_stat_user_tables WHERE relname LIKE 'Dia%'"""
)


def counted(database: Database) -> dict[str, sa.Row]:
    """What the server has counted of the tables of DiaObjects since it began."""
    with database.session() as connection:
        connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
        return {row.relname: row for row in connection.execute(READ)}


def flush(database: Database) -> None:
    """Sessions tell what they did when they end, at the latest."""
    database.engine.dispose()


def test_a_visit_reads_no_history(postgresql_url: str) -> None:
    with connect(postgresql_url) as database:
        partition_width(database, 1)
        load_visits(database, range(1, 13))
        load(database, field(range(1, 13), n=40))
        done(database, list(range(1, 12)))
        flush(database)
        before = counted(database)
        report = associate_dia(database, solar_system=False)
        flush(database)
        (outcome,) = report.visits
        assert outcome.n_updated > 20
        after = counted(database)
        read = {name: row.read - (before[name].read if name in before else 0) for name, row in after.items()}
        parts = {name: n for name, n in read.items() if name.startswith("DiaSource_")}
        assert len(parts) == 12
        # Those of the visit are read for what they are, and found again to be written.
        assert {name for name, n in parts.items() if n} == {"DiaSource_12"}
        assert parts["DiaSource_12"] <= 3 * outcome.n_sources
        assert not any(n for name, n in read.items() if name.startswith("DiaMatch"))
        for name in ("DiaObject", "DiaObjectMoment", "DiaObjectLast"):
            assert read[name] <= 4 * outcome.n_updated, name
        hot = {name: after[name].n_tup_hot_upd - before[name].n_tup_hot_upd for name in after}
        assert hot["DiaObjectMoment"] == outcome.n_updated
        # Hardly any object is moved by 0.1 arcsec by its twelfth source.
        assert hot["DiaObjectLast"] >= 0.8 * outcome.n_updated
