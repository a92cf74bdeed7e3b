"""Tables of orbits of Rubin's first data preview, kete and astroquery, as rows of mpc_orbits.

- MPCORB of Data Preview 1 (https://sdm-schemas.lsst.io/dp1.html#MPCORB): times MJD, TT.
- kete (https://github.com/dahlend/kete): the tables of ``kete.mpc.fetch_known_orbit_data`` and
  ``kete.horizons.fetch_known_orbit_data``, and states that ``kete.SimultaneousStates`` saves as Parquet: about the Sun
  or the barycentre, in au and au/d on ICRF axes. Times are JD TDB.
- astroquery (https://astroquery.readthedocs.io/en/latest/jplhorizons/jplhorizons.html): ``Horizons.elements()``, about
  the Sun and in the ecliptic, which is what it asks for by itself. Times are JD TDB.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ssdb.ephemeris.elements import of_ellipses
from ssdb.ingest.formats.mpc_orbits import Dialect, Translated
from ssdb.ingest.formats.sbdb import SBDB
from ssdb.ingest.formats.sorcha_orbits import heliocentric
from ssdb.ingest.formats.translating import designated, mjd_of, numbers, rows_of, texts
from ssdb.units import SECONDS_PER_DAY

_DP1 = {
    **{"q": "q", "e": "e", "incl": "i", "node": "node", "peri": "argperi", "t_p": "peri_time"},
    **{"epoch": "epoch_mjd", "mpcH": "h"},
}
_KETE = {"ecc": "e", "incl": "i", "peri_dist": "q", "peri_arg": "w", "peri_time": "tp", "lon_node": "om"}
_KETE |= {"desig": "pdes", "h_mag": "H", "g_phase": "G"}
"""kete's names of columns that JPL has under others; what is not here has JPL's."""

_HORIZONS = {"incl": "i", "Omega": "om", "Tp_jd": "tp", "datetime_jd": "epoch", "M": "ma", "P": "per"}
_HORIZONS |= {"targetname": "full_name"}
"""astroquery's names of columns that JPL's SBDB has under others."""

_STATE = {"x": "x", "y": "y", "z": "z", "vx": "xdot", "vy": "ydot", "vz": "zdot"}
_CENTERS = {0: "BCART_EQ", 10: "CART_EQ"}
_UTC_FOR_TT = (64.0, 75.0)
"""Seconds by which TT was ahead of UTC from 1999 on, generously."""


def _dp1(table: pa.Table) -> Translated:
    names = ["mpcDesignation", *(name for name in _DP1 if name in table.column_names)]
    rows = table.select(names[1:]).rename_columns([_DP1[name] for name in names[1:]])
    for name, values in designated(texts(table, "mpcDesignation")).items():
        rows = rows.append_column(name, values)
    return Translated(rows)


def _kete_elements(table: pa.Table) -> Translated:
    found = SBDB.translate(table.rename_columns([_KETE.get(name, name) for name in table.column_names]))
    seconds = np.mod(mjd_of(numbers(table, "epoch")), 1.0) * SECONDS_PER_DAY
    late = (seconds > _UTC_FOR_TT[0]) & (seconds < _UTC_FOR_TT[1])
    text = (
        "the epoch is as many seconds after midnight as TT is ahead of UTC: kete took the Minor Planet Center's TT for "
        "UTC, and positions are up to some arcseconds off; load the Minor Planet Center's file itself"
    )
    found.unknown[text] = late
    return found


def _horizons(table: pa.Table) -> Translated:
    return SBDB.translate(table.rename_columns([_HORIZONS.get(name, name) for name in table.column_names]))


def _kete_states(table: pa.Table) -> Translated:
    n = table.num_rows
    epoch = mjd_of(numbers(table, "jd"))
    columns = {ours: numbers(table, theirs) for theirs, ours in _STATE.items()}
    center = numbers(table, "center")
    whole = np.asarray(np.isfinite(np.column_stack([*columns.values(), epoch])).all(axis=1))
    elements = {name: np.full(n, np.nan) for name in ("q", "e", "i", "node", "argperi", "peri_time")}
    for code, format_ in _CENTERS.items():
        here = np.flatnonzero(whole & (center == code))
        found = heliocentric(format_, {name: values[here] for name, values in columns.items()}, epoch[here])
        for name, values in found.items():
            elements[name][here] = values
    rows = elements | {"epoch_mjd": epoch}
    rows |= of_ellipses(elements["q"], elements["e"], elements["peri_time"], epoch)
    problems = {
        "a number of the state is unknown": ~whole,
        "the centre is neither the Sun (10) nor the barycentre (0)": ~np.isin(center, list(_CENTERS)),
    }
    return Translated(rows_of(rows | designated(texts(table, "desig"))), problems)


def _numbers_of_sbdb(names: dict[str, str]) -> dict[str, str]:
    """The columns of numbers of a table that has some of the SBDB's under other names."""
    of_sbdb = {theirs: names.get(theirs, theirs) for theirs in (*names, *SBDB.numbers)}
    return {theirs: SBDB.numbers[ours] for theirs, ours in of_sbdb.items() if ours in SBDB.numbers}


DP1 = Dialect("dp1", frozenset({"mpcDesignation", "t_p", "incl"}), _DP1, ("mpcDesignation",), _dp1)
KETE = Dialect(
    "kete",
    frozenset({"desig", "ecc", "peri_dist", "lon_node"}),
    _numbers_of_sbdb(_KETE),
    ("desig", "name"),
    _kete_elements,
)
HORIZONS = Dialect(
    "horizons",
    frozenset({"targetname", "datetime_jd", "incl", "Omega", "Tp_jd"}),
    _numbers_of_sbdb(_HORIZONS),
    ("targetname",),
    _horizons,
)
KETE_STATES = Dialect(
    "kete",
    frozenset({"desig", "jd", "vx", "center"}),
    dict.fromkeys(("jd", "center", *_STATE), "q"),
    ("desig",),
    _kete_states,
)
DIALECTS = (DP1, KETE, KETE_STATES, HORIZONS, SBDB)
