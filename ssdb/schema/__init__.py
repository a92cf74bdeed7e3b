"""The tables of ssdb as SQLAlchemy Core: the APDB's own (``apdb_dia``, ``apdb_solar_system``) and ours (``survey``)."""

from ssdb.schema import apdb_dia, apdb_solar_system, survey
from ssdb.schema.columns import metadata

__all__ = ["apdb_dia", "apdb_solar_system", "metadata", "survey"]
