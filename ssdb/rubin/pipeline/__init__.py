"""Rubin's PipelineTask of which ssdb does the work; to be imported as :mod:`ssdb.lsst`."""
