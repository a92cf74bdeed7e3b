"""Headers of ECSV files, as they are wanted."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBERS_OF_ECSV = re.compile(r"(?m)^(#\s*-\s*\{\s*name:\s*([^,{}]+?)\s*,[^\n]*?\bdatatype:\s*)(?:u?int|float)\d+\b")


def with_texts(header: str, strings: Sequence[str]) -> str:
    """The header of an ECSV file in which some columns are text, whatever it said."""
    folded = {name.lower() for name in strings}

    def text(column: re.Match[str]) -> str:
        return f"{column[1]}string" if column[2].strip("'\"").lower() in folded else column[0]

    return _NUMBERS_OF_ECSV.sub(text, header) if folded else header
