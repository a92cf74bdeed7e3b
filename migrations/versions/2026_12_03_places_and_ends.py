"""Where observers are that no observatory code says (Visit), where paths of objects end (SsEphemerisEnd), and the unit of
A1 to A3 (comments on mpc_orbits).

Revision ID: 20261203
Revises: 20261202
"""

import sqlalchemy as sa
from alembic import op

revision = '20261203'
down_revision = '20261202'
branch_labels = None
depends_on = None


def _comment_forces(unit: str) -> None:
    """SQLite has no comments."""
    if op.get_context().dialect.name != 'postgresql':
        return
    for name, meaning in {'a1': 'radial', 'a2': 'transverse', 'a3': 'normal to the orbit'}.items():
        of_value, of_error = f'Non-gravitational parameter {name.upper()}, {meaning} [{unit}]', f'1-sigma error of {name} [{unit}]'
        op.alter_column('mpc_orbits', name, comment=of_value)
        op.alter_column('mpc_orbits', f'{name}_unc', comment=of_error)


def upgrade() -> None:
    _comment_forces('1e-10 AU/d2')
    op.create_table('SsEphemerisEnd',
    sa.Column('night', sa.Integer(), autoincrement=False, nullable=False, comment='Night: integer part of MJD TAI [d]'),
    sa.Column('ssObjectId', sa.BigInteger(), autoincrement=False, nullable=False, comment='Identifier of the object'),
    sa.Column('designation', sa.String(length=16), autoincrement=False, nullable=False, comment='Primary provisional designation, or number, unpacked'),
    sa.Column('endsAt', sa.Double(), autoincrement=False, nullable=False, comment='Time at which its path ends, on the way from its epoch to the night or in the night, MJD TDB [d]'),
    sa.Column('endsBy', sa.String(length=8), autoincrement=False, nullable=True, comment='What it meets there: Sun, Earth, Moon, ...; DE440: the end of that ephemeris'),
    sa.PrimaryKeyConstraint('night', 'ssObjectId', name=op.f('pk_SsEphemerisEnd')),
    comment='Objects that end in a night, or on the way from their epochs to it: no segment goes on from there'
    )
    op.add_column('Visit', sa.Column('sys', sa.String(length=8), autoincrement=False, nullable=True, comment='What pos1, pos2, pos3 are: WGS84, ITRF, ICRF_KM, ICRF_AU; as in ADES'))
    op.add_column('Visit', sa.Column('ctr', sa.Integer(), autoincrement=False, nullable=True, comment="What they are counted from, by NAIF's numbers: 399, the Earth's centre"))
    op.add_column('Visit', sa.Column('pos1', sa.Double(), autoincrement=False, nullable=True, comment="Observer's place, deg: east longitude (WGS84, ITRF); km (ICRF_KM) or au (ICRF_AU): x"))
    op.add_column('Visit', sa.Column('pos2', sa.Double(), autoincrement=False, nullable=True, comment="Observer's place, deg: latitude (WGS84); km: distance from the axis (ITRF); km or au: y"))
    op.add_column('Visit', sa.Column('pos3', sa.Double(), autoincrement=False, nullable=True, comment="Observer's place, m: altitude (WGS84); km: distance from the equator, to the north (ITRF); km or au: z"))
    op.add_column('Visit', sa.Column('vel1', sa.Double(), autoincrement=False, nullable=True, comment='Velocity of the observer along x: km/s (ICRF_KM) or au/d (ICRF_AU)'))
    op.add_column('Visit', sa.Column('vel2', sa.Double(), autoincrement=False, nullable=True, comment='Velocity of the observer along y: km/s (ICRF_KM) or au/d (ICRF_AU)'))
    op.add_column('Visit', sa.Column('vel3', sa.Double(), autoincrement=False, nullable=True, comment='Velocity of the observer along z: km/s (ICRF_KM) or au/d (ICRF_AU)'))


def downgrade() -> None:
    _comment_forces('m2/t')
    op.drop_column('Visit', 'vel3')
    op.drop_column('Visit', 'vel2')
    op.drop_column('Visit', 'vel1')
    op.drop_column('Visit', 'pos3')
    op.drop_column('Visit', 'pos2')
    op.drop_column('Visit', 'pos1')
    op.drop_column('Visit', 'ctr')
    op.drop_column('Visit', 'sys')
    op.drop_table('SsEphemerisEnd')
