"""Rubin's PipelineTask that runs ssdb; to be imported as :mod:`ssdb.lsst`."""
