"""What uncertainty mode weighs: depths and counts of sources, and the parts of the log odds.

Revision ID: 20261202
Revises: 20261201
"""

import sqlalchemy as sa
from alembic import op

revision = '20261202'
down_revision = '20261201'
branch_labels = None
depends_on = None

def _added() -> dict[str, list[sa.Column]]:
    return {
        'Visit': [
            sa.Column('depth', sa.REAL(), nullable=True, comment='AB magnitude of a point source of 5 sigma, where the survey gives it [mag]'),
        ],
        'VisitDetector': [
            sa.Column('depth', sa.REAL(), nullable=True, comment='AB magnitude of a point source of 5 sigma, from their psfFluxErr [mag]'),
            sa.Column('sourceCounts', sa.LargeBinary(), nullable=True, comment='What they are like, for association: little-endian int64'),
        ],
        'SsExpected': [
            sa.Column('ephMag', sa.REAL(), nullable=True, comment="AB magnitude in the visit's band, from ephVmag; NULL in fixed mode [mag]"),
            sa.Column('pDetected', sa.REAL(), nullable=True, comment='Probability that it is among the sources; NULL in fixed mode'),
        ],
        'SsCandidate': [
            sa.Column('probability', sa.Double(), nullable=True, comment='That the source is the object, all others considered'),
            sa.Column('density', sa.Double(), nullable=True, comment='Unrelated sources on the square arcsecond around [arcsec-2]'),
            sa.Column('pDetected', sa.REAL(), nullable=True, comment='Probability that the object is among the sources'),
            sa.Column('ephMag', sa.REAL(), nullable=True, comment="AB magnitude of the object in the source's band, from ephVmag [mag]"),
            sa.Column('magnitude', sa.REAL(), nullable=True, comment='AB magnitude of the source, from psfFlux [mag]'),
            sa.Column('trail', sa.REAL(), nullable=True, comment="Length of the object's trail in the exposure [arcsec]"),
            sa.Column('oddsPosition', sa.Double(), nullable=True, comment='Part of logOdds: where the source is'),
            sa.Column('oddsDetection', sa.Double(), nullable=True, comment='Part of logOdds: whether the object can be seen'),
            sa.Column('oddsMagnitude', sa.Double(), nullable=True, comment='Part of logOdds: how bright the source is'),
            sa.Column('oddsTrail', sa.Double(), nullable=True, comment='Part of logOdds: length and direction of its trail'),
            sa.Column('oddsArtefact', sa.Double(), nullable=True, comment='Part of logOdds: its flags and reliability'),
        ],
    }


def upgrade() -> None:
    for table, columns in _added().items():
        for column in columns:
            op.add_column(table, column)


def downgrade() -> None:
    for table, columns in _added().items():
        for column in reversed(columns):
            op.drop_column(table, column.name)
