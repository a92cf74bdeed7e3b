"""Reads orbits of JPL's Small-Body Database: answers of its two services, and tables of their columns.

https://ssd-api.jpl.nasa.gov/doc/sbdb_query.html (many objects: JSON of ``fields`` and ``data``, or CSV) and
https://ssd-api.jpl.nasa.gov/doc/sbdb.html (one object, with its covariance). Elements are heliocentric, in the J2000
mean ecliptic, times JD TDB; accelerations au/d^2. The magnitudes of comets (M1, K1, M2, K2) are of other laws than H
and G, and are not taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.ephemeris.constants import SUNLIGHT, WATER_AU, WATER_POWERS, WATER_SCALE
from ssdb.ephemeris.elements import keplerian_to_cometary, of_ellipses
from ssdb.errors import InputError, quoted, shown
from ssdb.ingest.formats.mpc_orb_json import JSON, mpc_orb_of
from ssdb.ingest.formats.mpc_orbits import Dialect, Translated, blocks_of
from ssdb.ingest.formats.orbit_block import ROWS_PER_BLOCK, OrbitBlock, Part
from ssdb.ingest.formats.translating import (
    JD,
    as_mask,
    designated,
    mjd_of,
    numbers,
    part_of_values,
    rows_of,
    texts,
)
from ssdb.io.input_file import InputFile
from ssdb.io.json_items import json_items
from ssdb.units import Array, Mask

_ELEMENTS = {
    **{"e": "e", "q": "q", "i": "i", "om": "node", "w": "argperi", "tp": "peri_time"},
    **{"a": "a", "ma": "mean_anomaly", "n": "mean_motion", "per": "period"},
}
_FORCES = ("A1", "A2", "A3", "DT", "AMRAT")
_OTHERS = {
    **{"epoch": "epoch_mjd", "epoch_mjd": "epoch_mjd", "H": "h", "G": "g", "moid": "earth_moid"},
    **{"n_obs_used": "nobs_total_sel", "n_opp": "nopp", "data_arc": "arc_length_sel", "rms": "normalized_rms"},
}
_SIGMAS = {f"sigma_{theirs}": f"{ours}_unc" for theirs, ours in _ELEMENTS.items()}
_NUMBERS = _ELEMENTS | _OTHERS | _SIGMAS | dict.fromkeys((*_FORCES, "M1", "K1"), "a1")
_LAW, _TOLD = "law of forces", "told"  # columns that are of answers about one object alone
_TEXTS = ("full_name", "pdes", "prefix", "name", "kind", "class", "condition_code", JSON, _LAW, _TOLD)

_COMET = r"^(?:[PCDXAI]/|\d+[PDI]\b)"
_COMET_CLASSES = pa.array(["COM", "CTc", "ETc", "HTC", "HYP", "JFC", "JFc", "PAR"])
_NAMED = r"^\d+ (?P<name>[^\d(].*?)(?: \([^()]*\))?$"

_OF_COVARIANCE = {"q": "q", "e": "e", "i": "i", "node": "node", "peri": "argperi", "tp": "peri_time"}
_JPL_OF = {"q": "q", "e": "e", "i": "i", "node": "om", "peri": "w", "tp": "tp"}
"""What the elements of a covariance are called in mpc_orb, in its order, and among JPL's elements."""

_WATER = {"ALN": WATER_SCALE, "NM": WATER_POWERS[0], "NN": WATER_POWERS[1], "NK": WATER_POWERS[2], "R0": WATER_AU}
_SQUARE = {"ALN": 1.0, "NM": 2.0, "NK": 0.0, "R0": 1.0}
"""How forces fall off with the distance r from the Sun: ALN (r / R0)^-NM (1 + (r / R0)^NN)^-NK."""
_ICE, _LIGHT = "ice", "light"
_FORCES_OF = {
    _ICE: {"A1": ("A1", 1.0), "A2": ("A2", 1.0), "A3": ("A3", 1.0), "DT": ("DT", 1.0)},
    _LIGHT: {"A1": ("srp", 1.0 / SUNLIGHT), "A2": ("yarkovsky", 1e10), "AMRAT": ("srp", 1e3)},
}
"""What JPL's forces of either law are called in mpc_orb, and what one of their units is of its units."""


def _translated(table: pa.Table) -> Translated:
    values = {name: numbers(table, name) for name in _NUMBERS}
    designations, is_comet, without_prefix = _objects(table, values)
    epoch = np.where(np.isnan(values["epoch"]), values["epoch_mjd"], mjd_of(values["epoch"]))
    q, e, peri_time = values["q"], values["e"], mjd_of(values["tp"])
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(values["a"]) & (e != 1)
        other_q, other_time = keplerian_to_cometary(values["a"], np.where(usable, e, 0.0), values["ma"], epoch)
    q = np.where(np.isnan(q) & usable, other_q, q)
    peri_time = np.where(np.isnan(peri_time) & usable, other_time, peri_time)
    columns = {ours: values[theirs] for theirs, ours in (_ELEMENTS | _OTHERS | _SIGMAS).items()}
    columns |= {"q": q, "peri_time": peri_time, "epoch_mjd": epoch}
    columns |= of_ellipses(q, e, peri_time, epoch)
    law = texts(table, _LAW)
    columns |= _forces(values, np.where(law.is_null().to_numpy(False), is_comet, as_mask(pc.equal(law, _ICE))))
    code = texts(table, "condition_code")
    columns["u_param"] = pc.if_else(pc.match_substring_regex(code, r"^\d$"), code, None).cast(pa.int32())
    if JSON in table.column_names:
        columns[JSON] = table.column(JSON).combine_chunks()
    full = texts(table, "full_name")
    named = pc.coalesce(texts(table, "name"), pc.struct_field(pc.extract_regex(full, _NAMED), "name"))
    names = pc.if_else(pa.array(is_comet), full, named)
    problems = {
        "a comet without C/ or P/ before its designation: ask for full_name, or prefix": without_prefix,
        "the epoch of the elements is not known (epoch, or epoch_mjd)": np.isnan(epoch),
        "the time of perihelion is not known (tp; or a, e and ma)": np.isnan(peri_time),
    }
    told = texts(table, _TOLD)
    unknown = {text: as_mask(pc.equal(told, text)) for text in pc.unique(told.drop_null()).to_pylist()}
    return Translated(rows_of(columns | designations), problems, unknown, names, _rounded(e, values["om"]))


def _objects(table: pa.Table, values: dict[str, Array]) -> tuple[dict[str, pa.Array], Mask, Mask]:
    """Designations; which objects are comets; which of these are not to be told from asteroids of the same letters."""
    full, pdes, prefix = (texts(table, name) for name in ("full_name", "pdes", "prefix"))
    kind, class_ = texts(table, "kind"), texts(table, "class")
    given = pc.if_else(
        pa.array(as_mask(pc.match_substring_regex(full, _COMET)) | pc.is_null(pdes).to_numpy(False)), full, pdes
    )
    with_prefix = pc.binary_join_element_wise(prefix, given, "/")
    has_prefix = as_mask(pc.match_substring_regex(given, _COMET))
    given = pc.if_else(pa.array(has_prefix), given, pc.coalesce(with_prefix, given))
    complete = as_mask(pc.match_substring_regex(given, _COMET))
    said = as_mask(pc.match_substring_regex(kind, "^c")) | as_mask(pc.is_in(class_, _COMET_CLASSES))
    said |= np.isfinite(values["M1"]) | np.isfinite(values["K1"])
    # Asteroids that are active have M1, too, and a number or H.
    without = said & ~complete & np.isnan(values["H"]) & ~as_mask(pc.match_substring_regex(given, r"^\(?\d+\)?( |$)"))
    without |= as_mask(pc.match_substring_regex(kind, "^c")) & ~complete
    unnamed = pc.and_(pc.is_null(full), pc.is_null(prefix)).to_numpy(False)
    without |= unnamed & (values["e"] >= 1) & ~complete
    return designated(given), complete | said, without


def _forces(values: dict[str, Array], icy: Mask) -> dict[str, Array]:
    """Accelerations as mpc_orbits has them: those of ice, and those of warm ground and sunlight."""
    tenth = {name: 1e10 * values[name] for name in ("A1", "A2", "A3")}
    area = np.where(np.isnan(values["AMRAT"]), values["A1"] / SUNLIGHT, 1e3 * values["AMRAT"])
    of_ice = {"a1": tenth["A1"], "a2": tenth["A2"], "a3": tenth["A3"], "dt": values["DT"]}
    of_light = {"yarkovsky": tenth["A2"], "srp": area}
    forces = {name: np.where(icy, array, np.nan) for name, array in of_ice.items()}
    return forces | {name: np.where(icy, np.nan, array) for name, array in of_light.items()}


def _rounded(e: Array, node: Array) -> tuple[str, ...]:
    """What is to be told of elements that all have few digits."""
    if not len(e) or not all(np.allclose(array, np.round(array, 4), rtol=0, atol=1e-9) for array in (e, node)):
        return ()
    return ("the elements look rounded (without full-prec, JPL does that): positions may be minutes of arc off",)


SBDB = Dialect("sbdb", frozenset({"e", "om", "w"}), _NUMBERS, _TEXTS, _translated)
"""Tables of the columns of the Small-Body Database."""


def read_sbdb(given: InputFile) -> Iterator[OrbitBlock]:
    """Orbits of an answer of the Small-Body Database as JSON, in blocks of rows from 1.

    Of one object the covariance is kept, with the elements of its epoch where that is another. InputError if the file
    is not there, not readable, truncated, an error of JPL's, or has no orbit.
    """
    return blocks_of(_json_parts(given), SBDB, given.path)


def _json_parts(given: InputFile) -> Iterator[Part]:
    document: dict[str | None, Any] = {}
    rows: list[list[Any]] = []
    before = 0
    for key, value in json_items(given, streamed=("data",)):
        if key != "data":
            document[key] = value
            continue
        if not isinstance(value, list) or ("fields" in document and len(value) != len(document["fields"])):
            raise InputError(f"{given.path}: row {before + len(rows) + 1} has not as many values as there are fields")
        rows.append(value)
        if len(rows) == ROWS_PER_BLOCK and "fields" in document:
            yield part_of_values(rows, document["fields"], before)
            before, rows = before + len(rows), []
    if "fields" in document:
        yield part_of_values(rows, document["fields"], before)
    elif "orbit" in document:
        one = _of_object(document, given.path)
        yield part_of_values([list(one.values())], list(one), 0)
    else:
        said = "; ".join(str(document[key]) for key in ("message", "error") if key in document)
        raise InputError(f"{given.path}: there is no orbit in it" + (f"; JPL says {quoted(said)}" if said else ""))


def _of_object(document: Mapping[str | None, Any], path: str) -> dict[str, Any]:
    """A row of the columns of a query, from an answer about one object."""
    try:
        object_, orbit = document["object"], document["orbit"]
        row = {"full_name": object_.get("fullname"), "pdes": object_.get("des")}
        row |= {name: object_.get(name) for name in ("prefix", "kind")}
        row |= _elements(orbit["elements"])
        row |= {name: orbit.get(name) for name in ("epoch", "moid", "rms", "n_obs_used", "data_arc", "condition_code")}
        row |= {one["name"]: one["value"] for one in document.get("phys_par") or [] if one["name"] in ("H", "G")}
        forces = {one["name"]: float(one["value"]) for one in orbit.get("model_pars") or []}
        law = _law(forces)
        known = _FORCES_OF.get(law or "", {})
        row |= {_LAW: law} | {name: value for name, value in forces.items() if name in known}
        others = [name for name in forces if name not in known and name not in _WATER]
        if others or law is None:
            row[_TOLD] = f"not modelled are the forces {shown(others or forces)}"
        return row | _covariance(row, orbit, known)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: not an object as JPL's Small-Body Database has it ({quoted(error)})") from None


def _elements(elements: list[dict[str, Any]]) -> dict[str, Any]:
    values = {one["name"]: one["value"] for one in elements}
    return values | {f"sigma_{one['name']}": one.get("sigma") for one in elements}


def _law(forces: Mapping[str, float]) -> str | None:
    """By which law forces fall off with the distance, as far as there is one that is modelled."""
    given = {name: forces[name] for name in _WATER if name in forces}
    for law, numbers_ in ((_ICE, _WATER), (_LIGHT, _SQUARE)):
        if all(name in numbers_ and np.isclose(value, numbers_[name], rtol=1e-3) for name, value in given.items()):
            return _LIGHT if not given and "AMRAT" in forces else law
    return None


def _covariance(row: Mapping[str, Any], orbit: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The covariance as JSON of the Minor Planet Center's kind, and the elements of its epoch."""
    given = orbit.get("covariance")
    if not given or not given.get("data"):
        return {}
    found: dict[str, Any] = {}
    if given.get("elements"):
        without = dict.fromkeys(("a", "ma", "sigma_a", "sigma_ma", "sigma_n", "sigma_per"))
        found = without | {"epoch": given["epoch"]} | _elements(given["elements"])
    elif float(given["epoch"]) != float(orbit["epoch"]):
        return {}
    elements = {**row, **found}
    labels = given["labels"]
    names = [name for name in _OF_COVARIANCE if name in labels] + [name for name in known if name in labels]
    places = [labels.index(name) for name in names]
    factors = np.array([1.0 if name in _OF_COVARIANCE else known[name][1] for name in names])
    matrix = np.array(given["data"], dtype=float)[np.ix_(places, places)] * np.outer(factors, factors)
    values = [float(elements[_JPL_OF[name]]) for name in names[:6]] + [
        float(row[name]) * factor for name, factor in zip(names[6:], factors[6:], strict=True)
    ]
    values[names.index("tp")] -= JD
    called = [*(_OF_COVARIANCE[name] for name in names[:6]), *(known[name][0] for name in names[6:])]
    return found | {JSON: mpc_orb_of("COM", called, values, matrix, float(given["epoch"]) - JD)}
