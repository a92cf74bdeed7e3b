"""A survey with images for the tests of forced photometry: DiaObjects, and known objects that are not detected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from dia_surveys import BEGIN, load, load_visits, sources

from ssdb.association.associate import associate
from ssdb.dia.associate import associate_dia
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.io.image.detector_image import Exposure
from ssdb.simulate.images import GaussianProfile, SimulatedImage, image_header, simulate_image, write_image
from ssdb.sky.inverse import sky_to_pixels
from ssdb.store.database import Database

RA, DEC, WIDTH, HEIGHT = 10.0, -30.0, 500, 400
PROFILE = GaussianProfile(1.7, 1.7)
FWHM_ARCSEC = 0.2 * 1.7 * 2.3548200450309493
DETECTOR = 7
KNOWN = {"2020 AA": (-20.0, 15.0), "2020 AB": (30.0, -10.0), "2020 AC": (500.0, 0.0)}
"""Known objects, none detected, and where they are in visit 2 (arcsec east and north of the middle); one is far off."""
RATE_DEG = 0.05
"""Their motion, to the north, a day."""


def beside(east: Any, north: Any) -> tuple[np.ndarray, np.ndarray]:
    """Places so many arcseconds from the middle of the image; on so small a field the sky is flat to 0.01 pixel."""
    dec = DEC + np.asarray(north, float) / 3600
    return RA + np.asarray(east, float) / 3600 / np.cos(np.radians(dec)), dec


EAST, NORTH = np.array([-25.0, 0.0, 12.3, 38.0]), np.array([-20.0, 3.3, 28.1, -31.7])
"""Of the four DiaObjects on the image; a fifth is off it."""


def cards(visit: int = 2, **more: Any) -> dict[str, Any]:
    """The keywords of the image of a visit."""
    time = BEGIN + visit
    return {"VISIT": visit, "DETECTOR": DETECTOR, "MJD-AVG": time, "TIMESYS": "TAI", "BUNIT": "nJy"} | more


def drawn(east: Any, north: Any, flux: Any, seed: int = 1, **options: Any) -> SimulatedImage:
    """An image with sources at places."""
    exposure = Exposure.from_header(header())
    x, y = sky_to_pixels(exposure.pixel_to_sky, WIDTH, HEIGHT, *beside(east, north))
    rng = np.random.default_rng(seed)
    return simulate_image(WIDTH, HEIGHT, x, y, flux, rng, profile=PROFILE, **options)


def header(visit: int = 2, **more: Any) -> Any:
    """The header of the image of a visit; what is None has no keyword."""
    made = image_header(WIDTH, HEIGHT, RA, DEC, **{k: v for k, v in cards(visit, **more).items() if v is not None})
    made.update(NAXIS=2, NAXIS1=WIDTH, NAXIS2=HEIGHT)
    return made


def image_file(
    path: Path, image: SimulatedImage, visit: int = 2, mask: bool = True, variance: bool = True, **more: Any
) -> Path:
    """Writes an image of a visit."""
    write_image(path, image, header(visit, **more), mask=mask, variance=variance)
    return path


def survey(database: Database, visits: int = 2) -> None:
    """Visit 1 makes the DiaObjects 1000 to 1004; in the later ones known objects are expected, and nothing is seen."""
    load_visits(database, range(1, visits + 1), exposureTime=np.full(visits, 30.0))
    ra, dec = beside([*EAST, 300.0], [*NORTH, 0.0])
    load(database, [sources(1, ra, dec)])
    east, north = np.array(list(KNOWN.values())).T
    hours = 0.24  # before mid-exposure: a prediction may be moved by so much
    known_ra, known_dec = beside(east, north - RATE_DEG * 3600 * hours / 24)
    predictions: list[dict[str, Any]] = []
    for visit in range(1, visits + 1):
        ingest_detectors(database, [Exposure.from_header(header(visit))])
        if visit > 1:
            for name, at_ra, at_dec in zip(KNOWN, known_ra.tolist(), known_dec.tolist(), strict=True):
                row = {"visit": visit, "designation": name, "midpointMjdTai": BEGIN + visit - hours / 24}
                row |= {"ephRa": at_ra, "ephDec": at_dec, "ephRateRa": 0.0, "ephRateDec": RATE_DEG, "ephVmag": 21.0}
                predictions.append(row)
    ingest_predictions(database, pa.Table.from_pylist(predictions), complete=True)
    assert not associate(database).failed
    report = associate_dia(database)
    assert not report.failed, report.failed
