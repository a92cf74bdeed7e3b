"""The WCS of a header as a mapping from pixels to the sky."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from ssdb.errors import InputError, quoted
from ssdb.sky.outline import PixelToSky
from ssdb.sky.sphere import Array

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header
    from astropy.wcs import WCS

_WCS_KEYWORDS = re.compile(
    r"WCSAXES|(CTYPE|CRPIX|CRVAL|CDELT|CUNIT|CROTA)[12]|(CD|PC)0*[12]_0*[12]|(PV|PS)[12]_\d+"
    r"|(A|B|AP|BP)_(ORDER|DMAX|\d_\d)|RADESYS|RADECSYS|EQUINOX|EPOCH|LONPOLE|LATPOLE"
)
_NUMBERS = re.compile(r"(CRPIX|CRVAL|CDELT|CROTA)[12]|(CD|PC)0*[12]_0*[12]|PV[12]_\d+|LONPOLE|LATPOLE")
_DOUBLE = re.compile(r".{8}= *[+-]?[\d.]+D", re.IGNORECASE)
"""A card with a number like 1.5D2, which FITS allows."""
_TABLES = re.compile(r"CPDIS\d|CPERR\d|D2IMDIS\d|D2IMERR\d|DP\d|PS\d_0")
"""Keywords of a WCS that needs arrays of the file besides the header."""


def celestial_wcs(header: Header, hdus: HDUList | None, name: str) -> WCS | None:
    """The WCS of the first two axes of a header.

    Parameters
    ----------
    header : astropy.io.fits.Header
    hdus : astropy.io.fits.HDUList, optional
        The file that the header is from, which may hold tables of the distortion.
    name : str
        The header's name for messages.

    Returns
    -------
    astropy.wcs.WCS or None
        None where the axes are not celestial.

    Raises
    ------
    InputError
        If astropy cannot make a WCS of it: a singular matrix, say, or a projection that does not exist. Or if what
        should be a number is none.
    """
    if "CTYPE1" not in header:
        return None
    from astropy.wcs import WCS

    no_number = _what_is_no_number(header)
    with _silence():
        try:
            wcs = WCS(header, fobj=hdus, naxis=2)
            wcs.wcs.set()
        except Exception as error:  # wcslib and astropy raise whatever they stumble over
            # wcslib ends its messages with what is wrong, after the names of its functions.
            reason = no_number or (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
            raise InputError(f"{name}: the WCS is not usable: {reason}") from error
    if not wcs.has_celestial:
        return None
    if no_number:
        raise InputError(f"{name}: the WCS is not usable: {no_number}")
    return wcs


def with_plain_numbers(header: Header) -> Header:
    """A header in whose numbers D stands nowhere for E: of 1.5D2 wcslib takes 1.5, and says nothing."""
    from astropy.io.fits import Card, Header

    if not any(_DOUBLE.match(card.image) for card in header.cards):
        return header
    return Header(
        Card(card.keyword, card.value, card.comment) if _DOUBLE.match(card.image) else card for card in header.cards
    )


def _what_is_no_number(header: Header) -> str | None:
    """Which card has no number where one belongs: wcslib leaves most of these out, and takes 0."""
    from astropy.io.fits import VerifyError

    for card in header.cards:
        if _NUMBERS.fullmatch(card.keyword):
            try:
                value = card.value
            except VerifyError:
                value = None
            if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
                return f"{card.keyword} is not a number"
    return None


@contextmanager
def _silence() -> Iterator[None]:
    """Without what astropy says it mended or doubts: old units, dates, keywords of other systems.

    Its log goes to stdout, where the results of commands are.
    """
    log = logging.getLogger("astropy")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def sky_mapping(wcs: WCS, name: str) -> PixelToSky:
    """From pixels to ICRS.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        With two celestial axes, in whatever order and frame.
    name : str
        Its name for messages.

    Raises
    ------
    InputError
        If the frame (RADESYS, EQUINOX, or the kind of the axes) is none that astropy can bring to ICRS.
    """
    from astropy import units as u
    from astropy.coordinates import ICRS, UnitSphericalRepresentation
    from astropy.wcs.utils import wcs_to_celestial_frame

    try:
        frame = wcs_to_celestial_frame(wcs)
    except ValueError:
        frame = None
    # Of other longitudes, as of the ecliptic, astropy makes ICRS.
    if frame is None or wcs.wcs.lngtyp not in ("RA", "GLON"):
        axes = ", ".join(wcs.wcs.ctype)
        raise InputError(f"{name}: the frame of the WCS is not known (CTYPE {axes}; RADESYS {quoted(wcs.wcs.radesys)})")
    longitude, latitude = wcs.wcs.lng, wcs.wcs.lat

    def pixel_to_sky(x: Array, y: Array) -> tuple[Array, Array]:
        world = wcs.all_pix2world(np.column_stack([x, y]), 0)
        ra, dec = world[:, longitude], world[:, latitude]
        if isinstance(frame, ICRS):
            return ra, dec
        there = frame.realize_frame(UnitSphericalRepresentation(ra * u.deg, dec * u.deg)).transform_to(ICRS())
        return there.ra.deg, there.dec.deg

    return pixel_to_sky


def wcs_text(header: Header, width: int, height: int) -> str | None:
    """The cards of a WCS and the size, one a line: a header that gives the same WCS again.

    None where the WCS needs more than its header, such as tables of the distortion.
    """
    from astropy.io.fits import Header

    if any(_TABLES.fullmatch(keyword.partition(".")[0]) for keyword in header):
        return None
    kept = Header([("NAXIS", 2), ("NAXIS1", width), ("NAXIS2", height)])
    kept.extend(card for card in header.cards if _WCS_KEYWORDS.fullmatch(card.keyword))
    return kept.tostring(sep="\n", endcard=False, padding=False)
