#!/usr/bin/env bash
# astropy 8.0.2 (PyPI): powers in units of the format "vounit".
#
# Believed: u.Unit(text, format="vounit") refuses what is no VOUnit, as it does with units that VOUnits do not have. VOUnits 1.0
# and 1.1 (IVOA, section on the grammar) raise a unit to a power by ** and by nothing else: m2 is FITS's and the CDS's way.
# Seen: the other ways are taken without a warning, so that units which services refuse pass the test of them:
#
#     deg**2: deg2, to_string deg**2
#     deg2: deg2, to_string deg**2
#     deg^2: deg2, to_string deg**2
#     arcsec-2: 1 / arcsec2, to_string arcsec**-2
#     m2/t: refused
#
# Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check astropy==8.0.2
"$place/venv/bin/python" -W error - > "$place/seen" <<'PYTHON'
import astropy.units as u

for text in ("deg**2", "deg2", "deg^2", "arcsec-2", "m2/t"):
    try:
        unit = u.Unit(text, format="vounit", parse_strict="raise")
        print(f"{text}: {unit}, to_string {unit.to_string('vounit')}")
    except ValueError:
        print(f"{text}: refused")
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
deg**2: deg2, to_string deg**2
deg2: deg2, to_string deg**2
deg^2: deg2, to_string deg**2
arcsec-2: 1 / arcsec2, to_string arcsec**-2
m2/t: refused
SEEN
