"""Association of one detector in memory, without a database of one's own: what Rubin's task does."""

from __future__ import annotations

from ssdb.rubin.task.single_frame import SsSingleFrameAssociation

__all__ = ["SsSingleFrameAssociation"]
