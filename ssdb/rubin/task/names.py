"""Names of columns in Rubin's tables, and their units where the table itself does not say.

Of each column of the data model the first name that a table has is taken. Names are those of the ``src`` catalogs and
their successors (afw: coord_ra, base_*, slot_*), of the transformed tables (sourceId, ra, psfFlux), and of the
tables of Solar System objects (ObjID, the columns of SkyBoT's text).
"""

from __future__ import annotations

from dataclasses import dataclass

from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.survey import ss_prediction


@dataclass(frozen=True, slots=True)
class Named:
    """A column of a table: its name, and the unit that it has where the table does not say."""

    column: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """A flux in counts of the image and its error, to be calibrated; the columns' names."""

    flux: str
    error: str


_Known = dict[str, tuple[str | Named, ...]]

_POSITIONS_AND_MORE: _Known = {
    "diaSourceId": ("sourceId", "id"),
    "parentDiaSourceId": ("parentSourceId", "parent"),
    "visit": ("visitId",),
    "ra": (Named("coord_ra", "rad"),),
    "dec": ("decl", Named("coord_dec", "rad")),
    "raErr": (Named("coord_raErr", "rad"),),
    "decErr": ("declErr", Named("coord_decErr", "rad")),
    "ra_dec_Cov": (Named("coord_ra_dec_Cov", "rad2"),),
    "x": ("slot_Centroid_x", "base_SdssCentroid_x"),
    "xErr": ("slot_Centroid_xErr", "base_SdssCentroid_xErr"),
    "y": ("slot_Centroid_y", "base_SdssCentroid_y"),
    "yErr": ("slot_Centroid_yErr", "base_SdssCentroid_yErr"),
    "centroid_flag": ("slot_Centroid_flag", "base_SdssCentroid_flag"),
    "psfFlux": ("slot_PsfFlux_flux", "base_PsfFlux_flux"),
    "psfFluxErr": ("slot_PsfFlux_fluxErr", "base_PsfFlux_fluxErr"),
    "psfFlux_flag": ("slot_PsfFlux_flag", "base_PsfFlux_flag"),
    "psfFlux_flag_edge": ("slot_PsfFlux_flag_edge", "base_PsfFlux_flag_edge"),
    "psfFlux_flag_noGoodPixels": ("slot_PsfFlux_flag_noGoodPixels", "base_PsfFlux_flag_noGoodPixels"),
    "apFlux": ("base_CircularApertureFlux_12_0_flux",),
    "apFluxErr": ("base_CircularApertureFlux_12_0_fluxErr",),
    "apFlux_flag": ("base_CircularApertureFlux_12_0_flag",),
    "apFlux_flag_apertureTruncated": ("base_CircularApertureFlux_12_0_flag_apertureTruncated",),
    "psfChi2": ("slot_PsfFlux_chi2", "base_PsfFlux_chi2"),
    "psfNdata": ("slot_PsfFlux_npixels", "base_PsfFlux_npixels"),
    "trailRa": (Named("ext_trailedSources_Naive_ra", "rad"),),
    "trailDec": (Named("ext_trailedSources_Naive_dec", "rad"),),
    "trailAngleErr": (Named("ext_trailedSources_Naive_angleErr", "rad"),),
    "trailAlgorithm": ("ext_trailedSources_Naive_algorithmKey",),
    "dipoleChi2": ("ip_diffim_DipoleFit_chi2dof",),
    "dipoleNdata": ("ip_diffim_DipoleFit_nData",),
    "dipoleFitAttempted": ("ip_diffim_DipoleFit_classificationAttempted",),
    "isDipole": ("ip_diffim_DipoleFit_classification",),
    "isNegative": ("is_negative",),
    "extendedness": ("base_ClassificationSizeExtendedness_value", "base_ClassificationExtendedness_value"),
}

COUNTS = {
    "psfFlux": (
        Counts("slot_PsfFlux_instFlux", "slot_PsfFlux_instFluxErr"),
        Counts("base_PsfFlux_instFlux", "base_PsfFlux_instFluxErr"),
    ),
    "apFlux": (
        Counts("slot_ApFlux_instFlux", "slot_ApFlux_instFluxErr"),
        Counts("base_CircularApertureFlux_12_0_instFlux", "base_CircularApertureFlux_12_0_instFluxErr"),
    ),
    "scienceFlux": (Counts("ip_diffim_forced_PsfFlux_instFlux", "ip_diffim_forced_PsfFlux_instFluxErr"),),
    "templateFlux": (
        Counts("ip_diffim_forced_template_PsfFlux_instFlux", "ip_diffim_forced_template_PsfFlux_instFluxErr"),
    ),
    "trailFlux": (Counts("ext_trailedSources_Naive_flux", "ext_trailedSources_Naive_fluxErr"),),
}
"""Fluxes of DiaSource that a table may have in counts, where it has none that is calibrated."""

_FLAG_PREFIXES = {
    "pixelFlags": "base_PixelFlags_flag",
    "forced_PsfFlux_flag": "ip_diffim_forced_PsfFlux_flag",
    "apFlux_flag": "slot_ApFlux_flag",
    "shape_flag": "slot_Shape_flag",
    "trail_flag": "ext_trailedSources_Naive_flag",
}
"""How the names of flags begin, by how those of DiaSource do."""

_FLAGS: _Known = {
    column.name: (theirs + column.name.removeprefix(ours), *_POSITIONS_AND_MORE.get(column.name, ()))
    for ours, theirs in _FLAG_PREFIXES.items()
    for column in dia_source.columns
    if column.name.startswith(ours)
}

_PREDICTIONS: _Known = {
    "designation": (
        "MPCORB_unpacked_primary_provisional_designation",
        "unpacked_primary_provisional_designation",
        "ObjID",
        "packed_desig",
        "mpcDesignation",
    ),
    "visit": ("visitId",),
    "ephRa": (Named("ra", "deg"),),
    "ephDec": (Named("dec", "deg"), Named("decl", "deg")),
    "ephVmag": ("Vmag", "Mv", "trailedSourceMagTrue"),
    "ephRateRa": (Named("dRA(arcsec/h)", "arcsec/h"),),
    "ephRateDec": (Named("dDEC(arcsec/h)", "arcsec/h"),),
    "topoRange": (Named("Dg(ua)", "AU"),),
    "phaseAngle": (Named("Phase(deg)", "deg"),),
    "elongation": (Named("SunElong(deg)", "deg"),),
}

SKYBOT_ERROR = Named("Err(arcsec)", "arcsec")
"""SkyBoT's error of a position; in the tables made of mpSky's answers it is a constant that says nothing."""

POLYNOMIALS = tuple(f"{who}_{axis}_poly" for who in ("obj", "obs") for axis in "xyz")
"""mpSky's coefficients in Rubin's tables: of the object, then of the observer."""


def _complete(known: _Known, columns: list[str]) -> dict[str, tuple[Named, ...]]:
    """All columns with the names that they may have, their own first."""
    return {
        column: tuple(name if isinstance(name, Named) else Named(name) for name in (column, *known.get(column, ())))
        for column in columns
    }


SOURCE_NAMES = _complete(
    {**_POSITIONS_AND_MORE, **_FLAGS}, [column.name for column in dia_source.columns if column.computed is None]
)
"""Columns of DiaSource, and the names that they may have."""

PREDICTION_NAMES = _complete(_PREDICTIONS, [column.name for column in ss_prediction.columns])
"""Columns of SsPrediction, and the names that they may have."""
