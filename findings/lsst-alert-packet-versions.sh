#!/usr/bin/env bash
# lsst-alert-packet 30.2026.2700 (PyPI), with fastavro 1.13.1: Rubin's alerts, read with the schema of another version.
#
# Believed: Schema.deserialize fails when the alert was written with another schema, so trying one version after the
# other finds the right one. (The message itself has no schema; its number is in the five bytes before it.)
# Seen: from 10.0 to 11.0 counts (psfNdata, trailNdata, dipoleNdata, bboxSize; those of diaObject) became integers that
# cannot be NULL. A NULL of 10.0 is one zero byte, as is the number 0 of 11.0: an alert of 10.0 whose counts are NULL is
# read with 11.0 without an error, and unknown counts become 0. Other pairs fail, also 11.0 and 11.1:
#
#     10.0 read with 10.0: psfNdata None
#     10.0 read with 11.0: psfNdata 0
#     10.0 with 21 in psfNdata, read with 11.0: IndexError
#     11.1 read with 11.0: IndexError
#
# Whoever reads alerts takes the schema that the five bytes name. Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check lsst-alert-packet==30.2026.2700 fastavro==1.13.1
"$place/venv/bin/python" - > "$place/seen" <<'PYTHON'
import json
from pathlib import Path

from lsst.alert.packet import Schema, get_schema_path

COUNTS = ("psfNdata", "trailNdata", "dipoleNdata", "bboxSize")


def show(written, read, **changed):
    folders = {version: Path(get_schema_path(*version.split("."))) for version in (written, read)}
    schemas = {
        version: Schema.from_file(str(folder / f"lsst.v{version.replace('.', '_')}.alert.avsc"))
        for version, folder in folders.items()
    }
    alert = json.loads((folders[written] / "sample_data" / "alert.json").read_text())
    alert = {"diaSourceId": alert["diaSourceId"], "diaSource": alert["diaSource"]}
    alert["diaSource"].update(dict.fromkeys(COUNTS, None if written == "10.0" else 5), **changed)
    packet = schemas[written].serialize(alert)
    name = f"{written} with 21 in psfNdata," if changed else written
    try:
        print(f"{name} read with {read}: psfNdata", schemas[read].deserialize(packet)["diaSource"]["psfNdata"])
    except Exception as error:
        print(f"{name} read with {read}: {type(error).__name__}")


show("10.0", "10.0")
show("10.0", "11.0")
show("10.0", "11.0", psfNdata=21)
show("11.1", "11.0")
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
10.0 read with 10.0: psfNdata None
10.0 read with 11.0: psfNdata 0
10.0 with 21 in psfNdata, read with 11.0: IndexError
11.1 read with 11.0: IndexError
SEEN
