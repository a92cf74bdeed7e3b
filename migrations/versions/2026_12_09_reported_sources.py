"""Sources that were reported to the Minor Planet Center.

Revision ID: 20261209
Revises: 20261207
"""

import sqlalchemy as sa
from alembic import op

revision = '20261209'
down_revision = '20261207'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('SsReportedSource',
    sa.Column('diaSourceId', sa.BigInteger(), autoincrement=False, nullable=False, comment='Identifier of the source'),
    sa.Column('visit', sa.BigInteger(), autoincrement=False, nullable=False, comment='Identifier of the visit'),
    sa.Column('stn', sa.String(length=4), autoincrement=False, nullable=True, comment='Observatory code under which it was reported'),
    sa.Column('designation', sa.String(length=25), autoincrement=False, nullable=True, comment='The object that it was reported as, unpacked; NULL: as no known one'),
    sa.Column('trkSub', sa.String(length=8), autoincrement=False, nullable=True, comment='Tracklet, as its observer calls it'),
    sa.Column('obsSubID', sa.String(length=25), autoincrement=False, nullable=True, comment='Observation, as its observer calls it; of ours the diaSourceId'),
    sa.Column('obsID', sa.String(length=25), autoincrement=False, nullable=True, comment='Observation, as the Minor Planet Center calls it'),
    sa.Column('trkID', sa.String(length=12), autoincrement=False, nullable=True, comment='Tracklet, as the Minor Planet Center calls it'),
    sa.Column('submissionId', sa.String(length=64), autoincrement=False, nullable=True, comment='Submission, as the Minor Planet Center calls it'),
    sa.Column('mode', sa.String(length=3), autoincrement=False, nullable=True, comment='Kind of instrument, by the codes of ADES'),
    sa.Column('astCat', sa.String(length=8), autoincrement=False, nullable=True, comment='Star catalogue of the astrometry, by the codes of ADES'),
    sa.Column('mag', sa.REAL(), autoincrement=False, nullable=True, comment='Magnitude as reported, in the system of its band [mag]'),
    sa.Column('band', sa.String(length=3), autoincrement=False, nullable=True, comment='Band as reported, by the codes of ADES'),
    sa.Column('file', sa.Text(), autoincrement=False, nullable=True, comment='The file that it was written to, or read from'),
    sa.Column('submittedAt', sa.TIMESTAMP(), autoincrement=False, nullable=True, comment='When the file was written, UTC; NULL: reported by others'),
    sa.PrimaryKeyConstraint('diaSourceId', name=op.f('pk_SsReportedSource')),
    comment='Sources that were reported to the Minor Planet Center: written as ADES, or read from reports of others',
    )
    op.create_index(op.f('ix_SsReportedSource_visit'), 'SsReportedSource', ['visit'])


def downgrade() -> None:
    op.drop_table('SsReportedSource')
