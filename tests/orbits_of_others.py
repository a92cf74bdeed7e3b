"""Orbits as others have them: likenesses, made here, of the files of the Minor Planet Center, JPL, kete, astroquery.

The numbers of real objects are JPL Horizons'.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NAMES = ("q", "e", "i", "node", "argperi", "peri_time")
EROS = {"q": 1.1334, "e": 0.22280789, "i": 10.83, "node": 304.27008, "argperi": 178.9, "peri_time": 61088.25}
EPOCH = 61000.0
JD = 2_400_000.5
OBLIQUITY = np.radians(84381.448 / 3600.0)
TO_EQUATOR = np.array(
    [[1, 0, 0], [0, np.cos(OBLIQUITY), -np.sin(OBLIQUITY)], [0, np.sin(OBLIQUITY), np.cos(OBLIQUITY)]]
)
"""From the mean ecliptic of J2000 to ICRF axes, as Horizons and the Minor Planet Center have it."""

SBDB_OF = {"q": "q", "e": "e", "i": "i", "node": "om", "argperi": "w", "peri_time": "tp"}
SBDB = {SBDB_OF[name]: value for name, value in EROS.items()} | {"tp": EROS["peri_time"] + JD, "epoch": EPOCH + JD}
SBDB |= {"pdes": "433", "full_name": "   433 Eros (A898 PA)", "H": 10.38, "G": 0.46}
MPC_ORB = {
    "COM": {"coefficient_names": [*NAMES, "yarkovsky"], "coefficient_values": [*EROS.values(), 1e-3]},
    "designation_data": {"packed_primary_provisional_designation": "I98P00A", "permid": "433", "name": "Eros"},
    "epoch_data": {"epoch": EPOCH, "timeform": "MJD", "timesystem": "TDT"},
    "magnitude_data": {"H": 10.38, "G": 0.46},
    "software_data": {"fitting_datetime": "2026/09/01_17:34:16"},
}
KETE_OF = {"q": "peri_dist", "e": "ecc", "i": "incl", "node": "lon_node", "argperi": "peri_arg"}
KETE = {KETE_OF[name]: EROS[name] for name in KETE_OF} | {"desig": "433", "h_mag": 10.38, "g_phase": 0.46}
KETE |= {"peri_time": EROS["peri_time"] + JD, "epoch": EPOCH + JD}
HORIZONS_OF = {"i": "incl", "node": "Omega", "argperi": "w"}
HORIZONS = {HORIZONS_OF.get(name, name): EROS[name] for name in NAMES[:5]} | {"Tp_jd": EROS["peri_time"] + JD}
HORIZONS |= {"targetname": "433 Eros (A898 PA)", "datetime_jd": EPOCH + JD, "H": 10.38, "G": 0.46}
DP1_OF = {"i": "incl", "argperi": "peri", "peri_time": "t_p"}
DP1 = {DP1_OF.get(name, name): value for name, value in EROS.items()} | {"mpcDesignation": "00433", "epoch": EPOCH}
DP1 |= {"mpcH": 10.38, "ssObjectId": 207163339571}

COMETS = (
    "    CI70Q010  1870 11 30.7470  1.851827  1.000209  354.9945   14.7093   99.4775  20260514   9.0  4.0  "
    "C/1870 Q1 (Coggia)                                       MPEC 2026-FR0\n"
    "    CJ99X010  1999 12  1.2500  0.500000  1.000000   10.0000   20.0000  170.0000            12.0  4.0  "
    "C/1999 X1 (Parabola)                                     MPC 40000\n"
    "0483P      b  2027 11 13.1359  2.486248  0.221365   49.9474  198.8147   14.1812  20260514  17.0  4.0  "
    "483P-B/PANSTARRS                                         MPC185666\n"
    "0003I         2025 10 29.4825  1.356507  6.139884  128.0055  322.1535  175.1129  20251121  11.8  4.0  "
    "3I/ATLAS                                                 MPEC 2026-G41\n"
)

COMET = {"Comet_num": 483, "Designation_and_name": "483P-B/PANSTARRS", "e": 0.221365, "Perihelion_dist": 2.486248}
COMET |= {"Peri": 49.9474, "Node": 198.8147, "i": 14.1812, "Epoch_year": 2026, "Epoch_month": 5, "Epoch_day": 14}
COMET |= {"Year_of_perihelion": 2027, "Month_of_perihelion": 11, "Day_of_perihelion": 13.1359}
"""The third of these as cometels.json has it."""


def as_json(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def as_csv(path: Path, *rows: dict[str, Any]) -> Path:
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def query(*rows: dict[str, Any]) -> dict[str, Any]:
    """An answer of JPL's query service, where all numbers are text."""
    data = [[None if value is None else str(value) for value in row.values()] for row in rows]
    return {"signature": {"version": "1.0"}, "fields": list(rows[0]), "data": data, "count": str(len(rows))}


def extended(line: str) -> dict[str, Any]:
    """A line of MPCORB.DAT as the JSON has it."""
    e = float(line[70:79])
    a = float(line[92:103]) if line[92:103].strip() else None
    record = {"H": float(line[8:13]), "G": float(line[14:19]), "Num_obs": int(line[117:122]), "U": line[105]}
    record |= {"Epoch": 61000.5 - 0.5 + JD if line[20:25] == "K25BL" else 58000.0 + JD, "M": float(line[26:35])}
    record |= {"Peri": float(line[37:46]), "Node": float(line[48:57]), "i": float(line[59:68]), "e": e, "a": a}
    record |= {"n": float(line[80:91]), "Num_opps": int(line[123:126]), "rms": float(line[137:141])}
    return {name: value for name, value in record.items() if value is not None}


def one_object(kind: str = "an", forces: dict[str, float] | None = None, **orbit: Any) -> dict[str, Any]:
    """An answer of JPL's about one object, with its covariance."""
    elements = [{"name": SBDB_OF[name], "value": str(SBDB[SBDB_OF[name]]), "sigma": "1E-7"} for name in NAMES]
    labels = ["e", "q", "tp", "node", "peri", "i", *(name for name in forces or {} if name != "NM")]
    data = np.diag([(n + 1.0) * 1e-8 for n in range(len(labels))]) ** 2
    data[0, 1] = data[1, 0] = 0.5 * data[0, 0]
    fullname = "433 Eros (A898 PA)" if kind == "an" else "C/2022 E3 (ZTF)"
    pars = [{"name": name, "value": str(value)} for name, value in (forces or {}).items()]
    covariance = {"labels": labels, "data": [[str(x) for x in row] for row in data], "epoch": str(EPOCH + JD)}
    given = {"elements": elements, "epoch": str(EPOCH + JD), "covariance": covariance, "model_pars": pars} | orbit
    return {
        "signature": {"version": "1.3", "source": "NASA/JPL Small-Body Database (SBDB) API"},
        "object": {"fullname": fullname, "des": "433" if kind == "an" else "2022 E3", "kind": kind, "prefix": None},
        "orbit": given,
    }
