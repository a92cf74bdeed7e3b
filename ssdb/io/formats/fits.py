"""Reads tables of FITS files, once their headers have been checked."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from ssdb.errors import InputError, UsageError, option
from ssdb.io.containers import TableInFile, chosen
from ssdb.io.limits import MOST_AXES, MOST_CARDS, MOST_CARDS_OF_IMAGE, refuse_memory, refuse_unit, refuse_yaml, whole

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU, HDUList, Header, TableHDU
    from astropy.table import Table

_BLOCK = 2880
_CARD = 80

_COUNTS = ("NAXIS", "ZNAXIS", "TFIELDS", "WCSAXES", *(f"WCSAXES{chr(ord('A') + i)}" for i in range(26)))
"""Keywords that say how many others there are; astropy and wcslib look for each of these."""

_SIZES = ("PCOUNT", "GCOUNT", "NAXIS1", "NAXIS2", "NAXIS3")  # keywords of which the bytes of the data are made
_ORDERS = ("A_ORDER", "B_ORDER", "AP_ORDER", "BP_ORDER")
"""Orders of SIP polynomials, of which astropy makes square matrices."""
_HIGHEST_ORDER = 99

_TIMES_IN_MEMORY = 3  # how often the bytes of a table are in memory while it is read
_LDAC = "LDAC_OBJECTS"
"""What SExtractor calls the tables of sources in a file that has the header of each image in a table as well."""

_MOST_HDUS = 10_000  # a focal plane of 189 detectors has some hundred


@contextmanager
def opened_fits(path: Path, copies: int = 1) -> Iterator[HDUList]:
    """A FITS file, perhaps compressed by gzip, of whose HDUs the headers have been read.

    By itself astropy takes a path such as ``http:/host/x.fits`` for an address. InputError if it unfolds to more memory
    than is allowed where so many copies of its bytes are needed, a header has no end or absurd counts, or it cannot be
    read.
    """
    from astropy.io import fits

    with whole(path, lambda piece: copies * len(piece)) as file:
        _refuse_structure(file, path)
        file.seek(0)
        with fits.open(file, memmap=False) as hdus:
            _refuse_invalid(hdus, path)
            yield hdus


def read_fits(path: Path, wanted: str | int | None = None) -> list[Table]:
    """The tables of a FITS file that are to be read as one, of FITS_LDAC those of sources.

    ``wanted`` is EXTNAME or number of the HDU. InputError if the file is not usable, or it is not clear which table is
    meant; ValueError if it has no table, or is cut.
    """
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="File may have been truncated")
        warnings.filterwarnings("ignore", message="Column .* contains NULL")  # dealt with below
        with opened_fits(path, _TIMES_IN_MEMORY) as hdus:
            there = {
                number: hdu
                for number, hdu in enumerate(hdus)
                if isinstance(hdu, fits.BinTableHDU | fits.TableHDU) and not isinstance(hdu, fits.CompImageHDU)
            }
            if not there and any(hdu.is_image and hdu.shape for hdu in hdus):
                if wanted is None:
                    raise InputError(f"{path}: there is no table in it, but images")
                raise UsageError(f"{path}: has images and no table: leave out {option('--table', 'table=...')}")
            if not there:
                raise ValueError("no table in it")
            tables = [_in_file(number, hdu) for number, hdu in there.items()]
            sources = [table for table in tables if _LDAC in table.names]
            return [
                _read(there[table.number], path)
                for table in chosen(tables if wanted else sources or tables, wanted, path)
            ]


def _in_file(number: int, hdu: BinTableHDU | TableHDU) -> TableInFile:
    columns = tuple((column.name, str(column.unit or "").strip()) for column in hdu.columns)
    return TableInFile(number, (hdu.name,) if hdu.name else (), columns, int(hdu.header["NAXIS2"]))


def _read(hdu: BinTableHDU | TableHDU, path: Path) -> Table:
    from astropy.io import fits
    from astropy.table import MaskedColumn, Table

    raw = hdu.data.view(np.ndarray)
    refuse_yaml(path, serialized_columns(hdu.header))
    if isinstance(hdu, fits.TableHDU):
        return _read_ascii(hdu, raw)
    # Rows of variable length may all say that the whole heap is theirs.
    variable = [column.name for column in hdu.columns if re.match(r"[01]?[PQ]", column.format)]
    elements = sum(int(raw[name][..., 0].astype(np.float64).clip(0).sum()) for name in variable)
    # And values without bytes become objects.
    elements += len(raw) * sum(column.format.startswith("0") for column in hdu.columns)
    refuse_memory(path, 8 * elements, path.stat().st_size)
    # astropy compares TNULL with the scaled value, not with what is stored (FITS 4.0, 7.3.2), fails where that has no
    # sign, and fails at 64-bit integers of any other TZERO than 2**63.
    unknown, shifted = {}, {}
    for column in hdu.columns:
        if column.name in variable:
            continue
        if column.null is not None and (column.bzero or column.bscale):
            unknown[column.name] = raw[column.name] == column.null
            column.null = None
        if column.format.endswith("K") and column.bzero not in (None, 0, 2**63):
            shifted[column.name], column.bzero = column.bzero, None
    table = Table.read(hdu, format="fits")
    for name, zero in shifted.items():
        table[name] = table[name] + float(zero)
    # astropy makes FALSE of an undefined logical value, which is a zero byte (FITS 4.0, 7.3.3.1).
    for column in hdu.columns:
        if column.format in ("L", "1L") and not raw[column.name].all():
            unknown[column.name] = raw[column.name] == 0
    for name, mask in unknown.items():
        table[name] = MaskedColumn(table[name], mask=mask)
    return table


def _read_ascii(hdu: TableHDU, raw: np.ndarray) -> Table:
    """An ASCII table. Where TNULL is there, astropy's own way to a Table fails; and what is blank would be 0."""
    from astropy.table import MaskedColumn, Table

    columns = {}
    for column in hdu.columns:
        texts = np.char.strip(raw[column.name])
        unknown = (texts == b"") | (texts == str(column.null).strip().encode())
        values = np.asarray(hdu.data[column.name])
        values = np.char.rstrip(values) if values.dtype.kind in "SU" else values
        columns[column.name] = MaskedColumn(values, mask=unknown, unit=column.unit or None)
    return Table(columns)


def refuse_counts(header: Header, name: object) -> None:
    """Raises InputError if a header has too many cards, or says that it has more axes, columns or terms than can be."""
    from astropy.io.fits import VerifyError

    if len(header) > MOST_CARDS_OF_IMAGE:
        raise InputError(f"{name}: its header has {len(header):,} cards; at most {MOST_CARDS_OF_IMAGE:,} are read")
    for keywords, least, most in (
        (_COUNTS, -inf, MOST_AXES),
        (_ORDERS, -inf, _HIGHEST_ORDER),
        (_SIZES, 0, inf),  # astropy would go back in the file
    ):
        for keyword in keywords:
            try:
                value = header.get(keyword)
            except VerifyError:
                raise InputError(f"{name}: not FITS: the card {keyword} cannot be read") from None
            if isinstance(value, int | float) and value < least:
                raise InputError(f"{name}: not FITS: {keyword} = {value!r:.40}, which is below {least}")
            if isinstance(value, int | float) and value > most:
                raise InputError(f"{name}: not FITS: {keyword} = {value!r:.40}; at most {most} are possible")


def serialized_columns(header: Header) -> str:
    """The YAML that astropy writes into comments of a table, and runs through when it reads them; empty without."""
    comments = [str(line) for line in header.get("COMMENT", ())]
    try:
        begin = comments.index("--BEGIN-ASTROPY-SERIALIZED-COLUMNS--") + 1
        lines = comments[begin : comments.index("--END-ASTROPY-SERIALIZED-COLUMNS--")]
    except ValueError:
        return ""
    # A line that goes on in the next card has a character more, a backslash.
    return "".join(line[:70] if len(line) == 71 else f"{line[:70]}\n" for line in lines)


def _refuse_structure(file: IO[bytes], path: Path) -> None:
    """Goes from header to header as astropy does, with its own idea of where they end."""
    from astropy.io.fits import Header

    for _ in range(_MOST_HDUS):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                header = Header.fromfile(_Bounded(file, path))
            refuse_counts(header, path)
            for unit in header["TUNIT*"].values():
                refuse_unit(path, str(unit))
            end = file.tell() + -(-_data_bytes(header) // _BLOCK) * _BLOCK
            if file.seek(end) < end:  # only where it is compressed: astropy looks at the size of others
                raise InputError(f"{path}: cannot be read as FITS, is it complete? (it ends within an HDU)")
        except InputError:
            raise
        except Exception:
            return  # the end, or what astropy says is wrong with it
    raise InputError(f"{path}: has more than {_MOST_HDUS:,} HDUs")


def _refuse_invalid(hdus: HDUList, path: Path) -> None:
    """Raises InputError where astropy cannot say how long an HDU is, or would find the next one no further on."""
    end = 0
    for number, hdu in enumerate(hdus):
        place = hdu.fileinfo() if hasattr(hdu, "fileinfo") else None
        if place is None or place["datLoc"] + place["datSpan"] <= end:
            raise InputError(f"{path}: not FITS: the header of HDU {number} cannot be read")
        end = place["datLoc"] + place["datSpan"]


class _Bounded:
    """What a header is read from, which may not go on for ever."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file = file
        self._path = path
        self._left = MOST_CARDS * _CARD

    def read(self, n: int) -> bytes:
        self._left -= n
        if self._left < -_BLOCK:
            raise InputError(f"{self._path}: not FITS: a header has no END within {MOST_CARDS:,} cards")
        return self._file.read(n)


def _data_bytes(header: Header) -> int:
    """Bytes of the data that follow a header, as astropy counts them."""
    if "SIMPLE" in header and header.get("GROUPS") is True:
        from astropy.io.fits import GroupsHDU

        return int(GroupsHDU(header=header).size)
    return int(header.data_size)
