#!/usr/bin/env bash
# astropy 8.0.2 (PyPI), with pyarrow 26.0.1: 64-bit integers that are NULL in places, read from Parquet.
#
# Believed: Table.read gives a masked integer column, as it does for FITS (TNULL), VOTable and ECSV.
# Seen: the whole column becomes float64, NULL becomes NaN, and integers above 2**53 are rounded, without a warning.
# Identifiers are such: the ssObjectId of 2015 MQ204 becomes another one.
#
#     with a NULL: float64, 21164728253101137 is read as 21164728253101136
#     without: int64, 21164728253101137 is read as 21164728253101137
#
# Whoever needs identifiers reads with pyarrow.parquet.read_table. Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check astropy==8.0.2 pyarrow==26.0.1 pandas==3.1.1
cd "$place"
"$place/venv/bin/python" - > "$place/seen" <<'PYTHON'
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.table import Table

WRITTEN = 21164728253101137
for words, values in (("with a NULL", [WRITTEN, None]), ("without", [WRITTEN])):
    pq.write_table(pa.table({"ssObjectId": pa.array(values, pa.int64())}), "objects.parquet")
    column = Table.read("objects.parquet")["ssObjectId"]
    print(f"{words}: {column.dtype}, {WRITTEN} is read as {int(column[0])}")
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
with a NULL: float64, 21164728253101137 is read as 21164728253101136
without: int64, 21164728253101137 is read as 21164728253101137
SEEN
