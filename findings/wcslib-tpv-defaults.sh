#!/usr/bin/env bash
# astropy 8.0.2 (PyPI), whose WCS is wcslib 8: distortions of the TPV projection.
#
# Believed: a header may leave out the coefficients that have their defaults, and the registry of FITS conventions says
# that PV1_1 and PV2_1 are 1 by default. So TPV without any PV card is TAN.
# Seen: wcslib takes 0 for them, and says nothing. All pixels of the image have one place, that of CRVAL:
#
#     TAN: corners 150.0283 1.9717 and 149.9717 2.0283
#     TPV: corners 150.0000 2.0000 and 150.0000 2.0000
#     TPV with PV1_1 = PV2_1 = 1: corners 150.0283 1.9717 and 149.9717 2.0283
#
# Whoever reads TPV adds the two cards where they are not there. Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check astropy==8.0.2
"$place/venv/bin/python" - > "$place/seen" <<'PYTHON'
from astropy.io import fits
from astropy.wcs import WCS


def show(name, projection, **more):
    header = fits.Header({"NAXIS": 2, "CTYPE1": f"RA---{projection}", "CTYPE2": f"DEC--{projection}"})
    header.update(CRVAL1=150.0, CRVAL2=2.0, CRPIX1=512.5, CRPIX2=512.5)
    header.update(CD1_1=-5.525e-5, CD1_2=0.0, CD2_1=0.0, CD2_2=5.525e-5, **more)
    corners = WCS(header).all_pix2world([[0, 0], [1023, 1023]], 0)
    print(f"{name}: corners", " and ".join("%.4f %.4f" % tuple(corner) for corner in corners))


show("TAN", "TAN")
show("TPV", "TPV")
show("TPV with PV1_1 = PV2_1 = 1", "TPV", PV1_1=1.0, PV2_1=1.0)
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
TAN: corners 150.0283 1.9717 and 149.9717 2.0283
TPV: corners 150.0000 2.0000 and 150.0000 2.0000
TPV with PV1_1 = PV2_1 = 1: corners 150.0283 1.9717 and 149.9717 2.0283
SEEN
