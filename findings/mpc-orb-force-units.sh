#!/usr/bin/env bash
# mpc_orb 0.2.6 (PyPI, of the Minor Planet Center): the units of A1, A2, A3 in its schema of orbits (version 0.7).
#
# Believed: the schema says in which unit a comet's accelerations are, and holds files to it.
# Seen: it says two things. The definition that A1 to A3 refer to has the area over mass of sunlight's pressure; the list of
# units has an acceleration, but stands beside "properties" of its object, not in it, where nothing looks:
#
#     $defs/A123_coeff: m^2/ton
#     non_grav_units, A1_coeff: au/day^2
#     non_grav_units is among the properties of non_grav_booleans: False
#
# The MPC's page of the table mpc_orbits has a third one, 1e-10 au/d^2. Who reads A1 from such a file has to tell by its
# size. Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps mpc_orb==0.2.6
"$place/venv/bin/python" - > "$place/seen" <<'PYTHON'
import json
from importlib.resources import files

schema = json.loads((files("mpc_orb") / "schema_json" / "mpcorb_schema_v0.7.json").read_text())
flags = schema["properties"]["non_grav_booleans"]
print("$defs/A123_coeff:", *schema["$defs"]["A123_coeff"]["properties"]["unit"]["enum"])
print("non_grav_units, A1_coeff:", *flags["non_grav_units"]["properties"]["A1_coeff"]["enum"])
print("non_grav_units is among the properties of non_grav_booleans:", "non_grav_units" in flags["properties"])
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
$defs/A123_coeff: m^2/ton
non_grav_units, A1_coeff: au/day^2
non_grav_units is among the properties of non_grav_booleans: False
SEEN
