#!/usr/bin/env bash
# astropy 8.0.2 (PyPI), whose WCS is wcslib 8: numbers of double precision in headers.
#
# Believed: 1.5D2 is 150 in the cards of a WCS, as FITS 4.0 (4.2.4) has D beside E for the exponent, and as astropy's own
# Header reads it.
# Seen: the header and the WCS made from it disagree. wcslib stops at the D, and says nothing:
#
#     CRVAL1 =                1.5E2: header 150.0, WCS 150.0
#     CRVAL1 =                1.5D2: header 150.0, WCS 1.5
#     CD1_1  =             -5.0D-05: header -5e-05, WCS -5.0
#
# header[key] = header[key] for each card writes E instead. Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check astropy==8.0.2
"$place/venv/bin/python" - > "$place/seen" <<'PYTHON'
from astropy.io import fits
from astropy.wcs import WCS

CARDS = {"CTYPE1": "'RA---TAN'", "CTYPE2": "'DEC--TAN'", "CRVAL1": "150.0", "CRVAL2": "2.0", "CRPIX1": "1.0"}
CARDS |= {"CRPIX2": "1.0", "CD1_1": "-5.0E-05", "CD1_2": "0.0", "CD2_1": "0.0", "CD2_2": "5.0E-05"}


def show(keyword, value):
    cards = ["NAXIS   =                    2"]
    cards += [f"{name:8}= {text:>20}" for name, text in (CARDS | {keyword: value}).items()]
    header = fits.Header.fromstring("\n".join(cards), sep="\n")
    wcs = WCS(header).wcs
    seen = wcs.crval[0] if keyword == "CRVAL1" else wcs.cd[0, 0]
    print(f"{keyword:6} = {value:>20}: header {header[keyword]}, WCS {seen}")


show("CRVAL1", "1.5E2")
show("CRVAL1", "1.5D2")
show("CD1_1", "-5.0D-05")
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
CRVAL1 =                1.5E2: header 150.0, WCS 150.0
CRVAL1 =                1.5D2: header 150.0, WCS 1.5
CD1_1  =             -5.0D-05: header -5e-05, WCS -5.0
SEEN
