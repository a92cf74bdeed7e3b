"""The designation that an orbit came under, by which it is compared with others of its object.

Revision ID: 20261201
Revises: 20261130
"""

import sqlalchemy as sa
from alembic import op

revision = '20261201'
down_revision = '20261130'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('mpc_orbits', sa.Column('designation_in_source', sa.String(16), autoincrement=False, nullable=True, comment="Packed designation that the orbit came under, if that is not the primary one"))


def downgrade() -> None:
    op.drop_column('mpc_orbits', 'designation_in_source')
