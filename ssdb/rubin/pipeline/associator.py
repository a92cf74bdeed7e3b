"""The subtask that associates sources with Solar System objects, and its configuration."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from lsst.pex.config import ChoiceField, Config, Field, FieldValidationError
from lsst.pipe.base import NoWorkFound, Struct, Task
from lsst.utils.timer import timeMethod

import ssdb
from ssdb.config import AssociationConfig
from ssdb.errors import ConfigError
from ssdb.rubin.task import SsSingleFrameAssociation

_SETTINGS = {item.name: item for item in fields(AssociationConfig)}

_FIELD_OF_SETTING = {
    "radius_arcsec": "maxDistArcSeconds",
    "max_pixel_margin": "maxPixelMargin",
    "mode": "mode",
    "n_sigma": "nSigma",
    "max_radius_arcsec": "maxRadiusArcSeconds",
    "default_sigma_arcsec": "defaultSigmaArcSeconds",
    "floor_arcsec": "floorArcSeconds",
    "prior_detected": "priorDetected",
    "completeness": "completeness",
    "min_probability": "minProbability",
    "method": "method",
    "ecliptic": "ecliptic",
}
"""Fields of the configuration by the settings of AssociationConfig; the first two are Rubin's."""


def _field(setting: str) -> Field[Any]:
    """A setting of AssociationConfig as a field, with its own text, choices and default."""
    item = _SETTINGS[setting]
    doc, choices = item.metadata["help"], item.metadata["choices"]
    if choices:
        return ChoiceField(doc=doc, dtype=str, allowed=dict.fromkeys(choices, ""), default=item.default)
    return Field(doc=doc, dtype=type(item.default), default=item.default)


class SolarSystemAssociationConfig(Config):
    """How sources are matched with predictions.

    The fields of Rubin's ``SolarSystemAssociationConfig``, one for each further setting of
    :class:`ssdb.AssociationConfig`, and ``skipInvalid``.
    """

    maxDistArcSeconds = _field("radius_arcsec")
    maxPixelMargin = _field("max_pixel_margin")
    mode = _field("mode")
    nSigma = _field("n_sigma")
    maxRadiusArcSeconds = _field("max_radius_arcsec")
    defaultSigmaArcSeconds = _field("default_sigma_arcsec")
    floorArcSeconds = _field("floor_arcsec")
    priorDetected = _field("prior_detected")
    completeness = _field("completeness")
    minProbability = _field("min_probability")
    method = _field("method")
    ecliptic = _field("ecliptic")
    skipInvalid = Field[bool](
        doc="leave out and count sources and predictions that are not usable (a NaN coordinate, say)",
        default=False,
    )

    def validate(self) -> None:
        """Refuses values that :class:`ssdb.AssociationConfig` refuses."""
        super().validate()
        for setting, name in _FIELD_OF_SETTING.items():
            try:
                AssociationConfig(**{setting: getattr(self, name)})
            except ConfigError as error:
                raise FieldValidationError(type(self)._fields[name], self, str(error)) from None

    def association_config(self) -> AssociationConfig:
        """These settings as ssdb has them."""
        return AssociationConfig(**{setting: getattr(self, name) for setting, name in _FIELD_OF_SETTING.items()})


class SolarSystemAssociationTask(Task):
    """Associates the sources of one detector with the Solar System objects predicted for it.

    :class:`ssdb.SsSingleFrameAssociation` does the work; what it says of a run becomes the task's metadata, among it
    ``nExpectedSsObjects`` and ``nAssociatedSsObjects``.
    """

    ConfigClass = SolarSystemAssociationConfig
    _DefaultName = "ssoAssociation"
    config: SolarSystemAssociationConfig

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._association = SsSingleFrameAssociation(
            self.config.association_config(), skip_invalid=self.config.skipInvalid
        )

    @timeMethod
    def run(self, exposure: Any, sourceTable: Any, band: str | None, solarSystemObjectTable: Any = None) -> Struct:
        """Associates; arguments as in :meth:`ssdb.SsSingleFrameAssociation.run`, none of which is changed.

        The Struct has ``ssoAssocDiaSources``, ``unAssocDiaSources``, ``nTotalSsObjects``, ``nAssociatedSsObjects``,
        ``ssSourceData`` and ``unassociatedSsObjects`` as in :class:`ssdb.AssociationResult`, and
        ``associatedSsSources``, which is ``ssSourceData``. Rubin's NoWorkFound if ``solarSystemObjectTable`` is None;
        SsdbError if an input is not usable.
        """
        try:
            result = self._association.run(exposure, sourceTable, band, solarSystemObjectTable)
        except ssdb.NoWorkFound as error:
            raise NoWorkFound(str(error)) from error
        for name, value in self._association.metadata.items():
            self.metadata[name] = value
        self.log.info(
            "Associated %d of %d expected Solar System objects.", result.nAssociatedSsObjects, result.nTotalSsObjects
        )
        return Struct(
            ssoAssocDiaSources=result.ssoAssocDiaSources,
            unAssocDiaSources=result.unAssocDiaSources,
            nTotalSsObjects=result.nTotalSsObjects,
            nAssociatedSsObjects=result.nAssociatedSsObjects,
            ssSourceData=result.ssSourceData,
            associatedSsSources=result.ssSourceData,
            unassociatedSsObjects=result.unassociatedSsObjects,
        )
