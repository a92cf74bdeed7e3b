"""Alembic's environment: runs on the connection that :mod:`ssdb.store.ddl.migrate` hands over, in its transaction."""

from alembic import context

from ssdb.schema import metadata


def _ours(object_, name, type_, reflected, compare_to):
    """Only names of our own metadata count: partitions, users' tables and users' indexes on ours are left alone."""
    if type_ == "table":
        return name in metadata.tables
    if type_ == "index" and reflected:
        return any(name == index.name for index in metadata.tables[object_.table.name].indexes)
    if type_ == "index" and object_.dialect_options["postgresql"]["using"]:
        return context.get_context().dialect.name == "postgresql"
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
