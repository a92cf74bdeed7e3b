"""Which visits come too late for their DiaObjects, beside a count by hand."""

from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa
from dia_surveys import BEGIN

from ssdb.dia.order import Fields, count_late, margin_of, read_order
from ssdb.ingest.visits import ingest_visits
from ssdb.schema.survey import DONE, visit
from ssdb.sky.sphere import separations
from ssdb.store.database import Database


@pytest.mark.parametrize("seed", range(3))
def test_late_is_what_is_older_than_a_done_visit_of_its_field(seed: int, database: Database) -> None:
    rng = np.random.default_rng(seed)
    n = 80
    number = rng.permutation(np.arange(1, n + 1))
    time = BEGIN + rng.integers(0, 20, n)  # several have the same
    ra, dec = rng.choice([0.0, 359.0, 2.0, 90.0], n) + rng.uniform(0, 1, n), rng.choice([0.0, 89.0, -60.0], n)
    radius = rng.choice([0.01, 0.7, 1.75, 90.0], n, p=[0.4, 0.3, 0.29, 0.01])
    columns = {"visit": number, "midpointMjdTai": time, "ra": ra, "dec": dec, "radius": radius}
    ingest_visits(database, columns)
    done = rng.random(n) < 0.4
    with database.writing() as connection:
        some = visit.c.visit.in_(number[done].tolist())
        connection.execute(sa.update(visit).where(some).values(diaStatus=DONE))
    margin = margin_of(1.0)
    with database.reading() as connection:
        order = read_order(connection, Fields(), (), margin)
        found = set(order.visits[order.late].tolist())
        assert count_late(connection, margin) == len(found)
    meets = separations(ra[:, None], dec[:, None], ra, dec) / 3600 <= radius[:, None] + radius + margin
    later = (time > time[:, None]) | ((time == time[:, None]) & (number > number[:, None]))
    assert found == set(number[~done & (meets & later & done).any(axis=1)].tolist())
    assert 0 < len(found) < (~done).sum()
