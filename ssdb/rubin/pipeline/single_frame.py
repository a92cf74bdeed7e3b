"""Rubin's single-frame association: the PipelineTask with its connections and configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from lsst.pex.config import ChoiceField, ConfigurableField, Field, FieldValidationError, RangeField
from lsst.pipe.base import NoWorkFound, PipelineTask, PipelineTaskConfig, PipelineTaskConnections, Struct
from lsst.pipe.base.connectionTypes import Input, Output
from lsst.utils.timer import timeMethod

from ssdb.io.image.detector_image import Exposure
from ssdb.rubin.pipeline.associator import SolarSystemAssociationConfig, SolarSystemAssociationTask
from ssdb.rubin.pipeline.record import record
from ssdb.rubin.task.exposures import as_exposure
from ssdb.rubin.task.predictions import prediction_rows
from ssdb.rubin.task.sources import source_rows
from ssdb.store.urls import masked, passwords

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from lsst.pipe.base import InputQuantizedConnection, OutputQuantizedConnection, QuantumContext

_ONE_DETECTOR = ("instrument", "visit", "detector")


class SsSingleFrameAssociationConnections(
    PipelineTaskConnections, dimensions=_ONE_DETECTOR, defaultTemplates={"fakesType": ""}
):
    """What is read and written for one detector of one visit; names, types and dimensions are those of Rubin's task."""

    exposure = Input(
        doc="Exposure from which the source table was made, or the FITS header of its image.",
        name="initial_pvi",
        storageClass="ExposureF",
        dimensions=_ONE_DETECTOR,
    )
    sourceTable = Input(
        doc="Sources of the exposure.",
        name="initial_stars_footprints_detector",
        storageClass="SourceCatalog",
        dimensions=_ONE_DETECTOR,
    )
    solarSystemObjectTable = Input(
        doc="Solar System objects predicted for this detector and visit. Without it the quantum has no work.",
        name="preloaded_SsObjects",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "group", "detector"),
        minimum=0,
    )
    associatedSsSources = Output(
        doc="The sources that are known objects, in columns of SSSource.",
        name="ssSingleFrameAssociatedSources",
        storageClass="ArrowAstropy",
        dimensions=_ONE_DETECTOR,
    )
    unassociatedSsObjects = Output(
        doc="The predictions of objects that were expected and not seen, in columns of SsPrediction.",
        name="ssSingleFrameUnassociatedObjects",
        storageClass="ArrowAstropy",
        dimensions=_ONE_DETECTOR,
    )

    def __init__(self, *, config: SsSingleFrameAssociationConfig | None = None) -> None:
        super().__init__(config=config)
        if config is not None:
            self.exposure = replace(self.exposure, storageClass=config.exposureStorageClass)
            self.sourceTable = replace(self.sourceTable, storageClass=config.sourceTableStorageClass)


class SsSingleFrameAssociationConfig(PipelineTaskConfig, pipelineConnections=SsSingleFrameAssociationConnections):
    """Configuration of :class:`~ssdb.lsst.SsSingleFrameAssociationTask`."""

    solarSystemAssociator: ConfigurableField[SolarSystemAssociationConfig] = ConfigurableField(
        target=SolarSystemAssociationTask, doc="Task that associates the sources with Solar System objects."
    )
    imagePixelMargin = RangeField(
        doc="Has no effect, as in Rubin's task, whose configuration files set it: see maxPixelMargin.",
        dtype=int,
        default=10,
        min=0,
    )
    exposureStorageClass: Field[str] = ChoiceField(
        doc="What the dataset of the connection exposure is.",
        dtype=str,
        allowed={
            "ExposureF": "Rubin's image, which needs Rubin's full software.",
            "StructuredDataDict": "The FITS header of the image, keyword: value, with the size in NAXIS1, NAXIS2.",
        },
        default="ExposureF",
    )
    sourceTableStorageClass: Field[str] = ChoiceField(
        doc="What the dataset of the connection sourceTable is.",
        dtype=str,
        allowed={
            "SourceCatalog": "Rubin's catalog, which needs Rubin's full software.",
            "ArrowAstropy": "A Parquet table, read as an astropy Table.",
            "ArrowTable": "A Parquet table, read as a pyarrow Table.",
            "DataFrame": "A Parquet table, read as a pandas DataFrame.",
        },
        default="SourceCatalog",
    )
    databaseUrl = Field[str](
        doc="Database of ssdb into which sources, predictions, outline and results go as well, without a password, "
        "since configurations are stored with the data: PostgreSQL has ~/.pgpass and PGPASSWORD for it.",
        optional=True,
    )

    def validate(self) -> None:
        """Refuses a database URL that cannot be read or shows a password."""
        super().validate()
        if self.databaseUrl is None:
            return
        field = type(self)._fields["databaseUrl"]
        try:
            url = sa.make_url(self.databaseUrl)
        except (sa.exc.ArgumentError, ValueError):
            raise FieldValidationError(field, self, "it is not the URL of a database") from None
        if passwords(url):
            # The configuration of a task is stored in every output collection.
            raise FieldValidationError(
                field, self, f"there is a password in it ({masked(url)}): leave it to ~/.pgpass or PGPASSWORD"
            )


class SsSingleFrameAssociationTask(PipelineTask):
    """Associates the sources of one detector of one visit with the Solar System objects predicted for it."""

    ConfigClass = SsSingleFrameAssociationConfig
    _DefaultName = "ssSingleFrameAssociation"
    config: SsSingleFrameAssociationConfig
    solarSystemAssociator: SolarSystemAssociationTask

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.makeSubtask("solarSystemAssociator")

    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        """Reads the inputs of a quantum, runs on them, and writes the outputs.

        NoWorkFound if the quantum has no table of predictions; SsdbError if an input is not usable, or the database
        fails. Nothing is put into the Butler then.
        """
        if not hasattr(inputRefs, "solarSystemObjectTable"):
            # Before an image is read for nothing.
            raise NoWorkFound("There are no predictions to associate sources with.")
        data_id: Any = butlerQC.quantum.dataId
        inputs = butlerQC.get(inputRefs)
        inputs["exposure"] = _identified(inputs["exposure"], data_id["visit"], data_id["detector"])
        butlerQC.put(self.run(**inputs, band=data_id["band"]), outputRefs)

    @timeMethod
    def run(self, exposure: Any, sourceTable: Any, band: str | None, solarSystemObjectTable: Any = None) -> Struct:
        """Associates and, where a database is configured, writes inputs and results into it.

        Arguments as in :meth:`ssdb.SsSingleFrameAssociation.run`; the exposure may be a dict of the cards of a header,
        too. Struct and errors as of :meth:`SolarSystemAssociationTask.run`; SsdbError also if the database fails.
        """
        if isinstance(exposure, dict):
            exposure = _header(exposure)
        result = self.solarSystemAssociator.run(exposure, sourceTable, band, solarSystemObjectTable)
        if self.config.databaseUrl is not None:
            self.store(as_exposure(exposure, band), sourceTable, solarSystemObjectTable)
        return result

    @timeMethod
    def store(self, exposure: Exposure, sourceTable: Any, solarSystemObjectTable: Any) -> None:
        """Loads the inputs of :meth:`run` into the configured database, and associates the visit there."""
        settings = self.config.solarSystemAssociator.value
        record(
            self.config.databaseUrl,
            exposure,
            source_rows(sourceTable, exposure, skip_invalid=settings.skipInvalid),
            prediction_rows(solarSystemObjectTable, exposure, skip_invalid=settings.skipInvalid),
            settings.association_config(),
            skip_invalid=settings.skipInvalid,
        )


def _identified(exposure: Any, visit: int, detector: int) -> Exposure:
    """An exposure under the numbers of the data ID, whatever it says itself."""
    if isinstance(exposure, dict):
        return Exposure.from_header(_header(exposure), visit=visit, detector=detector, name="exposure")
    return replace(as_exposure(exposure), visit=visit, detector=detector)


def _header(cards: dict[str, Any]) -> Header:
    from astropy.io.fits import Header

    return Header(list(cards.items()))
