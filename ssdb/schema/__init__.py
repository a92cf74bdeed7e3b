"""The tables of ssdb as SQLAlchemy Core: the APDB's own (``dia``, ``solar_system``) and ours (``survey``)."""

from ssdb.schema import dia, solar_system, survey
from ssdb.schema.columns import metadata

__all__ = ["dia", "metadata", "solar_system", "survey"]
