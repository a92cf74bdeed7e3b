"""Alembic's environment: runs on the connection that :mod:`ssdb.store.migrate` hands over, in its transaction."""

from alembic import context

from ssdb.schema import metadata


def _ours(object_, name, type_, reflected, compare_to):
    """Only names of our own metadata count: partitions and users' tables are left alone."""
    if type_ == "table":
        return name in metadata.tables
    return True


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=_ours,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
