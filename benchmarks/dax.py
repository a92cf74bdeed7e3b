"""What lsst-dax-apdb does with the rows of visits, in a process and an interpreter of its own.

Run by :mod:`benchmarks.dia`; needs lsst-dax-apdb and psycopg2, nothing of ssdb. Requests and answers are pickled, one
after the other, on standard input and output: the name of a function below and its arguments, and what it returns.
"""

from __future__ import annotations

import os
import pickle
import resource
import sys
import time
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from lsst.dax.apdb.sql import ApdbSql
from lsst.sphgeom import Angle, Circle, LonLat, UnitVector3d


class Apdb:
    """An ApdbSql, and how long it takes for what."""

    def create(self, url: str, index: str) -> str:
        """Makes the tables; its version."""
        self.apdb = ApdbSql(ApdbSql.init_database(url, dia_object_index=index))
        return version("lsst-dax-apdb")

    def pixels(self, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        """pixelId of places (deg), shape (n,)."""
        places = zip(ra.tolist(), dec.tolist(), strict=True)
        index = self.apdb.pixelator.index
        return np.array([index(UnitVector3d(LonLat.fromDegrees(*place))) for place in places], np.int64)

    def rehearse(self, ra: float, dec: float, mjd_tai: float) -> None:
        """Reads from a part of a field so small that hardly anything is there: what is made once is made then."""
        region = Circle(UnitVector3d(LonLat.fromDegrees(ra, dec)), Angle.fromDegrees(1.0 / 3600.0))
        self.apdb.getDiaObjects(region)
        self.apdb.getDiaSources(region, [1], Time(mjd_tai, format="mjd", scale="tai"))

    def visit(self, field: tuple[float, float, float], mjd_tai: float, objects: Any, sources: Any) -> dict[str, Any]:
        """Does a visit: reads the objects of a field (deg) and the sources of theirs, and stores rows.

        What is done in between, association and statistics, is not.
        """
        *place, radius = field
        region = Circle(UnitVector3d(LonLat.fromDegrees(*place)), Angle.fromDegrees(radius))
        at = Time(mjd_tai, format="mjd", scale="tai")
        new = pd.DataFrame(objects), pd.DataFrame(sources)
        clock, cpu = [time.perf_counter()], time.process_time()
        known = self.apdb.getDiaObjects(region)
        clock.append(time.perf_counter())
        history = self.apdb.getDiaSources(region, known["diaObjectId"], at)
        clock.append(time.perf_counter())
        self.apdb.store(at, *new)
        clock.append(time.perf_counter())
        return {
            "stages": dict(zip(("getDiaObjects", "getDiaSources", "store"), np.diff(clock).tolist(), strict=True)),
            "seconds": clock[-1] - clock[0],
            "client": time.process_time() - cpu,
            "rows": {"objects": len(known), "history": 0 if history is None else len(history)},
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        }


def main() -> None:
    """Answers until there are no more requests."""
    apdb = Apdb()
    # Others are not to write between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            name, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(getattr(apdb, name)(*arguments), answers)
        answers.flush()


if __name__ == "__main__":
    main()
