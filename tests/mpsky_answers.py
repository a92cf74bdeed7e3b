"""Answers of an mpSky service, made from motions that are known: polynomials in powers of the time."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from astropy import units as u
from astropy.coordinates import CartesianRepresentation, SkyCoord
from numpy.polynomial.chebyshev import poly2cheb

TMIN, TMAX = 60800.0, 60800.9
TIME = 60800.375

NAMES = ("2015 MQ204", "433", "C/2017 K2")

# au, au/d, au/d^2, ...: heliocentric; the third crosses 0h.
OBJECTS = np.array(
    [
        [[-2.04, -0.75, -0.10], [3.7e-3, -1.0e-2, -5.2e-3], [1.0e-5, 2.0e-5, -3.0e-6]],
        [[0.30, 1.20, 0.40], [-1.2e-2, 4.0e-3, 1.0e-3], [3.0e-5, -4.0e-5, 2.0e-6]],
        [[1.40, -0.60, 3.00], [2.0e-3, 6.0e-3, -4.0e-3], [0.0, 1.0e-5, 1.0e-5]],
    ]
).transpose(1, 2, 0)
"""(3, 3, 3): power of t, axis, object."""

OBSERVER = np.array(
    [[-0.7530, -0.6146, -0.2664], [1.02e-2, -1.19e-2, -5.16e-3], [1.0e-4, 9.0e-5, 4.0e-5], [2e-5, 0, 0]]
)
"""(4, 3): power of t, axis."""


def chebyshev(powers: np.ndarray) -> np.ndarray:
    """The same polynomials as Chebyshev series."""
    columns = powers.reshape(len(powers), -1)
    series = [poly2cheb(column) for column in columns.T]
    padded = [np.pad(one, (0, len(powers) - len(one))) for one in series]
    return np.array(padded).reshape(columns.shape[1], len(powers)).T.reshape(powers.shape)


def at(powers: np.ndarray, t: float) -> np.ndarray:
    """Value of polynomials, power by power."""
    return np.asarray(sum(coefficient * t**power for power, coefficient in enumerate(powers)))


def seen(objects: np.ndarray, observer: np.ndarray, t: float) -> SkyCoord:
    """Where the observer sees the objects, by astropy."""
    x, y, z = at(objects, t) - at(observer, t)[:, None]
    return SkyCoord(CartesianRepresentation(x, y, z, unit=u.au), frame="icrs")


def answer(
    names: Sequence[str] = NAMES,
    objects: np.ndarray = OBJECTS,
    observer: np.ndarray = OBSERVER,
    *,
    tmin: Any = TMIN,
    tmax: Any = TMAX,
    time: float = TIME,
    more: Mapping[str, Any] | None = None,
    without: Sequence[str] = (),
) -> bytes:
    """An answer, in the form in which the service writes it.

    ``time`` is that of the question, for which the answer gives positions of its own.
    """
    n = len(names)
    place = seen(objects, observer, time - TMIN)
    columns = {
        "name": pa.array(np.array(names, dtype=str), pa.string()),
        "ra": np.asarray(place.ra.deg),
        "dec": np.asarray(place.dec.deg),
        "tmin": np.ones(n) * tmin,
        "tmax": np.ones(n) * tmax,
        **(more or {}),
    }
    kept = {name: pa.array(values) for name, values in columns.items() if name not in without}
    return message(chebyshev(objects), chebyshev(observer), pa.RecordBatch.from_pydict(kept))


def message(objects: np.ndarray, observer: np.ndarray, batch: pa.RecordBatch, compression: str | None = None) -> bytes:
    """Two tensors and a stream of one record batch."""
    buffer = io.BytesIO()
    with pa.output_stream(buffer) as out:
        for tensor in (objects, observer):
            pa.ipc.write_tensor(pa.Tensor.from_numpy(tensor), out)
        options = pa.ipc.IpcWriteOptions(compression=compression)
        with pa.ipc.new_stream(out, batch.schema, options=options) as writer:
            writer.write_batch(batch)
        return buffer.getvalue()


def empty_answer() -> bytes:
    """The answer about a field without known objects."""
    return answer((), OBJECTS[:, :, :0])


BASIC = {name: [0.1, 0.2, 0.3] for name in ["q", "e", "inc", "node", "argPeri", "t_p_MJD_TDB", "epochMJD_TDB"]}
EXTENDED = {
    "designation": list(NAMES),
    "Vmag": [20.5, np.nan, 17.25],
    "id": [1, 2, 3],
    "mpc_orb_jsonb": ["{}", "{}", None],
    **{name: [0.1, 0.2, 0.3] for name in ["a", "q", "e", "i", "node", "argperi", "peri_time", "h", "g"]},
}
"""The two forms of the elements: those of a catalogue, and those of the table mpc_orbits."""
