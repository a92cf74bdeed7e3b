#!/usr/bin/env bash
# Sorcha 1.2.1 (PyPI), with pandas 3.1.1 and PyTables 3.11.1: survey output with output_format = hdf5.
#
# Believed: the file has the one table sorcha_results; and any ObjID may follow any other, as in CSV.
# Seen: the filter is categorical (Sorcha makes it so when it reads the pointings), and pandas keeps its categories under
# a key of their own, which reads back as a Series: whoever goes through the keys meets it. And the width of ObjID is that
# of the first chunk: a chunk with a longer one ends the run (size_serial_chunk objects each):
#
#     keys: /sorcha_results, /sorcha_results/meta/optFilter/meta
#     read back: DataFrame, Series
#     a chunk with a longer ObjID: ValueError
#     the same as CSV: 4 rows
#
# Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check sorcha==1.2.1 pandas==3.1.1 tables==3.11.1
"$place/venv/bin/python" - "$place" > "$place/seen" <<'PYTHON'
import sys

import pandas as pd
from sorcha.modules.PPOutput import PPOutWriteCSV, PPOutWriteHDF5


def chunk(*names):
    filters = pd.Series(["g", "r"]).astype("category")
    return pd.DataFrame({"ObjID": names, "fieldMJD_TAI": [60800.1, 60800.2], "optFilter": filters})


path = f"{sys.argv[1]}/survey.h5"
first, second = chunk("2026 AA", "2026 AB"), chunk("2026 AA1", "2026 AB100")
PPOutWriteHDF5(first, path)
with pd.HDFStore(path, "r") as store:
    print("keys:", ", ".join(store.keys()))
    print("read back:", ", ".join(type(store[key]).__name__ for key in store.keys()))
try:
    PPOutWriteHDF5(second, path)
except ValueError:
    print("a chunk with a longer ObjID: ValueError")
for part in (first, second):
    PPOutWriteCSV(part, f"{sys.argv[1]}/survey.csv")
print("the same as CSV:", len(pd.read_csv(f"{sys.argv[1]}/survey.csv")), "rows")
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
keys: /sorcha_results, /sorcha_results/meta/optFilter/meta
read back: DataFrame, Series
a chunk with a longer ObjID: ValueError
the same as CSV: 4 rows
SEEN
