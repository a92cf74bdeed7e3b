"""What is known of objects together: the fits of their phase curves, and which objects are due to be summarized.

Revision ID: 20261206
Revises: 20261205
"""

import sqlalchemy as sa
from alembic import op

revision = '20261206'
down_revision = '20261205'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('SsObjectFit',
    sa.Column('ssObjectId', sa.BigInteger(), autoincrement=False, nullable=False, comment='Identifier of the object'),
    sa.Column('band', sa.String(length=8), autoincrement=False, nullable=False, comment='Band: u, g, r, i, z or y'),
    sa.Column('model', sa.String(length=8), autoincrement=False, nullable=False, comment='Of the phase curve: HG12, HG12star or HG1G2'),
    sa.Column('nObs', sa.Integer(), autoincrement=False, nullable=False, comment='Observations in the band'),
    sa.Column('nNights', sa.Integer(), autoincrement=False, nullable=False, comment='Nights with one of them: integer parts of MJD TAI'),
    sa.Column('nObsUsed', sa.Integer(), autoincrement=False, nullable=False, comment='Observations fitted'),
    sa.Column('fitH', sa.REAL(), autoincrement=False, nullable=True, comment='Absolute magnitude in the band, AB [mag]'),
    sa.Column('fitHErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of fitH [mag]'),
    sa.Column('G12', sa.REAL(), autoincrement=False, nullable=True, comment='Slope G12 of HG12 and HG12star'),
    sa.Column('G12Err', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of G12; NULL: not fitted'),
    sa.Column('fitH_G12_Cov', sa.REAL(), autoincrement=False, nullable=True, comment='Covariance of fitH and G12 [mag]'),
    sa.Column('G1', sa.REAL(), autoincrement=False, nullable=True, comment='Slope G1 of HG1G2'),
    sa.Column('G1Err', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of G1; NULL: not fitted'),
    sa.Column('fitH_G1_Cov', sa.REAL(), autoincrement=False, nullable=True, comment='Covariance of fitH and G1 [mag]'),
    sa.Column('G2', sa.REAL(), autoincrement=False, nullable=True, comment='Slope G2 of HG1G2'),
    sa.Column('G2Err', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of G2; NULL: not fitted'),
    sa.Column('fitH_G2_Cov', sa.REAL(), autoincrement=False, nullable=True, comment='Covariance of fitH and G2 [mag]'),
    sa.Column('G1_G2_Cov', sa.REAL(), autoincrement=False, nullable=True, comment='Covariance of G1 and G2'),
    sa.Column('chi2', sa.REAL(), autoincrement=False, nullable=True, comment='Chi-square of the observations fitted'),
    sa.Column('chi2Reduced', sa.REAL(), autoincrement=False, nullable=True, comment='The same over nObsUsed less the parameters fitted'),
    sa.Column('rms', sa.REAL(), autoincrement=False, nullable=True, comment='Rms residual of the observations fitted [mag]'),
    sa.Column('medianMagErr', sa.REAL(), autoincrement=False, nullable=True, comment='Median error of the magnitudes that can be used [mag]'),
    sa.Column('slopeFitFailed', sa.Boolean(), autoincrement=False, nullable=True, comment='The slopes are standard values, and fitH was fitted with them'),
    sa.Column('phaseAngleMin', sa.REAL(), autoincrement=False, nullable=True, comment='Smallest phase angle [deg]'),
    sa.Column('phaseAngleMax', sa.REAL(), autoincrement=False, nullable=True, comment='Largest phase angle [deg]'),
    sa.Column('offsetRaMean', sa.REAL(), autoincrement=False, nullable=True, comment='Mean of source minus prediction, to the east [arcsec]'),
    sa.Column('offsetRaSigma', sa.REAL(), autoincrement=False, nullable=True, comment='Its standard deviation [arcsec]'),
    sa.Column('offsetRaSkewness', sa.REAL(), autoincrement=False, nullable=True, comment='Its skewness; of a normal distribution 0'),
    sa.Column('offsetRaKurtosis', sa.REAL(), autoincrement=False, nullable=True, comment='Its excess kurtosis; of a normal distribution 0'),
    sa.Column('offsetDecMean', sa.REAL(), autoincrement=False, nullable=True, comment='Mean of source minus prediction, to the north [arcsec]'),
    sa.Column('offsetDecSigma', sa.REAL(), autoincrement=False, nullable=True, comment='Its standard deviation [arcsec]'),
    sa.Column('offsetDecSkewness', sa.REAL(), autoincrement=False, nullable=True, comment='Its skewness; of a normal distribution 0'),
    sa.Column('offsetDecKurtosis', sa.REAL(), autoincrement=False, nullable=True, comment='Its excess kurtosis; of a normal distribution 0'),
    sa.Column('brightestMag', sa.REAL(), autoincrement=False, nullable=True, comment='Magnitude minus the fit, of the brightest observation [mag]'),
    sa.Column('brightestSigma', sa.REAL(), autoincrement=False, nullable=True, comment="The same over its error, that of the fit's scatter included"),
    sa.Column('brightestMjdTai', sa.Double(), autoincrement=False, nullable=True, comment='When that was, MJD TAI [d]'),
    sa.Column('brightestDiaSourceId', sa.BigInteger(), autoincrement=False, nullable=True, comment='The source that it is'),
    sa.Column('faintestMag', sa.REAL(), autoincrement=False, nullable=True, comment='Magnitude minus the fit, of the faintest observation [mag]'),
    sa.Column('faintestSigma', sa.REAL(), autoincrement=False, nullable=True, comment="The same over its error, that of the fit's scatter included"),
    sa.Column('faintestMjdTai', sa.Double(), autoincrement=False, nullable=True, comment='When that was, MJD TAI [d]'),
    sa.Column('faintestDiaSourceId', sa.BigInteger(), autoincrement=False, nullable=True, comment='The source that it is'),
    sa.PrimaryKeyConstraint('ssObjectId', 'band', 'model', name=op.f('pk_SsObjectFit')),
    comment='Phase curves of objects, band by band, with what SSObject has no columns for',
    )
    op.create_table('SsObjectChange',
    sa.Column('visit', sa.BigInteger(), autoincrement=False, nullable=True, comment='Visit whose matches are new: its objects are due'),
    sa.Column('ssObjectId', sa.BigInteger(), autoincrement=False, nullable=True, comment='Object that is due: it lost a source, or has another orbit or identifier'),
    comment='What changed since objects were summarized in SSObject; rows are only added, and removed by that',
    )
    op.create_index(op.f('ix_SsObjectChange_ssObjectId'), 'SsObjectChange', ['ssObjectId'])
    # Nothing has been summarized yet.
    op.execute(
        'INSERT INTO "SsObjectChange" (visit) SELECT v.visit FROM "Visit" v '
        'WHERE EXISTS (SELECT 1 FROM "SSSource" m WHERE m.visit = v.visit)'
    )


def downgrade() -> None:
    op.drop_table('SsObjectChange')
    op.drop_table('SsObjectFit')
