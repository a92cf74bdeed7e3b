"""Covariances of stored orbits, and the error ellipses of predictions that follow from them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ephemeris.covariance import covariance_of, stacked
from ssdb.ephemeris.uncertainty import error_ellipses, sky_covariances_of_pairs
from ssdb.errors import InputError
from ssdb.identity.primary import in_chunks
from ssdb.predict.catalogue import orbits_of
from ssdb.predict.viewing import Views
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.units import Array, Mask

logger = logging.getLogger(__name__)

_PACKED = mpc_orbits.c.packed_primary_provisional_designation


def stored_covariances(connection: sa.Connection, packed: Sequence[str]) -> dict[str, Array]:
    """The covariances of stored orbits by packed designation, as far as they have one.

    They are as of :func:`ssdb.ephemeris.covariance.covariance_of`. One that cannot be read is told as a warning and
    left out: the orbit is as good without.
    """
    columns = (_PACKED, mpc_orbits.c.epoch_mjd, mpc_orbits.c.mpc_orb_jsonb)
    found: dict[str, Array] = {}
    for part in in_chunks(packed):
        known = _PACKED.in_(part) & mpc_orbits.c.mpc_orb_jsonb.is_not(None)
        for name, epoch_mjd, text in connection.execute(sa.select(*columns).where(known).order_by(_PACKED)):
            try:
                covariance = covariance_of(text, epoch_mjd, name)
            except InputError as error:
                logger.warning("%s; the errors of its predictions stay unknown", error)
                continue
            if covariance is not None:
                found[name] = covariance
    return found


def with_errors(connection: sa.Connection, rows: pa.Table, views: Views, has_json: Mask) -> pa.Table:
    """Predictions of stored orbits with their error ellipses, NULL for orbits without a covariance.

    There is a view for each row; ``has_json`` says of which orbits mpc_orb_jsonb is there: others need no look.
    """
    object_ids = rows.column("ssObjectId").to_numpy()
    asked = np.unique(object_ids[has_json & (object_ids > 0)])
    # Of stored orbits: there is nothing to be checked, which for thousands of objects would take most of the time.
    packed = {one.to_bytes(8, "big").lstrip(b"\0").decode(): one for one in asked.tolist()}
    known = stored_covariances(connection, list(packed))
    if not known:
        return rows
    orbits = orbits_of(connection, list(known)).orbits
    names = pa.array(orbits.ids).cast(pa.string()).to_pylist()
    with_covariance = np.array([packed[name] for name in names])
    pairs = np.flatnonzero(np.isin(object_ids, with_covariance))
    order = np.argsort(with_covariance)
    item = order[np.searchsorted(with_covariance, object_ids[pairs], sorter=order)]
    on_sky = np.full((rows.num_rows, 2, 2), np.nan)
    on_sky[pairs] = sky_covariances_of_pairs(
        orbits, stacked([known[name] for name in names]), item, views.mjd_tdb[pairs], views.observers[pairs]
    )
    return with_ellipses(rows, on_sky)


def with_ellipses(rows: pa.Table, on_sky: Array) -> pa.Table:
    """Predictions with the ellipses of covariances on the sky (n, 2, 2): east, north; arcsec^2."""
    for column, values in error_ellipses(on_sky).items():
        rows = rows.append_column(column, pa.array(values, pa.float32(), from_pandas=True))
    return rows
