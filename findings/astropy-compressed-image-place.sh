#!/usr/bin/env bash
# astropy 7.0.0 and 7.0.2 (PyPI): where a tile-compressed image lies in its FITS file, by HDU.fileinfo().
#
# Believed: fileinfo() of every HDU of a file that was opened tells where its header and data begin, and how long they are.
# Seen: with 7.0.0 it is None for a compressed image (CompImageHDU), and for no other HDU; 7.0.2 tells it again. Who checks with
# it that a file is whole takes sound .fits.fz files for damaged ones:
#
#     7.0.0 PrimaryHDU: (0, 2880, 0)
#     7.0.0 CompImageHDU: None
#     7.0.2 PrimaryHDU: (0, 2880, 0)
#     7.0.2 CompImageHDU: (2880, 5760, 2880)
#
# Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
for version in 7.0.0 7.0.2; do
    python3 -m venv "$place/$version"
    "$place/$version/bin/pip" install --quiet --disable-pip-version-check "astropy==$version" 'numpy<2.4'
    "$place/$version/bin/python" - "$place/$version.fits.fz" >> "$place/seen" <<'PYTHON'
import sys

import astropy
import numpy as np
from astropy.io import fits

image = fits.CompImageHDU(np.zeros((50, 50), np.float32))
fits.HDUList([fits.PrimaryHDU(), image]).writeto(sys.argv[1])
with fits.open(sys.argv[1]) as hdus:
    for hdu in hdus:
        place = hdu.fileinfo()
        told = place and tuple(place[key] for key in ("hdrLoc", "datLoc", "datSpan"))
        print(f"{astropy.__version__} {type(hdu).__name__}: {told}")
PYTHON
done
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
7.0.0 PrimaryHDU: (0, 2880, 0)
7.0.0 CompImageHDU: None
7.0.2 PrimaryHDU: (0, 2880, 0)
7.0.2 CompImageHDU: (2880, 5760, 2880)
SEEN
