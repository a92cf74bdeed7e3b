"""Association of one detector in memory, without a database, as Rubin's task does it."""

from __future__ import annotations

from ssdb.rubin.task.single_frame import SsSingleFrameAssociation

__all__ = ["SsSingleFrameAssociation"]
