"""What messages say that a column map could be."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from ssdb.errors import option


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of some names that is most like another, None if none is."""
    folded = {other.lower(): other for other in names}
    if (bare := name.lower().removeprefix("eph")) in folded:
        return folded[bare]
    like = get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    if like:
        return folded[like[0]]
    within = [other for small, other in folded.items() if len(name) > 1 and name.lower() in small.split("_")]
    begins = [other for small, other in folded.items() if len(name) > 1 and small.startswith(name.lower())]
    return next(iter((*within, *begins)), None)


def map_of(missing: Iterable[str], given: Collection[str]) -> str:
    """The column map that would name missing columns, to end a message with."""
    lines = ", ".join(f"{name}: {nearest(name, given) or 'COLUMN'}" for name in missing)
    return f"; a column map ({option('--columns MAP.yaml', 'columns=...')}) can say which it is: `columns: {{{lines}}}`"
