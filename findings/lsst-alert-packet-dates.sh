#!/usr/bin/env bash
# lsst-alert-packet 30.2026.2700 (PyPI), with fastavro 1.13.1: dates of Rubin's alerts (created_at, updated_at and
# fitting_datetime of mpc_orbits; 64-bit counts of microseconds since 1970).
#
# Believed: an alert that Schema.validate accepts and Schema.serialize writes is read back by Schema.deserialize; at worst
# a count that is no date is a number, or None.
# Seen: any count is accepted. One that is no date of the years 1 to 9999 (numpy's NaT, nanoseconds in place of
# microseconds) ends the reading of the whole alert, its source included:
#
#     microseconds: valid, read 2026-01-01 00:00:00+00:00
#     NaT: valid, read OverflowError
#     nanoseconds: valid, read OverflowError
#     NaT, schema without logicalType: valid, read -9223372036854775808
#
# Whoever must not lose alerts takes "logicalType" out of the schema and makes the dates. Fails when one of these lines
# changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check lsst-alert-packet==30.2026.2700 fastavro==1.13.1
"$place/venv/bin/python" - > "$place/seen" <<'PYTHON'
import json
from pathlib import Path

from lsst.alert.packet import Schema, get_schema_path

folder = Path(get_schema_path(11, 1))
schema = Schema.from_file(str(folder / "lsst.v11_1.alert.avsc"))
plain = Schema(json.loads(json.dumps(schema.definition).replace('"logicalType"', '"was"')))
alert = json.loads((folder / "sample_data" / "alert.json").read_text())
orbit = {"id": 1, "designation": "2026 AB1"}
orbit |= dict.fromkeys(("packed_primary_provisional_designation", "unpacked_primary_provisional_designation"), "")


def show(name, created_at, reader=schema):
    alert["mpc_orbits"] = orbit | {"created_at": created_at}
    valid = "valid" if schema.validate(alert) else "not valid"
    try:
        seen = reader.deserialize(schema.serialize(alert))["mpc_orbits"]["created_at"]
    except OverflowError as error:
        seen = type(error).__name__
    print(f"{name}: {valid}, read {seen}")


show("microseconds", 1_767_225_600_000_000)
show("NaT", -(2**63))
show("nanoseconds", 1_767_225_600_000_000_000)
show("NaT, schema without logicalType", -(2**63), plain)
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
microseconds: valid, read 2026-01-01 00:00:00+00:00
NaT: valid, read OverflowError
nanoseconds: valid, read OverflowError
NaT, schema without logicalType: valid, read -9223372036854775808
SEEN
