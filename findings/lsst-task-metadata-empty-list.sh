#!/usr/bin/env bash
# lsst-pipe-base 30.2026.500 (PyPI): an empty list in a task's metadata.
#
# Believed: what `key in metadata` says is there, metadata[key] gives.
# Seen: an empty list is there, getArray and to_dict give it, and metadata[key] and getScalar raise KeyError:
#
#     in: True
#     getArray: []
#     to_dict: {'doubts': []}
#     [key]: KeyError
#     getScalar: KeyError
#
# Whoever reads lists of a task's metadata takes getArray. Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check lsst-pipe-base==30.2026.500
"$place/venv/bin/python" - > "$place/seen" <<'PYTHON'
from lsst.pipe.base import TaskMetadata

metadata = TaskMetadata()
metadata["doubts"] = []
print("in:", "doubts" in metadata)
print("getArray:", metadata.getArray("doubts"))
print("to_dict:", metadata.to_dict())
for words, read in (("[key]", metadata.__getitem__), ("getScalar", metadata.getScalar)):
    try:
        print(f"{words}:", read("doubts"))
    except KeyError:
        print(f"{words}: KeyError")
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
in: True
getArray: []
to_dict: {'doubts': []}
[key]: KeyError
getScalar: KeyError
SEEN
