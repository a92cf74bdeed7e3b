"""The tables of ssdb as SQLAlchemy Core: the APDB's (``apdb_*``) and ours (``survey``, ``dia``, ``summary``)."""

from ssdb.schema import apdb_dia, apdb_solar_system, dia, summary, survey
from ssdb.schema.columns import metadata

__all__ = ["apdb_dia", "apdb_solar_system", "dia", "metadata", "summary", "survey"]
