"""Rubin's single-frame association as a PipelineTask of which ssdb does the work: connections, configuration, results
and metadata as in Rubin's, on Rubin's own middleware.

It needs the extra ``lsst`` (``pip install 'ssdb-asteroids[lsst]'``); nothing else of ssdb imports this package.
"""

from __future__ import annotations

from ssdb.errors import MissingPackageError

try:
    from ssdb.rubin.pipeline.associator import SolarSystemAssociationConfig, SolarSystemAssociationTask
    from ssdb.rubin.pipeline.single_frame import (
        SsSingleFrameAssociationConfig,
        SsSingleFrameAssociationConnections,
        SsSingleFrameAssociationTask,
    )
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "lsst":
        raise
    raise MissingPackageError(
        f"ssdb.lsst needs the package {error.name}: pip install 'ssdb-asteroids[lsst]'"
    ) from error

__all__ = [
    "SolarSystemAssociationConfig",
    "SolarSystemAssociationTask",
    "SsSingleFrameAssociationConfig",
    "SsSingleFrameAssociationConnections",
    "SsSingleFrameAssociationTask",
]
