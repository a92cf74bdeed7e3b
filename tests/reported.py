"""A small survey of which reports are written for the Minor Planet Center."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ssdb.association.associate import associate
from ssdb.dia.withdraw import withdraw
from ssdb.identity.aliases import alias_table, write_aliases
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.store.database import Database

HEADER: dict[str, Any] = {
    "observatory": {"mpcCode": "X05", "name": "Rubin <& co>"},
    "submitter": {"name": "A. Observer", "institution": "An Observatory"},
    "observers": ["A. Observer"],
    "measurers": ["A. Observer", "B. Measurer"],
    "telescope": {"design": "reflector", "aperture": "8.4", "detector": "CCD", "pixelScale": "0.2"},
    "comment": ["one", "two"],
    "optical": {"mode": "CCD", "astCat": "Gaia3E", "photCat": "Gaia3E", "remarks": "a < b"},
}

OBJECTS = {
    # diaSourceId: visit, name, offset to the north (arcsec), error (arcsec), flux (nJy)
    101: (10, "433", 0.05, 0.02, 36307.8),
    102: (10, "2015 MQ204", 0.05, 0.2, 1500.0),
    103: (10, "C/2017 K2", 0.0, 0.1, 9000.0),
    104: (10, "A904 OA", 0.0, 0.1, 9000.0),
    105: (10, "2010 AB", 0.0, 0.1, 9000.0),  # its number is known
    106: (10, "2I", 0.0, 0.1, 9000.0),
    111: (10, "2011 AA", 0.0, 0.1, -900.0),  # negative
    112: (10, "2011 AB", 0.0, 0.1, 9000.0),  # withdrawn
    113: (10, "2011 AC", 0.8, 0.05, 9000.0),  # an outlier
    201: (20, "433", 0.05, 0.02, 36307.8),
    301: (30, "433", 0.05, 0.02, 36307.8),
    401: (40, "433", 0.05, 0.02, 36307.8),  # another observatory
}
UNKNOWN = {121: 50.901, 122: 50.902}
"""Sources that are no known object, and their right ascensions; of visit 10."""

NUMBERED = 5_000_001
"""The number of 2010 AB."""


def observed(database: Database) -> None:
    """Four visits, three of X05 (one does not say so): 12 sources of objects, and two others."""
    ingest_visits(
        database,
        {
            "visit": [10, 20, 30, 40],
            "midpointMjdTai": [60000.123456789, 60000.2, 60001.1, 60001.2],
            "band": ["r", "g", "r", "r"],
            "observatoryCode": ["X05", "X05", None, "I41"],
            "exposureTime": [30.0, 15.5, 30.0, 30.0],
        },
    )
    ras = {name: 50.0 + 0.1 * i for i, name in enumerate(dict.fromkeys(name for _, name, *_ in OBJECTS.values()))}
    rows = [
        (number, visit, ras[name], -5.0 + north / 3600, error / 3600, flux)
        for number, (visit, name, north, error, flux) in OBJECTS.items()
    ]
    rows += [(number, 10, ra, -5.0, 0.1 / 3600, 700.0) for number, ra in UNKNOWN.items()]
    numbers, visits, ra, dec, errors, fluxes = zip(*rows, strict=True)
    ingest_sources(
        database,
        {
            "diaSourceId": numbers,
            "visit": visits,
            "ra": ra,
            "dec": dec,
            "raErr": errors,
            "decErr": [1.5 * error for error in errors],
            "ra_dec_Cov": [0.3 * error**2 for error in errors],
            "psfFlux": fluxes,
            "psfFluxErr": [100.0] * len(rows),
            "snr": [abs(flux) / 100.0 for flux in fluxes],
            "isNegative": [flux < 0 for flux in fluxes],
        },
    )
    ingest_predictions(
        database,
        {
            "visit": [visit for visit, *_ in OBJECTS.values()],
            "designation": [name for _, name, *_ in OBJECTS.values()],
            "ephRa": [ras[name] for _, name, *_ in OBJECTS.values()],
            "ephDec": [-5.0] * len(OBJECTS),
            "ephRateRa": [0.25] * len(OBJECTS),
            "ephRateDec": [0.0] * len(OBJECTS),
            "ephErrMajor": [0.1] * len(OBJECTS),
        },
    )
    with database.writing() as connection:
        of_number = {str(NUMBERED): (int.from_bytes(b"K10A00B", "big"), "number")}
        write_aliases(connection, alias_table(of_number), overwrite=True)
    associate(database)
    withdraw(database, {"diaSourceId": [112]})
    associate(database)


def header_file(directory: Path, header: dict[str, Any] | None = None) -> Path:
    path = directory / "header.yaml"
    path.write_text(yaml.safe_dump(HEADER if header is None else header, allow_unicode=True), encoding="utf-8")
    return path
