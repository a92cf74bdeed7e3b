"""Sound files of every kind that ssdb reads, as small as they may be, and what reads each."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import alert_files
import identifications as names
import images
import ingesting
import mpsky_answers
import numpy as np
import orbit_files
import orbits_of_others as others
import pyarrow as pa
import test_skybot
from astropy.io import fits

from fuzz import mutations
from ssdb.ask.named_queries import named_query
from ssdb.ingest.alerts import ingest_alerts
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.forced import ingest_forced
from ssdb.ingest.identifications import ingest_identifications
from ssdb.ingest.observations import ingest_observations
from ssdb.ingest.orbits import ingest_orbits
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.io.writers import write_columns
from ssdb.photometry import PhotometryConfig, forced_photometry
from ssdb.simulate.images import GaussianProfile
from ssdb.store.database import Database

Read = Callable[[Database, Path], object]

KM = 149597870.7
TABLE_ENDINGS = (".csv", ".csv.gz", ".ecsv", ".vot", ".fits", ".parquet")
MAP = b"""columns:
  diaSourceId: candid
  visit: {constant: 10}
  detector: {column: ccd, values: {1: 1, 2: 2}}
  ra: {column: ra, unit: deg}
  dec: dec
  psfFlux: {column: magpsf, convert: ABmag}
  psfFluxErr: {column: sigmapsf, convert: ABmag_error, magnitude: magpsf}
  midpointMjdTai: {column: jd, convert: time, format: jd, scale: utc}
keep: false
"""
MAPPED = (
    b"candid,ccd,ra,dec,magpsf,sigmapsf,jd\n901,1,50.0,-5.0,18.5,0.1,2460000.5996\n902,2,50.1,-5.1,19,,2460000.5996\n"
)
SKYBOT = b"""# Flag: 1
# Ticket: 170965104917464734
# Num | Name | RA(h) | DE(deg) | Class | Mv | Err(arcsec) | dRA(arcsec/h) | dDEC(arcsec/h) | Dg(ua) | Phase(deg)
 434 | Hungaria | 03 20 21.6777 | -06 28 22.447 | NEA>Amor | 19.7 | 0.011 | -31.5462 | 14.651 | 1.88425162489 | 6.38
 - | 2020 KU26 | 03 20 22.6777 | -06 28 23.447 | MB>Middle | 19.7 | 0.000 | -31.5462 | 14.651 | 1.88425162489 | 6.38
 599 | Jupiter | 03 20 23.6777 | -06 28 24.447 | Planet | -2.7 | 0.000 | -31.5462 | 14.651 | 1.88425162489 | 6.38
"""


PSV = (
    b"# version=2022\n# observatory\n! mpcCode 568\n"
    b"permID|trkSub|stn|obsTime|ra|dec|rmsRA|mag|band|sys|ctr|pos1|pos2|pos3\n"
    b"433|ab1|568|2026-06-01T01:02:03.4Z|10.5|-1.25|0.1|18.5|Vj||||\n"
    b"|ab2|247|2026-06-01T01:02:03.4Z|11.5|-1.25||||WGS84|399|10.0|20.0|300\n"
)
XML = (
    b"<?xml version='1.0' encoding='UTF-8'?>\n<ades version='2022'><optical><provID>2015 MQ204</provID><stn>568</stn>"
    b"<obsTime>2026-06-01T01:02:03.4Z</obsTime><ra>10.5</ra><dec>-1.25</dec><mag>18.5</mag></optical></ades>\n"
)
COLUMNS_80 = (
    b"00433         C2024 12 27.23807308 56 40.968+27 20 08.99         17.1 V      568\n"
    b"00433         S2024 12 30.25000 01 02 03.4  +01 02 03                        C51\n"
    b"00433         s2024 12 30.25000 1 - 5000.1234 + 4000.5678 - 1234.5678        C51\n"
)


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes
    ----------
    file : str
        A name for it; what tells kinds apart, too.
    damaged : callable
        Its content with damage that follows from a generator; sound where there is no generator.
    read : callable
        What stores it, or answers with it.
    """

    file: str
    damaged: Callable[[Random | None], bytes]
    read: Read


def kinds() -> Iterator[Kind]:
    """Every kind of file that is read. HDF5 is read in another process, and has tests of its own."""
    yield from _tables()
    yield from _maps()
    yield from _predictions()
    yield from _orbits()
    yield from _orbits_of_others()
    yield from _alerts()
    yield from _images()
    yield from _pixels()
    yield _of_text("observations.psv", PSV, ingest_observations, b"|")
    yield _of_text("observations.xml", XML, ingest_observations, b"<")
    yield _of_text("observations80.txt", COLUMNS_80, ingest_observations, b" ")


def _of_bytes(file: str, content: bytes, damage: Callable[[Random, bytes], bytes], read: Read) -> Kind:
    return Kind(file, lambda rng: content if rng is None else damage(rng, content), read)


def _of_text(file: str, content: bytes, read: Read, separator: bytes = b",") -> Kind:
    return _of_bytes(file, content, mutations.text(separator), read)


def _of_table(file: str, columns: Any, read: Read) -> Kind:
    """Damage to the table or, half of the times, to the file of the sound one."""
    table = pa.table(columns)
    sound = _written(table, file)

    def damaged(rng: Random | None) -> bytes:
        if rng is None:
            return sound
        if rng.random() < 0.5:
            return mutations.bytes_(rng, sound)
        try:
            return _written(mutations.table(rng, table), file)
        except Exception:  # a table that the format cannot hold makes no file
            return mutations.bytes_(rng, sound)

    return Kind(file, damaged, read)


def _written(table: pa.Table, file: str) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, file)
        write_columns(table, path)
        return path.read_bytes()


_OF_ORBIT = {
    "mpc_orb_jsonb": '{"magnitude_data": {"H": 18.1}, "orbit_fit_statistics": {"arc_length_total": "20 days"}}',
    "created_at": "2026-01-02 03:04:05",
    "h": 99.99,
    "nopp": 0,
}


def _tables() -> Iterator[Kind]:
    """The tables of the data model, and those of others with its columns, in every format."""
    sources = {
        **ingesting.sources(),
        "diaSourceId": list(range(901, 909)),
        "psfFlux": [1.5] * 8,
        "isDipole": [True] * 8,
    }
    predictions = {
        **ingesting.predictions(),
        "designation": ["2020 AA", "434", "2020 AA", "434"],
        "ephVmag": [20.5] * 4,
    }
    visits = {**ingesting.visits(), "exposureTime": [30.0, 30.0]}
    positions = {"id": ["a", "b"], "ra": [50.0, 51.0], "dec": [-5.0, -5.0], "midpointMjdTai": [60000.1, 60000.2]}
    forced = {"visit": [10, 20], "detector": [1, 2], "ra": [50.0, 51.0], "dec": [-5.0, -5.0], "band": ["r", "g"]}
    forced |= {"psfFlux": [100.0, -3.0], "psfFluxErr": [5.0, 6.0], "scienceFlux": [1e4, 2e4]}
    answered: Read = lambda database, path: named_query(database, "match-objects", upload=path).to_arrow()  # noqa: E731
    everything: tuple[tuple[str, Any, Read], ...] = (
        ("visits", visits, ingest_visits),
        ("sources", sources, ingest_sources),
        ("predictions", predictions, ingest_predictions),
        ("corners", ingesting.corners(), ingest_detectors),
        ("positions", positions, answered),
        ("forced", forced | {"diaObjectId": [1, 2]}, ingest_forced),
        ("limits", forced | {"designation": ["2020 AA", "434"]}, ingest_forced),
        ("orbits", orbit_files.columns(orbit_files.mpc_row(**_OF_ORBIT)), ingest_orbits),
        ("numbered", names.EROS, ingest_identifications),
        ("current", names.current(("2010 AB", "2011 CD5")), ingest_identifications),
    )
    for name, columns, read in everything:
        for ending in TABLE_ENDINGS:
            file = f"{name}{ending}"
            if ending == ".csv":
                yield _of_text(file, _written(pa.table(columns), file), read)
            elif ending == ".csv.gz":
                inner = mutations.compressed(mutations.text(b","))
                yield _of_bytes(file, gzip.compress(_written(pa.table(columns), "a.csv"), mtime=0), inner, read)
            else:
                yield _of_table(file, columns, read)
    planets = {"mp_number": ["433", "1931"], "name": ["Eros", "Čapek"], "reference": ["MPC", "MPC"]}
    comets = {"name": ["Halley"], "packed_primary_provisional_designation": ["PG82Q010"]}
    for name, columns in (("planets", planets), ("comets", comets)):
        yield _of_text(f"{name}.csv", _written(pa.table(columns), f"{name}.csv"), ingest_identifications)
        yield _of_table(f"{name}.parquet", columns, ingest_identifications)


def _maps() -> Iterator[Kind]:
    """Column maps of a sound table, and tables for a sound map."""

    def with_source(database: Database, path: Path) -> object:
        source = path.with_name("sound.csv")
        source.write_bytes(MAPPED)
        return ingest_sources(database, source, columns=path)

    def with_map(database: Database, path: Path) -> object:
        column_map = path.with_name("sound.yaml")
        column_map.write_bytes(MAP)
        return ingest_sources(database, path, columns=column_map)

    yield _of_bytes("map.yaml", MAP, mutations.yaml, with_source)
    yield _of_text("mapped.csv", MAPPED, with_map)


def _predictions() -> Iterator[Kind]:
    """What other programs and services predict."""
    row: dict[str, Any] = {
        "ObjID": "2011_OB60",
        "FieldID": 10,
        "fieldMJD_TAI": 60000.1,
        "RA_deg": 50.0,
        "Dec_deg": -5.0,
    }
    row |= {"RARateCosDec_deg_day": -0.5, "DecRate_deg_day": 0.25, "Range_LTC_km": KM, "phase_deg": 12.5}
    row |= {f"Obj_Sun_{axis}_LTC_km": KM for axis in "xyz"} | {f"Obj_Sun_v{axis}_LTC_km_s": 1.0 for axis in "xyz"}
    rows = [row, row | {"ObjID": "434", "FieldID": 20, "fieldMJD_TAI": 60000.2}]
    columns = orbit_files.columns(*rows)
    yield _of_text("sorcha.csv", _lines(rows, b","), ingest_predictions)
    yield _of_text("sorcha.txt", _lines(rows, b" "), ingest_predictions, b" ")
    compressed = gzip.compress(b"# a comment\n" + _lines(rows, b","), mtime=0)
    yield _of_bytes("sorcha.csv.gz", compressed, mutations.compressed(mutations.text(b",")), ingest_predictions)
    yield _of_table("sorcha.parquet", columns, ingest_predictions)
    yield _of_bytes("sorcha.db", _sqlite("sorcha_results", rows), mutations.bytes_, ingest_predictions)
    mpsky = partial(ingest_predictions, visit=10)
    answer = mpsky_answers.answer(
        ("2020 AA", "434", "C/2017 K2"), tmin=59999.9, tmax=60000.9, more=mpsky_answers.EXTENDED
    )
    yield _of_bytes("mpsky.arrow", answer, mutations.bytes_, mpsky)
    yield _of_text("skybot.txt", SKYBOT, partial(ingest_predictions, visit=10), b"|")
    votable = test_skybot.votable(test_skybot.AS_VOTABLE).replace("2015-02-18 07:06:53", "2023-02-25 02:23:23").encode()
    yield _of_text("skybot.vot", votable, partial(ingest_predictions, visit=10), b"<")
    visit = {"observationId": 11, "observationStartMJD": 60218.0, "visitTime": 34.0, "visitExposureTime": 30.0}
    visit |= {"fieldRA": 310.0, "fieldDec": -60.8, "band": "y"}
    yield _of_bytes("opsim.db", _sqlite("observations", [visit]), mutations.bytes_, ingest_visits)


def _orbits() -> Iterator[Kind]:
    """Orbits in the forms of the Minor Planet Center and of Sorcha."""
    lines = (orbit_files.CERES, orbit_files.PALLAS, orbit_files.ONE_OPPOSITION, orbit_files.HYPERBOLA)
    mpcorb = (orbit_files.HEADER + "".join(f"{line}\n" for line in lines)).encode()
    yield _of_text("MPCORB.DAT", mpcorb, ingest_orbits, b" ")
    yield _of_bytes(
        "MPCORB.DAT.gz", gzip.compress(mpcorb, mtime=0), mutations.compressed(mutations.text(b" ")), ingest_orbits
    )
    com: dict[str, Any] = {"ObjID": "K15MK4Q", "FORMAT": "COM", "q": 2.1, "e": 0.2, "inc": 10.0, "node": 20.0}
    com |= {"argPeri": 30.0, "t_p_MJD_TDB": 54700.0, "epochMJD_TDB": 54800.0}
    rows = [com, com | {"ObjID": "433", "e": 1.5}]
    yield _of_text("orbits.sorcha.csv", _lines(rows, b","), ingest_orbits)
    yield _of_text("orbits.sorcha.dat", _lines(rows, b" "), partial(ingest_orbits, simulated_names=True), b" ")
    yield _of_table("orbits.sorcha.parquet", orbit_files.columns(*rows), ingest_orbits)
    kep = {"ObjID": "433", "FORMAT": "BKEP", "a": 2.1, "e": 0.2, "inc": 10.0, "node": 20.0, "argPeri": 30.0, "ma": 4.0}
    yield _of_text("orbits.bkep.csv", _lines([kep | {"epochMJD_TDB": 54800.0}], b","), ingest_orbits)
    cart = dict(zip(("x", "y", "z", "xdot", "ydot", "zdot"), (1.0, 2.0, 0.5, 0.01, 0.002, 0.0), strict=True))
    state = {"ObjID": "433", "FORMAT": "CART", **cart, "epochMJD_TDB": 54800.0}
    yield _of_text("orbits.cart.csv", _lines([state], b","), ingest_orbits)


def _orbits_of_others() -> Iterator[Kind]:
    """Orbits and names in other forms of the Minor Planet Center's, and in those of JPL, kete, layup and astroquery."""
    records = [
        others.extended(orbit_files.CERES) | {"Number": "(1)", "Principal_desig": "A801 AA", "Arc_length": "33 days"},
        others.extended(orbit_files.PALLAS) | {"Principal_desig": "2015 MQ204", "Other_desigs": ["2010 AB"]},
    ]
    extended = json.dumps(records, indent=0).encode()
    yield _of_text("mpcorb_extended.json", extended, ingest_orbits)
    zipped = gzip.compress(extended, mtime=0)
    yield _of_bytes("nea_extended.json.gz", zipped, mutations.compressed(mutations.text(b",")), ingest_identifications)
    yield _of_text("NumberedMPs.txt", names.NUMBERED_MPS.encode(), ingest_identifications, b" ")
    yield _of_text("CometEls.txt", others.COMETS.encode(), ingest_orbits, b" ")
    of_json = {
        "cometels.json": [others.COMET],
        "mpc_orb.json": others.MPC_ORB,
        "get-orb.json": [{"mpc_orb": [others.MPC_ORB]}, 200],
        "sbdb_query.json": others.query(others.SBDB),
        "sbdb.json": others.one_object(forces={"A2": -1e-14, "NM": 2.0}),
    }
    for name, content in of_json.items():
        yield _of_text(name, json.dumps(content, indent=0).encode(), ingest_orbits)
    state = dict(zip(("x", "y", "z", "vx", "vy", "vz"), (1.0, 2.0, 0.5, 0.01, 0.002, 0.0), strict=True))
    covariance = {f"cov_{row}_{column}": 1e-8 * (row == column) for row in range(6) for column in range(6)}
    layup = {"provID": "433", "FORMAT": "COM", "q": 1.13, "e": 0.2, "inc": 10.0, "node": 20.0, "argPeri": 30.0}
    layup |= {"t_p_MJD_TDB": 54700.0, "epochMJD_TDB": 54800.0, "flag": 0} | covariance
    of_tables = {
        "sbdb.csv": others.SBDB,
        "dp1.parquet": others.DP1,
        "kete.csv": others.KETE,
        "kete.parquet": {"desig": "433", "jd": 2461000.5, "center": 10} | state,
        "horizons.ecsv": others.HORIZONS,
        "layup.csv": layup,
    }
    for name, row in of_tables.items():
        if name.endswith(".csv"):
            yield _of_text(name, _lines([row], b","), ingest_orbits)
        else:
            yield _of_table(name, orbit_files.columns(row), ingest_orbits)


def _alerts() -> Iterator[Kind]:
    """Packets of Rubin's and of ZTF's."""
    read = partial(ingest_alerts, create_visits=True, with_ss=True)
    rubin = alert_files.rubin_packets()
    yield _of_bytes(
        "alerts.avro", alert_files.container(alert_files.rubin_schema("11.1"), rubin), mutations.bytes_, read
    )
    yield _of_bytes("alerts.messages", alert_files.messages("11.0", rubin), mutations.bytes_, read)
    ztf = alert_files.container(alert_files.ZTF_SCHEMA, [alert_files.ztf_packet(ssnamenr="433", ssdistnr=1.0)])
    yield _of_bytes("alerts.ztf.avro", ztf, mutations.bytes_, read)


def _images() -> Iterator[Kind]:
    """Images and bare headers."""
    cards = images.header(width=200, height=100, VISIT=10, DETECTOR=5, **images.SIP)
    cards.update({"DATE-OBS": "2023-02-25T02:23:23", "EXPTIME": 30.0, "FILTER": "r", "BUNIT": "nJy"})
    ends = cards.tostring(sep="\n", padding=False).encode()
    tpv = images.header("TPV", width=200, height=100, VISIT=30, DETECTOR=5, **images.TPV)
    tpv.update({"MJD-OBS": 60000.1, "EXPTIME": 30.0})
    made = partial(ingest_detectors, create_visits=True)
    kept = partial(ingest_detectors, keep_wcs=True)
    primary = images.hdu(cards, fits.PrimaryHDU)
    second = images.hdu(images.header(width=200, height=100, VISIT=10, DETECTOR=6))
    second.header["LONG"] = "a text that goes on " * 8
    yield _of_bytes("image.fits", _fits(primary), _cards, kept)
    yield _of_bytes("images.fits", _fits(primary, second), _cards, ingest_detectors)
    yield _of_bytes("created.fits", _fits(images.hdu(tpv, fits.PrimaryHDU)), _cards, made)
    packed = fits.CompImageHDU(np.zeros((100, 200), np.int16), header=cards, compression_type="RICE_1")
    yield _of_bytes("image.fits.fz", _fits(fits.PrimaryHDU(), packed), _cards, ingest_detectors)
    zipped = gzip.compress(_fits(primary), mtime=0)
    yield _of_bytes("image.fits.gz", zipped, mutations.compressed(_cards), ingest_detectors)
    yield _of_bytes("image.hdr", ends, mutations.text(b"="), kept)
    yield _of_bytes("created.head", tpv.tostring(sep="\n", padding=False).encode(), mutations.text(b"="), made)


def _pixels() -> Iterator[Kind]:
    """Difference images whose pixels are read, and PSFs."""
    cards = images.header(width=40, height=30, VISIT=10, DETECTOR=1, BUNIT="nJy")
    pixels = np.random.default_rng(1).normal(0.0, 5.0, (30, 40)).astype(np.float32)
    mask = fits.ImageHDU(np.zeros((30, 40), np.int32), name="MASK")
    mask.header["MP_BAD"] = 0
    noise = fits.ImageHDU(np.full((30, 40), 25.0, np.float32), name="VARIANCE")
    sound = _fits(fits.PrimaryHDU(), fits.ImageHDU(pixels, cards), mask, noise)

    def with_psf(database: Database, path: Path) -> object:
        image = path.with_name("sound.fits")
        image.write_bytes(sound)
        return forced_photometry(database, [image], PhotometryConfig(psf=path))

    gaussian: Read = lambda database, path: forced_photometry(database, [path], PhotometryConfig(fwhm=0.8))  # noqa: E731
    yield _of_bytes("difference.fits", sound, _cards, gaussian)
    packed = fits.CompImageHDU(pixels, header=cards, compression_type="GZIP_1", quantize_level=0)
    yield _of_bytes("difference.fits.fz", _fits(fits.PrimaryHDU(), packed), _cards, gaussian)
    stamp = GaussianProfile().stamp(half=7)
    yield _of_bytes("psf.fits", _fits(fits.PrimaryHDU(stamp)), _cards, with_psf)
    column = fits.Column(
        "PSF_MASK", "675E", dim="(15,15,3)", array=[np.array([stamp, 0 * stamp, 0 * stamp], np.float32)]
    )
    model = fits.BinTableHDU.from_columns([column], name="PSF_DATA")
    model.header.update({"POLNAME1": "X_IMAGE", "POLNAME2": "Y_IMAGE", "POLDEG1": 1, "PSF_SAMP": 1.0})
    model.header.update({"POLZERO1": 20.0, "POLSCAL1": 40.0, "POLZERO2": 15.0, "POLSCAL2": 30.0})
    yield _of_bytes("psfex.psf.fits", _fits(fits.PrimaryHDU(), model), _cards, with_psf)
    # Sampled four times a pixel.
    grid = fits.PrimaryHDU(np.array([16 * GaussianProfile(7.0, 7.0).stamp(half=14)] * 4))
    grid.header.update({"NXPSFS": 2, "NYPSFS": 2, "IPSFX01": 1, "IPSFX02": 40, "JPSFY01": 1, "JPSFY02": 30})
    yield _of_bytes("STDPSF_ACSWFC_F814W.fits", _fits(grid), _cards, with_psf)


def _cards(rng: Random, content: bytes) -> bytes:
    """Damage to the cards of a FITS file, which keeps its length."""
    if rng.random() < 0.4:
        return mutations.bytes_(rng, content)
    changed = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        start = 80 * rng.randrange(min(len(content) // 80, 120))
        kind = rng.randrange(4)
        if kind == 0:
            new = rng.choice(mutations.NUMBERS + mutations.TEXTS)[:70]
            changed[start + 10 : start + 10 + len(new)] = new
        elif kind == 1:
            other = 80 * rng.randrange(min(len(content) // 80, 120))
            changed[start : start + 80] = changed[other : other + 80]
        elif kind == 2:
            odd = (
                b"CONTINUE  'a&'",
                b"CONTINUE 3",
                b"HIERARCH a = ",
                b"= = =",
                b"END",
                b"COMMENT \xe9",
                b"NAXIS   = 'two'",
            )
            changed[start : start + 80] = rng.choice(odd).ljust(80)
        else:
            place = start + rng.randrange(80)
            changed[place] = rng.choice(b"\0\n'=/\xe9\x7f ")
    return bytes(changed)


def _lines(rows: list[dict[str, Any]], separator: bytes) -> bytes:
    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    return b"".join(separator.join(cell.encode() for cell in line) + b"\n" for line in lines)


def _sqlite(table: str, rows: list[dict[str, Any]]) -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE {table} ({', '.join(rows[0])})")
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", [tuple(row.values()) for row in rows])
        connection.commit()
        return connection.serialize()


def _fits(*hdus: Any) -> bytes:
    file = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(file)
    return file.getvalue()
