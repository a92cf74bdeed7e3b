"""The ranges of diaSourceId of visits and detectors, by which ingest finds what is stored already.

Of detectors that have sources already they stay NULL, which means unknown; their visits are counted anew when sources are
added to them. Until then a visit has the range of its whole partition, for which nothing but the ends of two indexes is
looked up: 3,660 nights, a million visits a year, take a minute, most of it for the rows and the index of Visit.

Revision ID: 20261207
Revises: 20261206
"""

import sqlalchemy as sa
from alembic import op

revision = '20261207'
down_revision = '20261206'
branch_labels = None
depends_on = None

_BOUND = '''
UPDATE "Visit" SET "firstDiaSourceId" = {first}, "lastDiaSourceId" = {last}
WHERE visit BETWEEN {lowest} AND {highest}
  AND EXISTS (SELECT 1 FROM "VisitDetector" d WHERE d.visit = "Visit".visit AND d."nDiaSources" > 0)
'''

_ENDS = (
    '(SELECT min("diaSourceId") FROM {0}), (SELECT max("diaSourceId") FROM {0}), '
    '(SELECT min(visit) FROM {0}), (SELECT max(visit) FROM {0})'
)

# An exception gives back the locks of what was done since BEGIN, or the server could not hold those of ten years.
_OF_PARTITIONS = f'''
DO $$
DECLARE
    child regclass; ids_from bigint; ids_to bigint; visits_from bigint; visits_to bigint;
BEGIN
    FOR child IN SELECT inhrelid FROM pg_inherits WHERE inhparent = '"DiaSource"'::regclass LOOP
        BEGIN
            EXECUTE format('SELECT {_ENDS.format("%1$s")}', child) INTO ids_from, ids_to, visits_from, visits_to;
            RAISE EXCEPTION USING ERRCODE = 'SSDB0';
        EXCEPTION WHEN SQLSTATE 'SSDB0' THEN
        END;
        {_BOUND.format(first="ids_from", last="ids_to", lowest="visits_from", highest="visits_to")};
    END LOOP;
END $$
'''


def upgrade() -> None:
    for table, first, last in (
        ('VisitDetector', 'Their smallest diaSourceId', 'Their largest diaSourceId'),
        ('Visit', 'None of its sources has a smaller diaSourceId', 'None of its sources has a larger diaSourceId'),
    ):
        op.add_column(table, sa.Column('firstDiaSourceId', sa.BigInteger(), autoincrement=False, nullable=True, comment=first))
        op.add_column(table, sa.Column('lastDiaSourceId', sa.BigInteger(), autoincrement=False, nullable=True, comment=last))
    if op.get_context().dialect.name == 'postgresql':
        op.execute(_OF_PARTITIONS)
        op.create_index(
            'ix_Visit_diaSourceIds',
            'Visit',
            [sa.text('''numrange("firstDiaSourceId", "lastDiaSourceId", '[]')''')],
            postgresql_using='gist',
            postgresql_where=sa.text('"firstDiaSourceId" IS NOT NULL'),
        )
    else:
        first, last, lowest, highest = _ENDS.format('"DiaSource"').split(', ')
        op.execute(_BOUND.format(first=first, last=last, lowest=lowest, highest=highest))


def downgrade() -> None:
    if op.get_context().dialect.name == 'postgresql':
        op.drop_index('ix_Visit_diaSourceIds', 'Visit')
    for table in ('Visit', 'VisitDetector'):
        op.drop_column(table, 'lastDiaSourceId')
        op.drop_column(table, 'firstDiaSourceId')
