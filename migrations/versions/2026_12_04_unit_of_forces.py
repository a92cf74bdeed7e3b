"""The unit of A1 to A3 is that of their numbers, and of the MPC's page: comments on mpc_orbits.

Revision ID: 20261204
Revises: 20261203
"""

from alembic import op

revision = '20261204'
down_revision = '20261203'
branch_labels = None
depends_on = None


def _comment(unit: str) -> None:
    """SQLite has no comments."""
    if op.get_context().dialect.name != 'postgresql':
        return
    for name, meaning in {'a1': 'radial', 'a2': 'transverse', 'a3': 'normal to the orbit'}.items():
        op.alter_column('mpc_orbits', name, comment=f'Non-gravitational parameter {name.upper()}, {meaning} [{unit}]')
        op.alter_column('mpc_orbits', f'{name}_unc', comment=f'1-sigma error of {name} [{unit}]')


def upgrade() -> None:
    _comment('1e-10 AU/d2')


def downgrade() -> None:
    _comment('m2/t')
