"""Which known objects are at a place of the sky at a time, from the stored orbits: nothing is stored for it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.ask.sql import QueryResult
from ssdb.ask.uploads import read_positions
from ssdb.ephemeris.apparent import columns_of, retarded
from ssdb.ephemeris.bodies import sun
from ssdb.ephemeris.observer import GEOCENTRE, Observatory, observer_states, tdb_of_tai
from ssdb.ephemeris.propagate import span, trajectories
from ssdb.errors import ConfigError, InputError, option, quoted, shown
from ssdb.identity.packed_arrays import unpack
from ssdb.ingest.table.input import Input
from ssdb.io.angles import dec_of, ra_of
from ssdb.io.image.detector_image import Exposure
from ssdb.io.image.fits_headers import holds_images, read_image_headers
from ssdb.io.input_file import input_of
from ssdb.io.kept_arrays import KeptArrays, user_cache
from ssdb.io.times import mjd_tai_of
from ssdb.predict.covariances import with_errors
from ssdb.predict.ephemeris_table import schema_of
from ssdb.predict.find_segments import night_of
from ssdb.predict.sky_night import SkyNight, sky_night
from ssdb.predict.sky_orbits import SkyOrbits, all_orbits, orbits_for_nights
from ssdb.predict.viewing import Views
from ssdb.sky.inverse import sky_to_pixels
from ssdb.sky.sphere import separations, unit_vectors
from ssdb.store.database import Database
from ssdb.store.transfer.write import Progress
from ssdb.units import ARCSEC_PER_DEG, Array, Columns, Index

LARGEST_DEG = 10.0
"""A larger field has tens of thousands of objects."""

_COLUMNS = (
    *("designation", "ephRa", "ephDec", "separation", "ephRate", "ephRateRa", "ephRateDec", "ephVmag"),
    *("helioRange", "topoRange", "phaseAngle", "elongation", "ephErrMajor", "ephErrMinor", "ephErrPa"),
)
_OF_FIELD = ("id", "midpointMjdTai")
_OF_IMAGE = ("x", "y")
_NIGHTS = 2
"""So many nights are in memory."""

_FIELDS_AT_ONCE = 64


def sky_of(database: Database, *, cache: str | os.PathLike[str] | bool = True, progress: Progress | None = None) -> Sky:
    """The known objects on the sky, from the orbits in mpc_orbits as they are now.

    ``with ssdb.sky_of(db) as sky: sky(120.5, 20.1, 0.5, "2026-06-01T02:30:00", "X05")``. The first question of a night
    takes some time, the next ones little. NotFoundError if there are no orbits.

    Parameters
    ----------
    cache : path or bool
        Folder for what others who ask about the same orbits and nights need not compute again; True is that of the user
        (``$XDG_CACHE_HOME/ssdb``, ``~/.cache/ssdb``; not of a database in memory), False none. It is safe to delete.
    progress : callable, optional
        Called with the numbers of orbits followed to the nights now, and of all that have to be.
    """
    in_memory = database.dialect == "sqlite" and not database.engine.url.database
    of_user = user_cache() if cache and not in_memory else None
    kept = KeptArrays(of_user if isinstance(cache, bool) else Path(cache))
    return Sky(database, kept, *all_orbits(database, kept), progress)


@dataclass(eq=False)
class Sky:
    """The known objects on the sky, from the orbits as they were when it was made: see :func:`sky_of`."""

    _database: Database
    _kept: KeptArrays
    _state: str
    _orbits: Columns
    _progress: Progress | None
    _nights: dict[int, tuple[SkyOrbits, SkyNight]] = field(default_factory=dict)

    @property
    def n_orbits(self) -> int:
        """How many orbits are followed."""
        return len(self._orbits["ids"])

    def __enter__(self) -> Sky:
        return self

    def __exit__(self, *_: object) -> None:
        self._nights.clear()

    def __call__(
        self, ra: Any, dec: Any, radius: float, time: Any, observatory: Observatory = GEOCENTRE
    ) -> QueryResult:
        """The objects within a radius of a direction at a time.

        ConfigError if a direction, the radius or the time makes no sense; EphemerisError if the code is none of a place
        on Earth, the time is outside the planetary ephemeris, or a package of the extra ``ephemeris`` is missing.

        Parameters
        ----------
        ra, dec : number, str or astropy Quantity
            The centre, ICRS, degrees. A text may have hours (of ``dec`` degrees), minutes and seconds:
            ``"10:00:08.2"``, ``"10 00 08.2"``, ``"10h00m08.2s"``.
        radius : number
            Degrees, up to 10.
        time : str, number, datetime, date or astropy.time.Time
            A date of UTC (``2026-06-01T02:30:00``), or MJD TAI.
        observatory : str or tuple of float
            MPC code, by default the Earth's centre; or east longitude (deg), latitude (deg) and altitude (m) by WGS84.

        Returns
        -------
        QueryResult
            A row for each object, the nearest to the centre first: designation; ephRa, ephDec (deg, ICRS, astrometric),
            separation from the centre (arcsec), ephRate, ephRateRa (with cos dec), ephRateDec (deg/d), ephVmag,
            helioRange, topoRange (au), phaseAngle, elongation (deg), ephErrMajor, ephErrMinor (arcsec, 1 sigma),
            ephErrPa (deg, north to east). The ellipse is None for an orbit without a covariance, V without H.
        """
        fields = _Fields(*(np.array([value]) for value in (ra_of(ra), dec_of(dec), _radius(radius), _time(time))))
        fields.check()
        columns, _ = self._seen(fields, observatory)
        return _result(columns, _COLUMNS)

    def positions(
        self,
        source: Input,
        radius: float,
        observatory: Observatory = GEOCENTRE,
        *,
        table: str | int | None = None,
        type: str | None = None,
    ) -> QueryResult:
        """The objects near each of many positions, each at its time.

        The columns are those of a call, ``id`` and ``midpointMjdTai`` before them. The input is a file or a table with
        ``ra``, ``dec`` (deg, ICRS), ``midpointMjdTai`` (MJD TAI) and, where wanted, ``id``, as the ready-made questions
        take it. InputError if it is not usable.
        """
        rows = read_positions(input_of(source, table, type))
        ra, dec, times = (rows.column(name).to_numpy() for name in ("ra", "dec", "midpointMjdTai"))
        fields = _Fields(ra, dec, np.full(len(ra), _radius(radius)), times)
        columns, of_field = self._seen(fields, observatory)
        columns |= {"id": rows.column("id").to_numpy(zero_copy_only=False)[of_field], "midpointMjdTai": times[of_field]}
        return _result(columns, (*_OF_FIELD, *_COLUMNS))

    def images(
        self, path: str | os.PathLike[str], observatory: Observatory | None = None, time: Any = None
    ) -> QueryResult:
        """The objects on the images of a FITS file or a text of headers, by their WCS and times.

        The columns are those of a call; before them ``id`` (which image), ``midpointMjdTai``, and ``x``, ``y`` (pixel,
        zero-based). The separation is that from the middle of the circle round the image. Without ``observatory`` it is
        that of the header, or else the Earth's centre; ``time`` goes before that of the header. InputError if there is
        no celestial WCS, or no time.
        """
        given = None if time is None else _time(time)
        exposures = list(_exposures(path, one_time=given is not None))
        times = [given if given is not None else exposure.midpoint_mjd_tai for exposure in exposures]
        for exposure, one in zip(exposures, times, strict=True):
            if one is None:
                raise InputError(f"{exposure.name}: the header does not say when: give {option('--time', 'time=...')}")
        caps = np.array([exposure.cap for exposure in exposures])
        codes = {each.observatory_code for each in exposures if each.observatory_code}
        if observatory is None and len(codes) > 1:
            which = option("--code", "observatory=...")
            raise InputError(f"{os.fspath(path)}: has images of several observatories, {shown(codes)}: give {which}")
        code = next(iter(codes), GEOCENTRE)
        fields = _Fields(caps[:, 0], caps[:, 1], caps[:, 2] * 1.0001, np.array(times, float))
        columns, of_field = self._seen(fields, observatory or code)
        x, y = np.full(len(of_field), np.nan), np.full(len(of_field), np.nan)
        for number, exposure in enumerate(exposures):
            rows = np.flatnonzero(of_field == number)
            at = columns["ephRa"][rows], columns["ephDec"][rows]
            x[rows], y[rows] = sky_to_pixels(exposure.pixel_to_sky, exposure.width, exposure.height, *at)
        sizes = np.array([(exposure.width, exposure.height) for exposure in exposures])[of_field].reshape(-1, 2)
        on = np.flatnonzero((x >= -0.5) & (y >= -0.5) & (x <= sizes[:, 0] - 0.5) & (y <= sizes[:, 1] - 0.5))
        names = np.array([exposure.name for exposure in exposures], object)[of_field]
        columns |= {"id": names, "midpointMjdTai": fields.mjd_tai[of_field], "x": x, "y": y}
        return _result({name: values[on] for name, values in columns.items()}, (*_OF_FIELD, *_OF_IMAGE, *_COLUMNS))

    def _seen(self, fields: _Fields, observatory: Observatory) -> tuple[Columns, Index]:
        """What is seen in fields, by field and separation: columns (m,), and whose field each row is of."""
        if not len(fields.ra):
            return {name: np.empty(0) for name in _COLUMNS}, np.empty(0, np.intp)
        views = fields.views(observatory)
        nights = np.array([night_of(time) for time in fields.mjd_tai.tolist()], int)
        parts = [
            self._seen_of_night(views, fields, int(night), np.flatnonzero(nights == night))
            for night in np.unique(nights)
        ]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}
        if not columns:
            return {name: np.empty(0) for name in _COLUMNS}, np.empty(0, np.intp)
        order = np.lexsort((columns["separation"], columns["field"]))
        columns = {name: values[order] for name, values in columns.items()}
        of_field = columns.pop("field")
        with self._database.reading() as connection:
            rows = pa.table({"ssObjectId": columns.pop("ids")})
            found = with_errors(connection, rows, views.take(of_field), columns.pop("has_json"))
        for name in ("ephErrMajor", "ephErrMinor", "ephErrPa"):
            known = name in found.column_names
            columns[name] = found.column(name).to_numpy() if known else np.full(len(of_field), np.nan)
        return columns, of_field

    def _seen_of_night(self, views: Views, fields: _Fields, night: int, which: Index) -> Columns:
        orbits, objects = self._night(night)
        found = []
        for first in range(0, len(which), _FIELDS_AT_ONCE):
            some = which[first : first + _FIELDS_AT_ONCE]
            near = [objects.near(*fields.of(number), float(views.mjd_tdb[number])) for number in some.tolist()]
            rows = np.unique(np.concatenate(near))
            followed = orbits.take(rows)
            paths = trajectories(followed, *span(views.mjd_tdb[some]))
            for number, candidates in zip(some.tolist(), near, strict=True):
                place = np.searchsorted(rows, candidates)
                time, observer = views.mjd_tdb[number : number + 1], views.observers[number : number + 1]
                states = retarded(paths.take(place), time, observer)[0][:, 0]
                seen = columns_of(states, views.suns[number], observer[0], followed.H[place], followed.G[place])
                apart = separations(fields.ra[number], fields.dec[number], seen["ephRa"], seen["ephDec"])
                seen |= {"separation": apart, "ids": orbits.arrays["ids"][candidates]}
                seen |= {
                    "packed": orbits.arrays["packed"][candidates],
                    "has_json": orbits.arrays["has_json"][candidates],
                }
                inside = np.flatnonzero(apart <= fields.radius[number] * ARCSEC_PER_DEG)
                kept = {name: values[inside] for name, values in seen.items()}
                found.append(kept | {"field": np.full(len(inside), number)})
        columns = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
        packed = pa.array(columns.pop("packed")).cast(pa.string())
        columns["designation"] = pc.coalesce(unpack(packed)[0], packed).to_numpy(zero_copy_only=False)
        columns["ephRate"] = np.hypot(columns["ephRateRa"], columns["ephRateDec"])
        return columns

    def _night(self, night: int) -> tuple[SkyOrbits, SkyNight]:
        if night not in self._nights:
            orbits = orbits_for_nights(self._kept, self._state, self._orbits, night, self._progress)
            while len(self._nights) >= _NIGHTS:
                del self._nights[next(iter(self._nights))]
            self._nights[night] = (orbits, sky_night(self._kept, orbits, night))
        return self._nights[night]


@dataclass(frozen=True, eq=False)
class _Fields:
    """Where and when to look, m of them: degrees, MJD TAI."""

    ra: Array
    dec: Array
    radius: Array
    mjd_tai: Array

    def check(self) -> None:
        """ConfigError if a direction is none."""
        if not (np.isfinite(self.ra).all() and (np.abs(self.ra) <= 360.0).all()):
            raise ConfigError(f"{option('--ra', 'ra')} is degrees from 0 to 360, not {self.ra[0]:g}")
        if not (np.abs(self.dec) <= 90.0).all():
            raise ConfigError(f"{option('--dec', 'dec')} is degrees from -90 to 90, not {self.dec[0]:g}")

    def of(self, number: int) -> tuple[float, float, float]:
        """Right ascension, declination and radius of one."""
        return float(self.ra[number]), float(self.dec[number]), float(self.radius[number])

    def views(self, observatory: Observatory) -> Views:
        """Their viewing geometry; EphemerisError as of :func:`ssdb.ephemeris.apparent.ephemeris`."""
        mjd_tdb = tdb_of_tai(self.mjd_tai)
        suns, observers = sun(mjd_tdb), observer_states(observatory, self.mjd_tai)
        number, centers = np.arange(len(mjd_tdb)), unit_vectors(self.ra, self.dec)
        return Views(number, self.mjd_tai, mjd_tdb, observers, suns, centers, self.radius, np.ones(len(mjd_tdb)))


def _radius(given: Any) -> float:
    try:
        radius = float(given)
    except (TypeError, ValueError):
        radius = math.nan
    if not 0.0 < radius <= LARGEST_DEG:
        raise ConfigError(
            f"{option('--radius', 'radius')} is degrees, above 0 and up to {LARGEST_DEG:g}, not {quoted(str(given))}"
        )
    return radius


def _time(given: Any) -> float:
    try:
        return mjd_tai_of(given)
    except ConfigError as error:
        wrong = option("Invalid value for '--time'", "time")
        raise ConfigError(f"{wrong}: {error}") from None


def _exposures(path: str | os.PathLike[str], *, one_time: bool) -> Iterator[Exposure]:
    """The images of a file, each place at each time once: mask and variance are where and when the image is."""
    if not holds_images(Path(os.fspath(path))):
        raise InputError(f"{os.fspath(path)}: is neither a FITS file with an image nor a text of headers")
    known: list[Any] = []
    for number, image in enumerate(read_image_headers(Path(os.fspath(path)), None)):
        exposure = Exposure.from_image(image, 0, min(number, 32_000), None)
        place = (
            *exposure.cap.tolist(),
            exposure.width,
            exposure.height,
            None if one_time else exposure.midpoint_mjd_tai,
        )
        if place not in known:
            known.append(place)
            yield exposure


def _result(columns: Columns, names: tuple[str, ...]) -> QueryResult:
    """An answer; what is NaN is None."""
    schema = schema_of(names)
    values = []
    for name in names:
        array = columns[name].tolist()
        values.append(
            [None if one != one else one for one in array] if pa.types.is_floating(schema.field(name).type) else array
        )
    return QueryResult(list(names), list(zip(*values, strict=True)), schema)
