#!/usr/bin/env bash
# pyarrow 26.0.1 (PyPI): metadata that a program adds to a Parquet file when it knows them, at the end of writing.
#
# Believed: what ParquetWriter.add_key_value_metadata added is read back with the schema's metadata, as what the schema
# had at the beginning is.
# Seen: the file has both, but pyarrow's readers give the schema's only: they take the metadata of the Arrow schema that
# is stored in the file (ARROW:schema), which is that of the beginning. read_metadata has all:
#
#     in the file: begin end
#     read_schema: begin
#     read_table: begin
#     read_schema of a file written with store_schema=False: end
#
# The last line is the other way round: without the stored schema what was there at the beginning is lost.
# Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
"$place/venv/bin/python" - "$place/table.parquet" > "$place/seen" <<'PYTHON'
import sys

import pyarrow as pa
import pyarrow.parquet as pq


def write(**options):
    table = pa.table({"a": [1]}, metadata={"begin": "1"})
    with pq.ParquetWriter(sys.argv[1], table.schema, **options) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"end": "1"})


def names(metadata):
    return " ".join(sorted(name.decode() for name in metadata if name != b"ARROW:schema"))


write()
print("in the file:", names(pq.read_metadata(sys.argv[1]).metadata))
print("read_schema:", names(pq.read_schema(sys.argv[1]).metadata))
print("read_table:", names(pq.read_table(sys.argv[1]).schema.metadata))
write(store_schema=False)
print("read_schema of a file written with store_schema=False:", names(pq.read_schema(sys.argv[1]).metadata))
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
in the file: begin end
read_schema: begin
read_table: begin
read_schema of a file written with store_schema=False: end
SEEN
