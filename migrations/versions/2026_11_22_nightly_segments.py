"""Nightly segments: what SsEphemeris needs to be filled and searched, and which nights are complete.

No ssdb of the revision before fills SsEphemeris: it is made anew.

Revision ID: 20261122b
Revises: 20261122
"""

import sqlalchemy as sa
from alembic import op

revision = '20261122b'
down_revision = '20261122'
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP VIEW IF EXISTS ssephemeris")
    op.drop_table('SsEphemeris')
    op.create_table('SsEphemeris',
    sa.Column('night', sa.Integer(), autoincrement=False, nullable=False, comment='Night: integer part of MJD TAI [d]'),
    sa.Column('zone', sa.SmallInteger(), autoincrement=False, nullable=False, comment='Size and declination of the box, which is searched by them'),
    sa.Column('hasJson', sa.Boolean(), autoincrement=False, nullable=False, comment='mpc_orb_jsonb is there, with a covariance perhaps'),
    sa.Column('ssObjectId', sa.BigInteger(), autoincrement=False, nullable=False, comment='Identifier of the object'),
    sa.Column('orbitHash', sa.BigInteger(), autoincrement=False, nullable=False, comment='Made from the orbit in mpc_orbits: of another one it is another'),
    sa.Column('tmin', sa.Double(), autoincrement=False, nullable=False, comment='Start of the segment, time when the light is emitted, MJD TDB [d]'),
    sa.Column('tmax', sa.Double(), autoincrement=False, nullable=False, comment='End of the segment, time when the light is emitted, MJD TDB [d]'),
    sa.Column('raMin', sa.REAL(), autoincrement=False, nullable=False, comment='Box that the object stays in: from this right ascension [deg]'),
    sa.Column('raMax', sa.REAL(), autoincrement=False, nullable=False, comment='To this right ascension, above 360 if across 0h [deg]'),
    sa.Column('decMin', sa.REAL(), autoincrement=False, nullable=False, comment='Box that the object stays in: smallest declination [deg]'),
    sa.Column('decMax', sa.REAL(), autoincrement=False, nullable=False, comment='Box that the object stays in: largest declination [deg]'),
    sa.Column('h', sa.REAL(), autoincrement=False, nullable=True, comment='Absolute magnitude H, V band [mag]'),
    sa.Column('g', sa.REAL(), autoincrement=False, nullable=True, comment='Slope G of the H, G phase curve'),
    sa.Column('designation', sa.String(length=16), autoincrement=False, nullable=False, comment='Primary provisional designation, or number, unpacked'),
    sa.Column('coefficients', sa.LargeBinary(), autoincrement=False, nullable=False, comment='Chebyshev coefficients of the barycentric position, ICRF: x, y, z of each, little-endian float64 [AU]'),
    sa.PrimaryKeyConstraint('night', 'ssObjectId', name=op.f('pk_SsEphemeris')),
    comment='Nightly ephemeris segments of objects: their paths, and the box of sky that each crosses'
    )
    op.create_index(op.f('ix_SsEphemeris_night_zone_raMin'), 'SsEphemeris', ['night', 'zone', 'raMin'], unique=False)
    op.create_table('SsEphemerisNight',
    sa.Column('night', sa.Integer(), autoincrement=False, nullable=False, comment='Night: integer part of MJD TAI [d]'),
    sa.Column('nObjects', sa.Integer(), autoincrement=False, nullable=True, comment='Objects with a segment; NULL: not all orbits have theirs yet'),
    sa.Column('nLost', sa.Integer(), autoincrement=False, nullable=True, comment='Orbits that cannot be followed to the night'),
    sa.Column('madeAt', sa.TIMESTAMP(), autoincrement=False, nullable=True, comment='When the segments were complete, UTC'),
    sa.PrimaryKeyConstraint('night', name=op.f('pk_SsEphemerisNight')),
    comment='Nights whose segments in SsEphemeris are those of all orbits, unchanged since'
    )


def downgrade() -> None:
    op.drop_table('SsEphemerisNight')
    op.drop_table('SsEphemeris')
    op.create_table('SsEphemeris',
    sa.Column('night', sa.Integer(), autoincrement=False, nullable=False, comment='Night: integer part of MJD TAI [d]'),
    sa.Column('ssObjectId', sa.BigInteger(), autoincrement=False, nullable=False, comment='Identifier of the object'),
    sa.Column('coefficients', sa.LargeBinary(), autoincrement=False, nullable=False, comment='Chebyshev coefficients of the position, little-endian float64 [AU]'),
    sa.Column('tmin', sa.Double(), autoincrement=False, nullable=False, comment='Start of the segment, MJD TAI [d]'),
    sa.Column('tmax', sa.Double(), autoincrement=False, nullable=False, comment='End of the segment, MJD TAI [d]'),
    sa.Column('raMin', sa.Double(), autoincrement=False, nullable=False, comment='Sky crossed in the night: smallest right ascension [deg]'),
    sa.Column('raMax', sa.Double(), autoincrement=False, nullable=False, comment='Sky crossed in the night: largest right ascension [deg]'),
    sa.Column('decMin', sa.Double(), autoincrement=False, nullable=False, comment='Sky crossed in the night: smallest declination [deg]'),
    sa.Column('decMax', sa.Double(), autoincrement=False, nullable=False, comment='Sky crossed in the night: largest declination [deg]'),
    sa.PrimaryKeyConstraint('night', 'ssObjectId', name=op.f('pk_SsEphemeris')),
    comment='Nightly ephemeris segments of objects'
    )
