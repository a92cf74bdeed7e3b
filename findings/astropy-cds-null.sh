#!/usr/bin/env bash
# astropy 8.0.2 (PyPI): tables of the CDS, whose ReadMe says which number stands for "no value" (?=VALUE).
#
# Believed: ?=-9.99 is a number, and is found where the table has -9.990, since the format of the column is F7.3.
# Seen: the texts are compared. A column is masked only where the table spells it as the ReadMe does; else the number
# is a value like any other, and nothing is said:
#
#     ?=-9.990 and -9.990: [1.0, None, 3.0]
#     ?=-9.99 and -9.990: [1.0, -9.99, 3.0]
#     ?=99 and 99.000: [1.0, 99.0, 3.0]
#
# Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check astropy==8.0.2
"$place/venv/bin/python" - "$place" > "$place/seen" <<'PYTHON'
import sys
from pathlib import Path

from astropy.io import ascii

README = """Byte-by-byte Description of file: table.dat
--------------------------------------------------------------------------------
   Bytes Format Units  Label   Explanations
--------------------------------------------------------------------------------
   1-  7  F7.3  mag    Vmag    {} Magnitude
--------------------------------------------------------------------------------
"""
readme, table = Path(sys.argv[1], "ReadMe"), Path(sys.argv[1], "table.dat")
for said, written in (("?=-9.990", "-9.990"), ("?=-9.99", "-9.990"), ("?=99", "99.000")):
    readme.write_text(README.format(said))
    table.write_text("".join(f"{text:>7}\n" for text in ("1.000", written, "3.000")))
    rows = ascii.read(str(table), format="cds", readme=str(readme))
    print(f"{said} and {written}:", rows["Vmag"].tolist())
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
?=-9.990 and -9.990: [1.0, None, 3.0]
?=-9.99 and -9.990: [1.0, -9.99, 3.0]
?=99 and 99.000: [1.0, 99.0, 3.0]
SEEN
