"""FITS files: opened as files of this machine, once their headers have been looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ssdb.errors import InputError
from ssdb.limits import MOST_AXES, MOST_CARDS, refuse_unit, whole

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header

_BLOCK = 2880
_CARD = 80

_COUNTS = ("NAXIS", "ZNAXIS", "TFIELDS", "WCSAXES", *(f"WCSAXES{chr(ord('A') + i)}" for i in range(26)))
"""Keywords that say how many others there are; astropy and wcslib look for each of these."""

_ORDERS = ("A_ORDER", "B_ORDER", "AP_ORDER", "BP_ORDER")
"""Orders of SIP polynomials, of which astropy makes square matrices."""
_HIGHEST_ORDER = 99


@contextmanager
def opened_fits(path: Path, copies: int = 1) -> Iterator[HDUList]:
    """A FITS file, perhaps compressed by gzip, whose HDUs have not been read yet.

    By itself astropy takes a path such as ``http:/host/x.fits`` for an address.

    Parameters
    ----------
    path : Path
    copies : int
        How often its bytes are in memory when it is read.

    Raises
    ------
    InputError
        If it unfolds to more memory than is allowed, or a header has no end or absurd counts.
    """
    from astropy.io import fits

    with whole(path, lambda piece: copies * len(piece)) as file:
        _refuse_structure(file, path)
        file.seek(0)
        with fits.open(file, memmap=False) as hdus:
            yield hdus


def refuse_counts(header: Header, name: object) -> None:
    """Raises InputError if a header says that it has more axes, columns or terms than there are in FITS."""
    for keywords, most in ((_COUNTS, MOST_AXES), (_ORDERS, _HIGHEST_ORDER)):
        for keyword in keywords:
            value = header.get(keyword)
            if isinstance(value, int | float) and value > most:
                raise InputError(f"{name}: not FITS: {keyword} = {value!r:.40}; at most {most} are possible")


def _refuse_structure(file: IO[bytes], path: Path) -> None:
    """Goes from header to header as astropy does."""
    from astropy.io.fits import Header

    while text := _header(file, path):
        header = Header.fromstring(text)
        refuse_counts(header, path)
        for unit in header["TUNIT*"].values():
            refuse_unit(path, str(unit))
        try:
            n_bytes = _data_bytes(header)
        except (TypeError, ValueError, KeyError):
            return  # astropy says what is wrong with it
        file.seek(-(-n_bytes // _BLOCK) * _BLOCK, 1)


def _header(file: IO[bytes], path: Path) -> bytes:
    """The cards of the next header; nothing where the file ends, or where what follows is no header."""
    blocks: list[bytes] = []
    while len(block := file.read(_BLOCK)) == _BLOCK:
        blocks.append(block)
        for start in range(0, _BLOCK, _CARD):
            if block.startswith(b"END     ", start):
                return b"".join(blocks)
        if len(blocks) * _BLOCK > MOST_CARDS * _CARD:
            raise InputError(f"{path}: not FITS: a header has no END within {MOST_CARDS:,} cards")
    return b""


def _data_bytes(header: Header) -> int:
    """Bytes of the data that follow a header (FITS 4.0, 4.4.1.1 and 4.4.1.2)."""
    sides = [int(header[f"NAXIS{axis}"]) for axis in range(1, int(header["NAXIS"]) + 1)]
    if not sides:
        return 0
    if header.get("GROUPS") is True and sides[0] == 0:
        sides = sides[1:]
    n_values = 1
    for side in sides:
        if side < 0:
            raise ValueError(side)
        n_values *= side
    n_bytes = abs(int(header["BITPIX"])) // 8 * int(header.get("GCOUNT", 1)) * (int(header.get("PCOUNT", 0)) + n_values)
    if not 0 <= n_bytes < 2**62:
        raise ValueError(n_bytes)
    return n_bytes
