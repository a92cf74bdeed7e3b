"""The service mpSky: which known objects are in a field at a time (https://github.com/mjuric/mpsky)."""

from __future__ import annotations

from ssdb.errors import ServiceError
from ssdb.services.http import Service

_PATH = "ephemerides"
_UNPROCESSABLE = 422


class MpskyService:
    """An mpSky service at an address, with or without ``/ephemerides/``.

    One try of a request may take ``timeout`` seconds. ``url`` is what is asked, for messages. ConfigError if the
    address or the time makes no sense.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._service = Service(url, _PATH, timeout)
        self.url = self._service.url
        self._elements = "extended"  # only with these does it know magnitudes

    def ask(self, mjd_tai: float, ra: float, dec: float, radius: float) -> bytes:
        """Its answer about a field (ICRS, degrees), for :func:`ssdb.ingest.formats.mpsky.read_mpsky`.

        The time is MJD TAI: the service's polynomials are in TAI, and the request's time is compared with theirs.
        ServiceError if it does not answer, or refuses.
        """
        field = {"t": repr(mjd_tai), "ra": repr(ra), "dec": repr(dec), "radius": repr(radius)}
        try:
            return self._service.get(field | {"return_elements": self._elements})
        except ServiceError as error:
            if error.status != _UNPROCESSABLE or self._elements != "extended":
                raise
            # A service from before 2025, which knows only whether elements are wanted.
            self._elements = "false"
            return self._service.get(field | {"return_elements": self._elements})
