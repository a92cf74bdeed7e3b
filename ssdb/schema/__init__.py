"""The tables of ssdb as SQLAlchemy Core: the APDB's (``apdb_*``) and ours (``survey``, ``dia``, ``summary``,
``reported``)."""

from ssdb.schema import apdb_dia, apdb_solar_system, dia, reported, summary, survey
from ssdb.schema.columns import metadata

__all__ = ["apdb_dia", "apdb_solar_system", "dia", "metadata", "reported", "summary", "survey"]
