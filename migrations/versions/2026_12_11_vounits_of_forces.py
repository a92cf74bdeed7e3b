"""The unit of forces as a VOUnit, without a blank: comments on mpc_orbits.

Revision ID: 20261211
Revises: 20261207
"""

from alembic import op

revision = '20261211'
down_revision = '20261207'
branch_labels = None
depends_on = None

MEANINGS = {
    'yarkovsky': 'Yarkovsky acceleration along the motion',
    'a1': 'Non-gravitational parameter A1, radial',
    'a2': 'Non-gravitational parameter A2, transverse',
    'a3': 'Non-gravitational parameter A3, normal to the orbit',
}


def _comment(unit: str) -> None:
    """SQLite has no comments."""
    if op.get_context().dialect.name != 'postgresql':
        return
    for name, meaning in MEANINGS.items():
        op.alter_column('mpc_orbits', name, comment=f'{meaning} [{unit}]')
        op.alter_column('mpc_orbits', f'{name}_unc', comment=f'1-sigma error of {name} [{unit}]')


def upgrade() -> None:
    _comment('1e-10AU/d2')


def downgrade() -> None:
    _comment('1e-10 AU/d2')
