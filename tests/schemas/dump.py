"""Makes the dump of a released schema: ``python tests/schemas/dump.py URL > REVISION.DIALECT.sql``, URL of no tables.

A few rows are in it, so that a later test sees them through the upgrade. PostgreSQL's needs pg_dump.
"""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import sqlalchemy as sa

from ssdb.store.ddl.migrate import initialize
from ssdb.store.ddl.partitions import PARTITIONED, make_partitions

ROWS = (
    """INSERT INTO "Visit" (visit, "midpointMjdTai", band, "predictionsAt")
       VALUES (9007199254740993, 60000.25, 'r', '2026-11-22 01:02:03.000004')""",
    """INSERT INTO "VisitDetector" (visit, detector, footprint, status) VALUES (9007199254740993, 3, {blob}, 'done')""",
    """INSERT INTO "DiaSource" ("diaSourceId", visit, detector, "midpointMjdTai", ra, "dec", "psfFlux", "ssObjectId")
       VALUES (9223372036854775807, 9007199254740993, 3, 60000.25, 359.9999999999, -0.5, 1.5, 21164728253101137)""",
    """INSERT INTO "SsPrediction" (visit, "ssObjectId", designation, "midpointMjdTai", "ephRa", "ephDec")
       VALUES (9007199254740993, 21164728253101137, '2015 MQ204', 60000.25, 0.0, -0.5)""",
    """INSERT INTO "SsExpected" (visit, "ssObjectId", "nCandidates") VALUES (9007199254740993, 21164728253101137, 0)""",
    """INSERT INTO metadata (name, value) VALUES ('it''s; -- "quoted"', '')""",
)
_BLOBS = {"sqlite": "x'00FF'", "postgresql": r"'\x00ff'"}
# Of psql or of newer servers alone.
_NOT_EVERYWHERE = re.compile(r"^(\\(un)?restrict .*|SET transaction_timeout.*|--.*)?\n", re.MULTILINE)


def main(url: str) -> None:
    with closing(initialize(url)) as database, database.writing() as connection:
        make_partitions(connection, np.array([9007199254740993]), PARTITIONED)
        for row in ROWS:
            connection.exec_driver_sql(row.format(blob=_BLOBS[database.dialect]))
    parsed = sa.make_url(url)
    if database.dialect == "sqlite":
        with closing(sqlite3.connect(str(parsed.database))) as file:
            print("\n".join(file.iterdump()))
    else:
        plain = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        command = ["pg_dump", "--no-owner", "--no-privileges", "--inserts", plain]
        dumped = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(_NOT_EVERYWHERE.sub("", dumped), end="")


if __name__ == "__main__":
    main(sys.argv[1])
