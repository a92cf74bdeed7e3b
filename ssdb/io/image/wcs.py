"""Makes a mapping from pixels to ICRS of the WCS in a header."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from ssdb.errors import InputError, quoted, shown
from ssdb.sky.outline import PixelToSky
from ssdb.sky.sphere import separations
from ssdb.units import ARCSEC_PER_DEG, Array

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header
    from astropy.wcs import WCS

_WCS_KEYWORDS = re.compile(
    r"WCSAXES|(CTYPE|CRPIX|CRVAL|CDELT|CUNIT|CROTA)[12]|(CD|PC)0*[12]_?0*[12]|(PV|PS)[12]_\d+|WAT\d_\d{3}"
    r"|(A|B|AP|BP)_(ORDER|DMAX|\d+_\d+)|RADESYS|RADECSYS|EQUINOX|EPOCH|LONPOLE|LATPOLE"
)
_DOUBLE = re.compile(r".{8}= *[+-]?[\d.]+D", re.IGNORECASE)
"""A card with a number like 1.5D2, which FITS allows."""
_TABLES = re.compile(r"CPDIS\d|CPERR\d|D2IMDIS\d|D2IMERR\d|DP\d|PS\d_0")
"""Keywords of a WCS that needs arrays of the file besides the header."""

_ZENITHAL = ("AZP", "SZP", "TAN", "STG", "SIN", "ARC", "ZPN", "ZEA", "AIR", "TPV")
"""Projections that put the reference pixel on the reference point."""

_FARTHEST_TPV = 1.0  # degrees: constant terms of TPV move the image, by arcminutes at most


def celestial_wcs(header: Header, hdus: HDUList | None, name: str) -> WCS:
    """The WCS of the first two axes of a header, as :func:`ssdb.io.image.wcs_cards.whole_wcs` gives it.

    The open file, ``hdus``, may hold tables of the distortion. InputError if astropy can make no celestial WCS of it: a
    singular matrix, say, or a projection that does not exist; or if the reference pixel is not at the reference point.
    """
    from astropy.wcs import WCS

    with silence():
        try:
            wcs = WCS(header, fobj=hdus, naxis=2)
            wcs.wcs.set()
        except Exception as error:  # wcslib and astropy raise whatever they stumble over
            # wcslib ends its messages with what is wrong, after the names of its functions.
            reason = (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
            if reason.endswith("parser:"):
                reason = (
                    f"wcslib cannot read the cards of {header['CTYPE1']}: is one cut short? Distortion is best written "
                    "as SIP or TPV"
                )
            raise InputError(f"{name}: the WCS is not usable: {reason}") from error
    ctypes = [str(header[f"CTYPE{axis}"]) for axis in (1, 2)]
    if not wcs.has_celestial:
        raise InputError(f"{name}: the WCS is not usable: CTYPE {', '.join(ctypes)} is no projection (RA---TAN, say)")
    _refuse_moved(wcs, ctypes[0][5:8], [keyword for keyword in header if keyword.startswith("PV")], name)
    return wcs


def with_plain_numbers(header: Header) -> Header:
    """A header in whose numbers D stands nowhere for E: of 1.5D2 wcslib takes 1.5, and says nothing."""
    from astropy.io.fits import Card, Header

    with silence():
        if not any(_DOUBLE.match(card.image) for card in header.cards):
            return header
        return Header(
            Card(card.keyword, card.value, card.comment) if _DOUBLE.match(card.image) else card for card in header.cards
        )


def _refuse_moved(wcs: WCS, projection: str, terms: list[str], name: str) -> None:
    """Raises InputError if the projection does not put the pixel of CRPIX on CRVAL, as it does by its definition."""
    from astropy.wcs.utils import proj_plane_pixel_scales

    if projection not in _ZENITHAL:
        return
    place = wcs.wcs.p2s(wcs.wcs.crpix[None], 1)["world"]
    longitude, latitude = wcs.wcs.lng, wcs.wcs.lat
    (offset,) = separations(*place[:, [longitude, latitude]].T, *wcs.wcs.crval[[longitude, latitude], None])
    allowed = _FARTHEST_TPV if projection == "TPV" else proj_plane_pixel_scales(wcs).max()
    if not offset <= allowed * ARCSEC_PER_DEG:
        cause = f": {shown(terms)} move it; a distortion by SCAMP needs CTYPE RA---TPV, DEC--TPV" if terms else ""
        raise InputError(
            f"{name}: the WCS cannot be used: the pixel of CRPIX is {offset / ARCSEC_PER_DEG:.4g} deg from CRVAL, "
            f"where it should be{cause}"
        )


@contextmanager
def silence() -> Iterator[None]:
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
    """From pixels to ICRS, of a WCS with two celestial axes, in whatever order and frame.

    InputError if the frame (RADESYS, EQUINOX, or the kind of the axes) is none that astropy can bring to ICRS.
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
