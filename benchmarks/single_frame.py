"""The task in memory on one detector of 53 sources and 16 objects, for which Rubin's own takes 33 ms.

    python -m benchmarks.single_frame [--sources 53] [--objects 16] [--repeat 100]

Each call has a new visit, whose outline is traced anew. Beside the call, what it takes to look at all tables of the
result, which are made then. It ends with an error if it does not find what was put in.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable, Table
from astropy.wcs import WCS

from benchmarks.servers import describe_machine
from ssdb.io.image.detector_image import Exposure
from ssdb.rubin.task import SsSingleFrameAssociation

_WIDTH, _HEIGHT = 4072, 4000
_MJD = 60800.25
_TABLES = ("ssoAssocDiaSources", "unAssocDiaSources", "ssSourceData", "unassociatedSsObjects")
_LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the first call, the median, and the stages of the median call."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.single_frame", description=__doc__)
    parser.add_argument("--sources", type=int, default=53, help="sources on the detector (53)")
    parser.add_argument("--objects", type=int, default=16, help="objects predicted for it, each with a source (16)")
    parser.add_argument("--repeat", type=int, default=100, help="calls of which the median is printed (100)")
    options = parser.parse_args(arguments)
    wcs = _distorted_wcs()
    sources, predictions = _tables(wcs, options.sources, options.objects)
    begun = time.perf_counter()
    task = SsSingleFrameAssociation()
    calls: list[tuple[float, float, float, dict[str, Any]]] = []
    for visit in range(options.repeat + 1):
        exposure = Exposure(visit, 7, _WIDTH, _HEIGHT, lambda x, y: wcs.all_pix2world(x, y, 0), _MJD, 30.0)
        begun, busy = time.perf_counter() if visit else begun, time.process_time()
        result = task.run(exposure, sources, "r", predictions)
        done, busy = time.perf_counter(), time.process_time() - busy
        if result.nAssociatedSsObjects != options.objects:
            print(f"benchmarks.single_frame: {result.nAssociatedSsObjects} objects found", file=sys.stderr)
            return 1
        if any(getattr(result, name) is None for name in _TABLES):
            return 1
        calls.append((1e3 * (done - begun), 1e3 * busy, 1e3 * (time.perf_counter() - done), task.metadata["timings"]))
    first, *warm = calls
    wall, processor, tables = (np.array(column) for column in list(zip(*warm, strict=True))[:3])
    print(describe_machine())
    print(f"{options.sources} sources, {options.objects} objects, {options.repeat} calls; milliseconds")
    print(f"call                     {np.median(wall):8.1f}   fastest {wall.min():.1f}")
    print(f"  of the processor       {np.median(processor):8.1f}   least {processor.min():.1f}")
    print(f"looking at all tables    {np.median(tables):8.1f}")
    print(f"first call               {first[0]:8.1f}")
    for name in first[3]:
        print(f"  {name:22} {1e3 * np.median([call[3][name]['seconds'] for call in warm]):8.2f}")
    return 0


def _distorted_wcs() -> WCS:
    """A WCS with the distortion of a wide-field camera, at 0.2 arcsec per pixel."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TPV", "DEC--TPV"]
    wcs.wcs.crval = [150.0, 2.0]
    wcs.wcs.crpix = [_WIDTH / 2 + 9000.0, _HEIGHT / 2 + 3000.0]
    wcs.wcs.cd = np.diag([-0.2 / 3600, 0.2 / 3600])
    terms = {1: 1.0, 4: 2e-3, 7: 3e-2, 9: 3e-2}
    wcs.wcs.set_pv([(axis, term, value) for axis in (1, 2) for term, value in terms.items()])
    wcs.wcs.set()
    return wcs


def _tables(wcs: WCS, n_sources: int, n_objects: int) -> tuple[QTable, Table]:
    """Sources with the names of Rubin's catalogs, and objects half an arcsecond beside the first of them."""
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, _WIDTH - 1, n_sources), rng.uniform(0, _HEIGHT - 1, n_sources)
    ra, dec = wcs.all_pix2world(x, y, 0)
    sources = QTable({"id": 1000 + np.arange(n_sources), "coord_ra": np.radians(ra) * u.rad})
    sources["coord_dec"] = np.radians(dec) * u.rad
    for name in ("coord_raErr", "coord_decErr"):
        sources[name] = rng.uniform(1e-8, 1e-6, n_sources).astype(np.float32) * u.rad
    for name, values in (("x", x), ("y", y), ("xErr", x / 1e5), ("yErr", y / 1e5)):
        sources[f"base_SdssCentroid_{name}"] = values
    sources["base_PsfFlux_instFlux"] = rng.uniform(1e2, 1e5, n_sources)
    sources["base_PsfFlux_instFluxErr"] = rng.uniform(1e0, 1e2, n_sources)
    predictions = Table({"ObjID": [f"2020 A{_LETTERS[i % 25]}{i // 25 or ''}" for i in range(n_objects)]})
    predictions["ephRa"], predictions["ephDec"] = ra[:n_objects], dec[:n_objects] + 0.5 / 3600
    for name in ("ephRateRa", "ephRateDec", "phaseAngle", "ephVmag"):
        predictions[name] = np.abs(rng.normal(0, 0.2, n_objects))
    for origin in ("helio", "topo"):
        for component in ("x", "y", "z", "vx", "vy", "vz"):
            predictions[f"{origin}_{component}"] = rng.normal(0, 2.0, n_objects)
    return sources, predictions


if __name__ == "__main__":
    sys.exit(main())
