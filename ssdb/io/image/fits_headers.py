"""Reads the headers of images that have a celestial WCS, from FITS files or text."""

from __future__ import annotations

import warnings
from collections import ChainMap
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ssdb.errors import InputError, SsdbError, option
from ssdb.io.formats.fits import opened_fits, refuse_counts
from ssdb.io.image.keywords import Cards
from ssdb.io.image.wcs import celestial_wcs, wcs_text, with_plain_numbers
from ssdb.io.image.wcs_cards import is_celestial, whole_wcs
from ssdb.io.limits import MOST_CARDS
from ssdb.io.not_read import require_file
from ssdb.io.tables import unreadable

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header
    from astropy.wcs import WCS

TEXT_ENDINGS = (".hdr", ".head", ".header")
"""Headers as text: cards, one a line or all in one line."""

_FITS_ENDINGS = tuple(f"{ending}{packed}" for ending in (".fits", ".fit", ".fts", ".fz") for packed in ("", ".gz"))

_LARGEST_TEXT = 81 * MOST_CARDS  # bytes of headers as text
_FRAME_KEYWORDS = ("RADESYS", "EQUINOX")
"""What a WCS takes from the primary header. The rest of a WCS is one image's."""


class ImageHeader(NamedTuple):
    """What a header says about one image."""

    name: str
    """File and HDU, for messages."""
    cards: Cards
    """Its own cards, then those of the primary header."""
    wcs: WCS
    wcs_text: str | None
    """The WCS as header text; None where its header is not the whole of it."""
    width: int
    height: int
    doubts: tuple[str, ...]
    """What of the WCS was mended or left out."""
    number: int
    """Of the HDU, from 0."""


def holds_images(path: Path) -> bool:
    """Whether a file is a text header, or FITS with an image in it; InputError if it is FITS and cannot be read."""
    if path.name.lower().endswith(TEXT_ENDINGS):
        return True
    if not path.name.lower().endswith(_FITS_ENDINGS):
        return False
    with opened_images(path) as hdus:
        return any(hdu.is_image and _size(hdu.header) is not None for hdu in hdus)


def read_image_headers(path: Path, shape: tuple[int, int] | None) -> Iterator[ImageHeader]:
    """What a FITS file, perhaps compressed, or text (:data:`TEXT_ENDINGS`) says about its images with a celestial WCS.

    ``shape`` is height and width in pixels, instead of what the headers say. InputError if the file cannot be read, has
    no image with a celestial WCS, or has one that is not usable.
    """
    if path.name.lower().endswith(TEXT_ENDINGS):
        yield from image_headers(str(path), _text_headers(path), None, shape)
    else:
        with opened_images(path) as hdus:
            yield from image_headers(str(path), [hdu.header for hdu in hdus], hdus, shape)


def image_headers(
    name: str, headers: Sequence[Header], hdus: HDUList | None, shape: tuple[int, int] | None
) -> Iterator[ImageHeader]:
    """Those of headers that are of images with a celestial WCS; InputError if there is none, or one is not usable.

    The headers are in the order of the file: a primary one is inherited by those after it that do not say INHERIT = F.
    The open file, ``hdus``, has the tables of a WCS. ``shape`` is height and width in pixels, instead of what the
    headers say.
    """
    from astropy.io.fits import VerifyError

    primary = headers[0] if headers and "SIMPLE" in headers[0] else None
    found = False
    sizeless = None
    for number, header in enumerate(headers):
        label = name if len(headers) == 1 else f"{name}, HDU {number}"
        refuse_counts(header, label)
        inherited = primary if number and header.get("INHERIT") is not False else None
        try:
            size = _size(header) if shape is None else shape
            framed = with_plain_numbers(_with_frame(header, inherited))
        except (VerifyError, ValueError) as error:  # a card that cannot be parsed
            raise InputError(f"{label}: {' '.join(str(error).split())}") from None
        if size is None:
            # A primary header may have a part of a WCS: nothing is asked of it.
            sizeless = label if is_celestial(header) else sizeless
            continue
        whole = whole_wcs(framed, label)
        if whole is None:
            continue
        found = True
        wcs = celestial_wcs(whole.header, hdus, label)
        height, width = size
        cards = header if inherited is None else ChainMap(header, inherited)
        text = wcs_text(whole.header, width, height)
        yield ImageHeader(label, cards, wcs, text, width, height, whole.doubts, number)
    if not found and sizeless is not None:
        say = option("--size", "shape=...")
        raise InputError(f"{sizeless}: the header does not say how large the image is (NAXIS1, NAXIS2): give {say}")
    if not found:
        raise InputError(f"{name}: no image with a celestial WCS (CTYPE1 = 'RA---TAN', say) is in it")


def _with_frame(header: Header, inherited: Header | None) -> Header:
    """A header with the celestial frame of the one that it inherits from, where it has none of its own."""
    if inherited is None or not any(keyword in inherited for keyword in _FRAME_KEYWORDS):
        return header
    if any(keyword in header for keyword in (*_FRAME_KEYWORDS, "RADECSYS")):
        return header
    whole = header.copy()
    whole.extend((keyword, inherited[keyword]) for keyword in _FRAME_KEYWORDS if keyword in inherited)
    return whole


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Within, whatever astropy stumbles over in a corrupt file is an InputError."""
    try:
        yield
    except SsdbError:
        raise
    except Exception as error:
        raise unreadable(path, "FITS", error) from error


def is_plane(hdu: Any) -> bool:
    """Whether an HDU is an image with two axes."""
    return bool(hdu.is_image and len(getattr(hdu, "shape", ())) == 2)


def _size(header: Header) -> tuple[int, int] | None:
    """Height and width of the image; None where the header has no image with two axes."""
    if header.get("XTENSION", "IMAGE") != "IMAGE" and not header.get("ZIMAGE"):
        return None
    for prefix in ("ZNAXIS", "NAXIS"):  # of a compressed image NAXIS is the table in which it is stored
        sides = [header.get(f"{prefix}{axis}") for axis in (2, 1)]
        if all(isinstance(side, int) and side > 0 for side in sides):
            return sides[0], sides[1]
    return None


def _text_headers(path: Path) -> list[Header]:
    """The headers of a text, one after the other: each ends with END, or where fitsheader announces the next."""
    from astropy.io.fits import Header

    require_file(path)
    if path.stat().st_size > _LARGEST_TEXT:
        raise InputError(f"{path}: not a header: it has more than {_LARGEST_TEXT // 10**6} MB")
    # Cards are ASCII; what programs add in comments may be anything.
    text = path.read_bytes().decode("ascii", errors="replace").replace("\ufffd", "?")
    lines = text.splitlines()
    if len(lines) == 1:
        lines = [text[start : start + 80] for start in range(0, len(text), 80)]
    if len(lines) > MOST_CARDS:
        raise InputError(f"{path}: not a header: it has more than {MOST_CARDS:,} cards")
    sections: list[list[str]] = [[]]
    for line in lines:
        if line.rstrip() == "END" or line.startswith("#"):
            sections.append([])
        elif line.strip():
            sections[-1].append(line)
    return [Header.fromstring("\n".join(section), sep="\n") for section in sections if section]


@contextmanager
def opened_images(path: Path) -> Iterator[HDUList]:
    """A FITS file, all of whose HDUs have been found, with what they say of their size."""
    require_file(path)
    with ExitStack() as stack:
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message="File may have been truncated")
                hdus = stack.enter_context(opened_fits(path))
                for hdu in hdus:
                    _size(hdu.header)
        except InputError:
            raise
        except Exception as error:  # astropy and the decompressors raise whatever they stumble over in a corrupt file
            raise unreadable(path, "FITS", error) from error
        yield hdus
