#!/usr/bin/env bash
# mpc-designation 1.1.0 (PyPI): extended packed designations of comets and of A/ objects.
#
# Believed: what pack() gives, unpack() takes; the Minor Planet Center's extended form of 2026 DY620, _QD000N, has an
# orbit type instead of the low line for comets: C_QD000N, 8 characters.
# Seen: pack() gives that form, and unpack() does not know it. The one without an orbit type goes both ways:
#
#     2026 DY620 -> _QD000N -> 2026 DY620
#     C/2026 DY620 -> C_QD000N -> MPCDesignationError
#     A/2026 DY620 -> A_QD000N -> MPCDesignationError
#
# With its first character cut off, unpack() reads it. Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check mpc-designation==1.1.0
"$place/venv/bin/python" - > "$place/seen" <<'PYTHON'
from mpc_designation import MPCDesignationError, pack, unpack

for designation in ("2026 DY620", "C/2026 DY620", "A/2026 DY620"):
    packed = pack(designation)
    try:
        again = unpack(packed)
    except MPCDesignationError as error:
        again = type(error).__name__
    print(f"{designation} -> {packed} -> {again}")
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
2026 DY620 -> _QD000N -> 2026 DY620
C/2026 DY620 -> C_QD000N -> MPCDesignationError
A/2026 DY620 -> A_QD000N -> MPCDesignationError
SEEN
