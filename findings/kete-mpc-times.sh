#!/usr/bin/env bash
# kete 3.3.0 (PyPI): the time scale of the Minor Planet Center's orbits, kete.mpc.fetch_known_orbit_data.
#
# Believed: Epoch and Tp of mpcorb_extended.json, which are JD in TT like the times of MPCORB.DAT, become JD in TDB, which
# is the same within 2 ms.
# Seen: they are taken for UTC, and become 69.184 s later:
#
#     epoch: 69.184 s after TT
#     peri_time: 69.184 s after TT
#
# An object is as far ahead on its orbit as it moves in that time: 2,000 km at 1 au, some arcseconds as seen from near by.
# The record of Hidalgo below is as the Minor Planet Center has it; nothing is downloaded. Fails when one of these lines
# changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/cache"
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check kete==3.3.0
# kete asks for kernels when it is imported, and goes on without them: no proxy, no waiting.
export KETE_CACHE_DIR=$place/cache HTTPS_PROXY=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9
"$place/venv/bin/python" - > "$place/seen" <<'PYTHON'
import kete.mpc

given = {
    **{"Number": "(944)", "Name": "Hidalgo", "Principal_desig": "A920 UB", "Epoch": 2460800.5, "Tp": 2458421.91791},
    **{"Peri": 56.56738, "Node": 21.38991, "i": 42.54803, "e": 0.6622544, "Perihelion_dist": 1.934668, "H": 10.55},
}
kete.mpc.download_json = lambda *arguments, **options: [given]
(row,) = kete.mpc.fetch_known_orbit_data().to_dict("records")
for name, theirs in (("epoch", "Epoch"), ("peri_time", "Tp")):
    print(f"{name}: {(row[name] - given[theirs]) * 86400:.3f} s after TT")
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
epoch: 69.184 s after TT
peri_time: 69.184 s after TT
SEEN
