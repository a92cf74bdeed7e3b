#!/usr/bin/env bash
# astropy 8.0.2 (PyPI): Table.read of FITS tables whose integer columns have TNULLn ("no value"), TZEROn or TSCALn.
#
# Believed: a value that is TNULLn is masked, whatever else the column has; FITS 4.0 (7.3.2) compares TNULLn with what is
# stored, before TSCALn and TZEROn are applied. And TZEROn may be any number.
# Seen: that is so for plain columns. With a scale or an offset TNULLn is compared with the scaled value, so it is a value
# like any other. Unsigned integers with TNULLn, 64-bit integers of any other TZEROn than 2**63 (also by fits.getdata) and
# integers with TNULLn in ASCII tables cannot be read at all:
#
#     plain: [1, None, 3]
#     TSCAL = 0.01: [0.01, -0.99, 0.03]
#     TZERO = 10: [11.0, -89.0, 13.0]
#     unsigned (TZERO = 32768): TypeError
#     64-bit, TZERO = 10: UnboundLocalError
#     ASCII table: TypeError
#
# Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check astropy==8.0.2
"$place/venv/bin/python" - "$place/table.fits" > "$place/seen" <<'PYTHON'
import sys

import numpy as np
from astropy.io import fits
from astropy.table import Table


def show(name, null=-99, kind=fits.BinTableHDU, format="I", **cards):
    column = fits.Column("a", format, array=np.array([1, -99, 3], np.int16), ascii=kind is fits.TableHDU)
    table = kind.from_columns([column])
    table.header["TNULL1"] = null
    table.header.update(cards)
    table.writeto(sys.argv[1], overwrite=True)
    try:
        print(f"{name}:", Table.read(sys.argv[1])["a"].tolist())
    except (TypeError, UnboundLocalError) as error:
        print(f"{name}: {type(error).__name__}")


show("plain")
show("TSCAL = 0.01", TSCAL1=0.01)
show("TZERO = 10", TZERO1=10)
show("unsigned (TZERO = 32768)", TZERO1=32768)
show("64-bit, TZERO = 10", format="K", TZERO1=10)
show("ASCII table", "-99", fits.TableHDU, "I5")
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
plain: [1, None, 3]
TSCAL = 0.01: [0.01, -0.99, 0.03]
TZERO = 10: [11.0, -89.0, 13.0]
unsigned (TZERO = 32768): TypeError
64-bit, TZERO = 10: UnboundLocalError
ASCII table: TypeError
SEEN
