"""The Minor Planet Center's tables of identifications, small and made by hand."""

from __future__ import annotations

from typing import Any

Columns = dict[str, Any]

EROS_PRIMARY = int.from_bytes(b"I98P00A", "big")
"""ssObjectId of A898 PA, the primary provisional designation of 433 Eros."""

PACKED = {
    "2015 MQ204": "K15MK4Q",
    "2010 AB": "K10A00B",
    "2011 CD5": "K11C05D",
    "A898 PA": "I98P00A",
    "2040 P-L": "PLS2040",
    "P/1682 Q1": "PG82Q010",
    "2003 YF26": "K03Y26F",
    "S/2003 J 2": "SK03J020",
}


def current(*pairs: tuple[str, str]) -> Columns:
    """Rows of current_identifications, given as (secondary, primary)."""
    secondaries, primaries = [secondary for secondary, _ in pairs], [primary for _, primary in pairs]
    return {
        "packed_primary_provisional_designation": [PACKED[name] for name in primaries],
        "packed_secondary_provisional_designation": [PACKED[name] for name in secondaries],
        "unpacked_primary_provisional_designation": primaries,
        "unpacked_secondary_provisional_designation": secondaries,
        "published": [4] * len(pairs),
        "object_type": [0] * len(pairs),
        "numbered": [False] * len(pairs),
    }


def numbered(*rows: tuple[str, str, str | None]) -> Columns:
    """Rows of numbered_identifications, given as (number, primary, name)."""
    return {
        "packed_primary_provisional_designation": [PACKED[primary] for _, primary, _ in rows],
        "unpacked_primary_provisional_designation": [primary for _, primary, _ in rows],
        "permid": [number for number, _, _ in rows],
        "iau_name": [name for _, _, name in rows],
    }


EROS = numbered(("433", "A898 PA", "Eros"))

NUMBERED_MPS = (
    "     (1) Ceres                           1801 01 01  Palermo                  Piazzi, G.\n"
    "   (433) Eros                A898 PA     1898 08 13  Berlin                   Witt, G.\n"
    "(360000)                     2012 XX21   2001 12 18* Socorro                  LINEAR\n"
)
"""As NumberedMPs.txt has them."""
