"""The big tables in partitions by ranges of visits (PostgreSQL), and what the sources of a detector are together.

Tables that exist are made anew, with their rows, grants, indexes and the views on them, users' own too.

Revision ID: 20261128
Revises: 20261122b
"""

import sqlalchemy as sa
from alembic import op

revision = '20261128'
down_revision = '20261122b'
branch_labels = None
depends_on = None

TABLES = ("SsPrediction", "SsExpected", "SsCandidate", "SSSource", "DiaSource")
WIDTH = 100000

COUNTED = """
UPDATE "VisitDetector" SET ("nDiaSources", "firstSourceMjdTai", "lastSourceMjdTai", "maxSourceVariance") = (
    SELECT count(*), min(s."midpointMjdTai"), max(s."midpointMjdTai"),
           max(coalesce(CAST(s."raErr" AS DOUBLE PRECISION), 0.0) * coalesce(CAST(s."raErr" AS DOUBLE PRECISION), 0.0)
               + coalesce(CAST(s."decErr" AS DOUBLE PRECISION), 0.0) * coalesce(CAST(s."decErr" AS DOUBLE PRECISION), 0.0))
           * 12960000.0
    FROM "DiaSource" s WHERE s.visit = "VisitDetector".visit AND s.detector = "VisitDetector".detector)
"""


def upgrade() -> None:
    for column in (
        sa.Column('nDiaSources', sa.Integer(), server_default='0', autoincrement=False, nullable=False, comment='Sources in DiaSource'),
        sa.Column('firstSourceMjdTai', sa.Double(), autoincrement=False, nullable=True, comment='Time of the first of them, MJD TAI [d]'),
        sa.Column('lastSourceMjdTai', sa.Double(), autoincrement=False, nullable=True, comment='Time of the last of them, MJD TAI [d]'),
        sa.Column('maxSourceVariance', sa.Double(), autoincrement=False, nullable=True, comment='Largest sum of the variances raErr^2 + decErr^2 of one of them; unknown errors count as 0 [arcsec2]'),
    ):
        op.add_column('VisitDetector', column)
    op.execute(COUNTED)
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            _make_anew(table, partitioned=True)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            _make_anew(table, partitioned=False)
    for column in ('maxSourceVariance', 'lastSourceMjdTai', 'firstSourceMjdTai', 'nDiaSources'):
        op.drop_column('VisitDetector', column)


def _make_anew(table: str, *, partitioned: bool) -> None:
    """A table with all that belongs to it, as a partitioned one or as a plain one."""
    old = f"{table}_before"
    name = f"'\"{table}\"'::regclass"
    comment = _all(f"SELECT obj_description({name}, 'pg_class')")[0][0]
    grants = _all(f"""SELECT a.grantee::regrole::text, a.privilege_type, a.is_grantable
                      FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = {name} AND a.grantee NOT IN (0, c.relowner)""")
    public = _all(f"""SELECT 'PUBLIC', a.privilege_type, a.is_grantable
                      FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = {name} AND a.grantee = 0""")
    keys = _all(f"SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = {name} AND contype IN ('p', 'u')")
    indexes = _all(f"""SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid),
                              EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
                       FROM pg_index i WHERE i.indrelid = {name}""")
    _do(f'ALTER TABLE "{table}" RENAME TO "{old}"')
    for number, (index, _, _) in enumerate(indexes):
        _do(f'ALTER INDEX {index} RENAME TO "{old}_{number}"')
    _do(f'CREATE TABLE "{table}" (LIKE "{old}" INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS '
        f'INCLUDING STORAGE INCLUDING COMMENTS){" PARTITION BY RANGE (visit)" if partitioned else ""}')
    if comment:
        quoted = comment.replace("'", "''")
        _do(f"COMMENT ON TABLE \"{table}\" IS '{quoted}'")
    columns = ", ".join(f'"{column}"' for (column,) in _all(
        f"""SELECT attname FROM pg_attribute WHERE attrelid = '"{table}"'::regclass
            AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"""))
    if partitioned:
        _fill_partitions(table, old, columns)
    else:
        if table == "DiaSource":
            _do(f'ALTER TABLE "{table}" SET (fillfactor = 80)')
        _do(f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM "{old}"')
    for key, definition in keys:
        _do(f'ALTER TABLE "{table}" ADD CONSTRAINT "{key}" {definition}')
    for _, definition, of_key in indexes:
        if not of_key:
            _do(definition.replace(" ON ONLY ", " ON "))
    for grantee, privilege, grantable in [*grants, *public]:
        _do(f'GRANT {privilege} ON "{table}" TO {grantee}{" WITH GRANT OPTION" if grantable else ""}')
    _move_views(table, old)
    _do(f'DROP TABLE "{old}"')


def _fill_partitions(table: str, old: str, columns: str) -> None:
    for (first,) in _all(f'SELECT DISTINCT CAST(floor(CAST(visit AS NUMERIC) / {WIDTH}) * {WIDTH} AS NUMERIC) FROM "{old}" ORDER BY 1'):
        first, past = max(int(first), -2**63), int(first) + WIDTH
        child = f"{table}_{first}"
        _do(f'CREATE TABLE "{child}" (LIKE "{table}" INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS '
            'INCLUDING STORAGE INCLUDING COMMENTS)')
        if table == "DiaSource":
            _do(f'ALTER TABLE "{child}" SET (fillfactor = 80)')
        end = f"'{past}'" if past < 2**63 else "MAXVALUE"
        below = f"AND visit < '{past}'" if past < 2**63 else ""
        _do(f"""INSERT INTO "{child}" ({columns}) SELECT {columns} FROM "{old}" WHERE visit >= '{first}' {below}""")
        _do(f"""ALTER TABLE "{table}" ATTACH PARTITION "{child}" FOR VALUES FROM ('{first}') TO ({end})""")


def _move_views(table: str, old: str) -> None:
    """Has the views on the old table read the new one: replaced in place, they keep their grants and what is on them."""
    views = _all(f"""SELECT DISTINCT r.ev_class::regclass::text FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
                     JOIN pg_class c ON c.oid = r.ev_class
                     WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = '"{old}"'::regclass AND c.relkind = 'v'""")
    for (view,) in views:
        definition = _all(f"SELECT pg_get_viewdef('{view}'::regclass)")[0][0]
        _do(f"CREATE OR REPLACE VIEW {view} AS " + definition.replace(f'"{old}"', f'"{table}"'))


def _all(query: str) -> list[tuple]:
    return [tuple(row) for row in op.get_bind().exec_driver_sql(query, execution_options={"no_parameters": True})]


def _do(statement: str) -> None:
    op.get_bind().exec_driver_sql(statement, execution_options={"no_parameters": True})
