#!/usr/bin/env bash
# photutils 3.0.0 (astropy 8.0.2, scipy 1.17.1, numpy 2.4.6): the error of a flux at a place that is known.
#
# Believed: PSFPhotometry with x, y and FWHM fixed has one unknown, the flux, in which the model is linear: the fit gives the
# least-squares flux and its error from any start.
# Seen: from its own start, the aperture flux, it may stop at once. The flux is then 0 (7e-15), its error 0.0 and flags 0,
# which says that all is well; from other starts it is what the closed form gives:
#
#     closed form 65.59 +- 61.08
#     own start: flux is 0: True, flux_err 0.0, flags 0
#     start 0: 65.59 +- 61.08, flags 0
#
# Upper limits that are made of such errors are 0. Fails when that changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check photutils==3.0.0 astropy==8.0.2 scipy==1.17.1 numpy==2.4.6
"$place/venv/bin/python" - > "$place/seen" <<'PYTHON'
import numpy as np
from astropy.table import Table
from photutils.psf import CircularGaussianPRF, PSFPhotometry

rng = np.random.default_rng(1)
y, x = np.mgrid[:31, :31]
model = CircularGaussianPRF(fwhm=4.0)
model.x_0.fixed = model.y_0.fixed = model.fwhm.fixed = True
for _ in range(50):  # the last of 50 images
    centre = 15.0 + rng.uniform(-0.5, 0.5, 2)
    image = model.evaluate(x, y, rng.uniform(-500.0, 3000.0), *centre, 4.0) + rng.normal(0.0, 10.0, x.shape)
part = slice(8, 23)
profile = model.evaluate(x, y, 1.0, *centre, 4.0)[part, part]
norm = np.sum(profile**2)
print(f"closed form {np.sum(profile * image[part, part]) / norm:.2f} +- {10.0 / np.sqrt(norm):.2f}")
photometry = PSFPhotometry(model, (15, 15), aperture_radius=4)
at = {"x": [centre[0]], "y": [centre[1]]}
[own] = photometry(image, error=np.full(image.shape, 10.0), init_params=Table(at))
print(f"own start: flux is 0: {bool(abs(own['flux_fit']) < 1e-9)}, flux_err {own['flux_err']}, flags {own['flags']}")
[other] = photometry(image, error=np.full(image.shape, 10.0), init_params=Table(at | {"flux": [0.0]}))
print(f"start 0: {other['flux_fit']:.2f} +- {other['flux_err']:.2f}, flags {other['flags']}")
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
closed form 65.59 +- 61.08
own start: flux is 0: True, flux_err 0.0, flags 0
start 0: 65.59 +- 61.08, flags 0
SEEN
