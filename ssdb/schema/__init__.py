"""The tables of ssdb as SQLAlchemy Core: the APDB's own (``dia``, ``solar_system``) and ours (``survey``)."""

from ssdb.schema import apdb_dia as dia
from ssdb.schema import apdb_solar_system as solar_system
from ssdb.schema import survey
from ssdb.schema.columns import metadata

__all__ = ["dia", "metadata", "solar_system", "survey"]
