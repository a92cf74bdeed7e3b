"""Rubin's PipelineTask, for which ssdb does the work; to be imported as :mod:`ssdb.lsst`."""
