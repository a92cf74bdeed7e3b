#!/usr/bin/env bash
# lsst-sdm-schemas 30.2026.4300 (PyPI): units of one and the same column of DiaSource in apdb.yaml, dp1.yaml and drp_base.yaml.
#
# Believed: a column of DiaSource has one unit in all of Rubin's schemas, so that a table of a data release can be read by the
# units of the alert production database.
# Seen: the second moments are lengths squared in the APDB and have a flux in their unit in drp_base (which dp2 takes them
# from); lengths of trails and dipoles are arcsec in the APDB and pixels in dp1, mean fluxes of dipoles nJy and counts:
#
#     dp1 dipoleLength: arcsec, pixel
#     dp1 dipoleMeanFlux: nJy, count
#     dp1 dipoleMeanFluxErr: nJy, count
#     dp1 trailLength: arcsec, pixel
#     drp_base ixx: arcsec**2, nJy.arcsec**2
#     drp_base ixxPSF: arcsec**2, nJy.arcsec**2
#     drp_base ixy: arcsec**2, nJy.arcsec**2
#     drp_base ixyPSF: arcsec**2, nJy.arcsec**2
#     drp_base iyy: arcsec**2, nJy.arcsec**2
#     drp_base iyyPSF: arcsec**2, nJy.arcsec**2
#
# Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps lsst-sdm-schemas==30.2026.4300 pyyaml==6.0.3
"$place/venv/bin/python" - > "$place/seen" <<'PYTHON'
from importlib.resources import files

import yaml


def units(schema):
    tables = yaml.safe_load((files("lsst.sdm.schemas") / f"{schema}.yaml").read_text())["tables"]
    [columns] = [table["columns"] for table in tables if table["name"] == "DiaSource"]
    return {column["name"]: column.get("ivoa:unit") or column.get("fits:tunit") for column in columns}


apdb = units("apdb")
for schema in ("dp1", "drp_base"):
    for name, unit in sorted(units(schema).items()):
        if unit and apdb.get(name) and unit != apdb[name]:
            print(f"{schema} {name}: {apdb[name]}, {unit}")
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
dp1 dipoleLength: arcsec, pixel
dp1 dipoleMeanFlux: nJy, count
dp1 dipoleMeanFluxErr: nJy, count
dp1 trailLength: arcsec, pixel
drp_base ixx: arcsec**2, nJy.arcsec**2
drp_base ixxPSF: arcsec**2, nJy.arcsec**2
drp_base ixy: arcsec**2, nJy.arcsec**2
drp_base ixyPSF: arcsec**2, nJy.arcsec**2
drp_base iyy: arcsec**2, nJy.arcsec**2
drp_base iyyPSF: arcsec**2, nJy.arcsec**2
SEEN
