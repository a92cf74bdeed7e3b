"""Covariances of the orbits in mpc_orbits, and the errors of predictions that follow from them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ephemeris.covariance import covariance_of
from ssdb.ephemeris.uncertainty import error_ellipses, sky_covariances_of_pairs
from ssdb.errors import InputError
from ssdb.identity.primary import in_chunks
from ssdb.predict.catalogue import orbits_of
from ssdb.predict.views import Views
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.units import Array, Mask

logger = logging.getLogger(__name__)

_PACKED = mpc_orbits.c.packed_primary_provisional_designation


def stored_covariances(connection: sa.Connection, packed: Sequence[str]) -> dict[str, Array]:
    """The covariances of stored orbits, as far as they have one.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    packed : sequence of str
        Packed primary designations.

    Returns
    -------
    dict of str to ndarray, shape (6, 6)
        By packed designation, as :func:`ssdb.ephemeris.covariance.covariance_of` gives them. One that cannot be read is
        told as a warning and left out: the orbit is as good without.
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


def with_errors(connection: sa.Connection, rows: pa.Table, views: Views, has_json: Mask | None = None) -> pa.Table:
    """Predictions with their error ellipses, NULL for orbits without a covariance.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    rows : pyarrow.Table
        Of SsPrediction, made of the orbits in mpc_orbits, n of them.
    views : Views
        Of their visits, each once.
    has_json : ndarray of bool, shape (n,), optional
        Of which orbits mpc_orb_jsonb is there, where that is known: others need no look.
    """
    ids, index = np.unique(rows.column("ssObjectId").to_numpy(), return_inverse=True)
    asked = ids > 0
    if has_json is not None:
        asked[np.setdiff1d(np.arange(len(ids)), index[has_json])] = False
    # Of stored orbits: there is nothing to be checked, which for thousands of objects would take most of the time.
    packed = {
        object_id.to_bytes(8, "big").lstrip(b"\0").decode(): place
        for place, object_id in zip(np.flatnonzero(asked).tolist(), ids[asked].tolist(), strict=True)
    }
    known = stored_covariances(connection, list(packed))
    if not known:
        return rows
    catalogue = orbits_of(connection, list(known))
    names = pa.array(catalogue.orbits.ids).cast(pa.string()).to_pylist()
    item_of = np.full(len(ids), -1)
    item_of[[packed[name] for name in names]] = np.arange(len(names))
    pairs = np.flatnonzero(item_of[index] >= 0)
    order = np.argsort(views.visits)
    visits = rows.column("visit").to_numpy()[pairs]
    view = order[np.searchsorted(views.visits, visits, sorter=order)]
    on_sky = np.full((rows.num_rows, 2, 2), np.nan)
    on_sky[pairs] = sky_covariances_of_pairs(
        catalogue.orbits,
        np.array([known[name] for name in names]),
        item_of[index[pairs]],
        views.mjd_tdb[view],
        views.observers[view],
    )
    for column, values in error_ellipses(on_sky).items():
        rows = rows.append_column(column, pa.array(values, pa.float32(), from_pandas=True))
    return rows
