"""The association of one detector's sources in memory."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from typing import Any

from ssdb import __version__
from ssdb.ask.association_result import AssociationResult
from ssdb.association.results import rows_of_matches
from ssdb.association.stages import Stages
from ssdb.config import AssociationConfig
from ssdb.errors import AssociationError, NoWorkFound, SsdbError
from ssdb.rubin.task.detector import find_matches, load
from ssdb.rubin.task.exposures import as_exposure
from ssdb.rubin.task.predictions import prediction_rows
from ssdb.rubin.task.result import result_of
from ssdb.rubin.task.sources import source_rows

logger = logging.getLogger(__name__)


class SsSingleFrameAssociation:
    """Tells which sources of one detector are which known Solar System objects, without a database of one's own.

    What goes in and comes out is what Rubin's ``SsSingleFrameAssociationTask`` has. Matches are the same as those of a
    database, found on arrays; no call sees anything of another. Calls from several threads at a time are possible.

    ``skip_invalid`` leaves out, and counts in ``metadata``, sources and predictions that are not usable (a NaN
    coordinate, say), instead of raising InputError.

    ``metadata`` is of the last call that succeeded, empty after one that did not: nSources, nExpectedSsObjects,
    nAssociatedSsObjects, nInvalidSources, nInvalidSsObjects (left out on request), doubts (what looks wrong in the
    tables and may be right; logged, too), configuration, version (of ssdb), seconds, and timings: seconds and rows by
    stage.
    """

    def __init__(self, config: AssociationConfig | None = None, *, skip_invalid: bool = False) -> None:
        self.config = config or AssociationConfig()
        self.skip_invalid = skip_invalid
        self.metadata: dict[str, Any] = {}

    def run(
        self, exposure: Any, sourceTable: Any, band: str | None = None, solarSystemObjectTable: Any = None
    ) -> AssociationResult:
        """Associates the sources of one detector.

        Parameters
        ----------
        exposure : Exposure
            Where and when: an :class:`ssdb.Exposure`, an image of Rubin's, a FITS header, or an object with an astropy
            WCS, a shape and a time.
        sourceTable : table
            Its sources: an astropy Table, a pyarrow Table, a pandas DataFrame, a mapping of columns or an afw catalog,
            with the columns of DiaSource (at least diaSourceId, ra, dec) or the names that Rubin's tables have for
            them (id, coord_ra in radians, base_PsfFlux_instFlux, ...).
        band : str, optional
            Filter, where the sources do not say; without it that of the exposure.
        solarSystemObjectTable : table
            Objects predicted to be around, with the columns of SsPrediction (at least designation, ephRa, ephDec), as
            Rubin makes it of answers of mpSky (polynomials) or SkyBoT, or as Sorcha writes it. No rows: none is known.

        Returns
        -------
        AssociationResult
            Its tables have the columns of DiaSource, SSSource and SsPrediction, and no others of the given ones: join
            these by diaSourceId.

        Raises
        ------
        NoWorkFound
            If there is no table of predictions.
        DuplicateSourceError
            If two sources have the same identifier.
        InputError, DesignationError
            If an input is not usable; the message names the argument and the rows.
        AssociationError
            If the sources cannot be associated, since their times are not those of the predictions, say.
        """
        self.metadata = {}
        if solarSystemObjectTable is None:
            raise NoWorkFound("solarSystemObjectTable is None: there are no predictions to associate sources with")
        started = time.perf_counter()
        stages = Stages()
        with stages.timed("prepare") as stage:
            known = as_exposure(exposure, band)
            sources = source_rows(sourceTable, known, skip_invalid=self.skip_invalid)
            predictions = prediction_rows(solarSystemObjectTable, known, skip_invalid=self.skip_invalid)
            stage.rows += sources.num_rows + predictions.num_rows
        with stages.timed("load") as stage:
            loaded = load(known, sources, predictions, skip_invalid=self.skip_invalid)
            stage.rows += loaded.sources.num_rows + loaded.predictions.num_rows
        for doubt in loaded.doubts:
            logger.warning("%s", doubt)
        try:
            batch, matches = find_matches(loaded, self.config, stages.timed)
        except SsdbError as error:
            raise AssociationError(f"{known.name}: {error}") from error
        except Exception as error:
            raise AssociationError(f"{known.name}: {type(error).__name__}: {error}") from error
        with stages.timed("write") as stage:
            rows = rows_of_matches(matches)
            stage.rows += rows.num_rows
        with stages.timed("result"):
            result = result_of(loaded.sources, loaded.predictions, rows, batch, matches)
        self.metadata = {
            "nSources": loaded.sources.num_rows,
            "nExpectedSsObjects": result.nTotalSsObjects,
            "nAssociatedSsObjects": result.nAssociatedSsObjects,
            "nInvalidSources": loaded.invalid_sources,
            "nInvalidSsObjects": loaded.invalid_predictions,
            "doubts": list(loaded.doubts),
            "configuration": asdict(self.config),
            "version": __version__,
            "seconds": time.perf_counter() - started,
            "timings": stages.as_dict(),
        }
        return result
