"""DiaObjects: moments of their fluxes, which source went to which, aliases; fluxes forced at known objects.

Revision ID: 20261205
Revises: 20261204
"""

import sqlalchemy as sa
from alembic import op

revision = '20261205'
down_revision = '20261204'
branch_labels = None
depends_on = None

_OWN = ('zone', 'searchRa', 'refRa', 'refDec', 'weightEast', 'weightNorth', 'weightEastNorth', 'sumEast', 'sumNorth')


def _zone() -> str:
    """DiaSource.zone = floor((dec + 90) * 60), on PostgreSQL as its catalogue gives it back."""
    if op.get_bind().dialect.name == "postgresql":
        return '(floor((("dec" + (90)::double precision) * (60)::double precision)))::integer'
    return "CAST((dec + 90) * 60 AS INTEGER)"


def _added() -> list[sa.Column]:
    return [
        sa.Column('zone', sa.Integer(), sa.Computed(_zone(), persisted=True), autoincrement=False, nullable=False, comment='Zone of one arcminute of declination, counted from the south pole, which the matching joins on'),
        sa.Column('searchRa', sa.Double(), autoincrement=False, nullable=False, comment='Right ascension it is found by: ra, or near it [deg]'),
        sa.Column('refRa', sa.Double(), autoincrement=False, nullable=True, comment='Place that the sums below are counted from: right ascension, ICRS [deg]'),
        sa.Column('refDec', sa.Double(), autoincrement=False, nullable=True, comment='Place that the sums below are counted from: declination [deg]'),
        sa.Column('weightEast', sa.Double(), autoincrement=False, nullable=True, comment='Sum of the inverse covariances of its sources, east [arcsec-2]'),
        sa.Column('weightNorth', sa.Double(), autoincrement=False, nullable=True, comment='Sum of the inverse covariances of its sources, north [arcsec-2]'),
        sa.Column('weightEastNorth', sa.Double(), autoincrement=False, nullable=True, comment='Sum of the inverse covariances of its sources, mixed [arcsec-2]'),
        sa.Column('sumEast', sa.Double(), autoincrement=False, nullable=True, comment='Sum of the weighted offsets of its sources, east [arcsec-1]'),
        sa.Column('sumNorth', sa.Double(), autoincrement=False, nullable=True, comment='Sum of the weighted offsets of its sources, north [arcsec-1]'),
    ]


def _add_on_sqlite() -> None:
    """SQLite adds no stored generated column to a table: a new one takes the rows over."""
    before = [
        sa.Column('diaObjectId', sa.BigInteger(), autoincrement=False, nullable=False, comment='Identifier of the object'),
        sa.Column('validityStartMjdTai', sa.Double(), autoincrement=False, nullable=False, comment='From when this version of it holds, MJD TAI [d]'),
        sa.Column('lastDiaSourceMjdTai', sa.Double(), autoincrement=False, nullable=True, comment='Mid-exposure of its latest source, MJD TAI; forced ones aside [d]'),
        sa.Column('ra', sa.Double(), autoincrement=False, nullable=False, comment='Right ascension of the object, ICRS [deg]'),
        sa.Column('raErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of ra on the sky, cos(dec) included [deg]'),
        sa.Column('dec', sa.Double(), autoincrement=False, nullable=False, comment='Declination of the object, ICRS [deg]'),
        sa.Column('decErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of dec [deg]'),
        sa.Column('ra_dec_Cov', sa.REAL(), autoincrement=False, nullable=True, comment='Covariance of errors east and north [deg2]'),
        sa.Column('firstDiaSourceMjdTai', sa.Double(), autoincrement=False, nullable=True, comment='Mid-exposure of its earliest source, MJD TAI [d]'),
        sa.Column('nDiaSources', sa.Integer(), autoincrement=False, nullable=False, comment='Sources that belong to it'),
    ]
    names = ', '.join(f'"{column.name}"' for column in before)
    op.rename_table('DiaObjectLast', 'DiaObjectLast_before')
    op.create_table('DiaObjectLast',
    *before,
    *_added(),
    sa.PrimaryKeyConstraint('diaObjectId', name=op.f('pk_DiaObjectLast')),
    comment='The newest version of every DiaObject, in short'
    )
    op.execute(f'INSERT INTO "DiaObjectLast" ({names}, "searchRa") SELECT {names}, ra FROM "DiaObjectLast_before"')
    op.drop_table('DiaObjectLast_before')


def upgrade() -> None:
    op.create_table('DiaObjectMoment',
    sa.Column('diaObjectId', sa.BigInteger(), autoincrement=False, nullable=False, comment='Identifier of the object'),
    sa.Column('band', sa.String(length=8), autoincrement=False, nullable=False, comment='Filter; empty: unknown'),
    sa.Column('nWeighted', sa.Integer(), autoincrement=False, nullable=False, comment='Sources with psfFlux and psfFluxErr above 0'),
    sa.Column('weight', sa.Double(), autoincrement=False, nullable=False, comment='Sum of psfFluxErr^-2 over these [nJy-2]'),
    sa.Column('weightedMean', sa.Double(), autoincrement=False, nullable=True, comment='Mean of their psfFlux, weighted with psfFluxErr^-2 [nJy]'),
    sa.Column('nValues', sa.Integer(), autoincrement=False, nullable=False, comment='Sources with psfFlux'),
    sa.Column('mean', sa.Double(), autoincrement=False, nullable=True, comment='Plain mean of their psfFlux [nJy]'),
    sa.Column('squares', sa.Double(), autoincrement=False, nullable=True, comment='Sum of the squared deviations from it [nJy2]'),
    sa.Column('lowest', sa.Double(), autoincrement=False, nullable=True, comment='Lowest psfFlux [nJy]'),
    sa.Column('highest', sa.Double(), autoincrement=False, nullable=True, comment='Highest psfFlux [nJy]'),
    sa.Column('steepest', sa.Double(), autoincrement=False, nullable=True, comment='Largest change of psfFlux, one to the next [nJy/d]'),
    sa.Column('lastMjdTai', sa.Double(), autoincrement=False, nullable=True, comment='Mid-exposure of the latest source with psfFlux, MJD TAI [d]'),
    sa.Column('lastFlux', sa.Double(), autoincrement=False, nullable=True, comment='Its psfFlux [nJy]'),
    sa.Column('nErrors', sa.Integer(), autoincrement=False, nullable=False, comment='Sources with psfFluxErr'),
    sa.Column('errorMean', sa.Double(), autoincrement=False, nullable=True, comment='Plain mean of their psfFluxErr [nJy]'),
    sa.Column('scienceWeight', sa.Double(), autoincrement=False, nullable=False, comment='As weight, of scienceFlux [nJy-2]'),
    sa.Column('scienceMean', sa.Double(), autoincrement=False, nullable=True, comment='As weightedMean, of scienceFlux [nJy]'),
    sa.Column('forcedWeight', sa.Double(), autoincrement=False, nullable=False, comment='As weight, of the psfFlux in DiaForcedSource [nJy-2]'),
    sa.Column('forcedMean', sa.Double(), autoincrement=False, nullable=True, comment='As weightedMean, of the psfFlux in DiaForcedSource [nJy]'),
    sa.PrimaryKeyConstraint('diaObjectId', 'band', name=op.f('pk_DiaObjectMoment')),
    comment='Sums that the fluxes in DiaObject are made of, so that no history need be read to add a source',
    )
    op.create_table('DiaMatch',
    sa.Column('visit', sa.BigInteger(), autoincrement=False, nullable=False, comment='Identifier of the visit'),
    sa.Column('diaSourceId', sa.BigInteger(), autoincrement=False, nullable=False, comment='Identifier of the source'),
    sa.Column('diaObjectId', sa.BigInteger(), autoincrement=False, nullable=False, comment='The DiaObject that it was given to'),
    sa.Column('separation', sa.Double(), autoincrement=False, nullable=True, comment='Angle between them, before; NULL: the source made the object [arcsec]'),
    sa.Column('chi2', sa.Double(), autoincrement=False, nullable=True, comment='Squared separation over its covariance; NULL in mode nearest'),
    sa.Column('logOdds', sa.Double(), autoincrement=False, nullable=True, comment='Log of the odds that they are one; NULL in mode nearest'),
    sa.Column('isNew', sa.Boolean(), autoincrement=False, nullable=False, comment='The source made the object'),
    sa.Column('runId', sa.String(length=32), autoincrement=False, nullable=True, comment='AssociationRun that found it'),
    sa.PrimaryKeyConstraint('visit', 'diaSourceId', name=op.f('pk_DiaMatch')),
    comment='Sources that belong to DiaObjects, and how sure that is',
    postgresql_partition_by='RANGE (visit)',
    )
    op.create_table('DiaObjectBase',
    sa.Column('diaObjectId', sa.BigInteger(), autoincrement=False, nullable=False, comment='Identifier of the object where it comes from'),
    sa.Column('currentId', sa.BigInteger(), autoincrement=False, nullable=False, comment='The DiaObject that it counts for: itself until it is merged'),
    sa.Column('validityStartMjdTai', sa.Double(), autoincrement=False, nullable=True, comment='From when it holds as it came, MJD TAI [d]'),
    sa.Column('ra', sa.Double(), autoincrement=False, nullable=False, comment='Right ascension of the object, ICRS [deg]'),
    sa.Column('raErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of ra on the sky, cos(dec) included [deg]'),
    sa.Column('dec', sa.Double(), autoincrement=False, nullable=False, comment='Declination of the object, ICRS [deg]'),
    sa.Column('decErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of dec [deg]'),
    sa.Column('ra_dec_Cov', sa.REAL(), autoincrement=False, nullable=True, comment='Covariance of errors east and north [deg2]'),
    sa.Column('u_psfFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the PSF fluxes of its sources, u band [nJy]'),
    sa.Column('u_psfFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of u_psfFluxMean [nJy]'),
    sa.Column('u_psfFluxSigma', sa.REAL(), autoincrement=False, nullable=True, comment='Scatter of the PSF fluxes of its sources, u band [nJy]'),
    sa.Column('u_psfFluxNdata', sa.Integer(), autoincrement=False, nullable=False, comment='PSF fluxes that went into u_psfFluxMean'),
    sa.Column('u_fpFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the forced fluxes on difference images, u band [nJy]'),
    sa.Column('u_fpFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of u_fpFluxMean [nJy]'),
    sa.Column('g_psfFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the PSF fluxes of its sources, g band [nJy]'),
    sa.Column('g_psfFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of g_psfFluxMean [nJy]'),
    sa.Column('g_psfFluxSigma', sa.REAL(), autoincrement=False, nullable=True, comment='Scatter of the PSF fluxes of its sources, g band [nJy]'),
    sa.Column('g_psfFluxNdata', sa.Integer(), autoincrement=False, nullable=False, comment='PSF fluxes that went into g_psfFluxMean'),
    sa.Column('g_fpFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the forced fluxes on difference images, g band [nJy]'),
    sa.Column('g_fpFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of g_fpFluxMean [nJy]'),
    sa.Column('r_psfFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the PSF fluxes of its sources, r band [nJy]'),
    sa.Column('r_psfFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of r_psfFluxMean [nJy]'),
    sa.Column('r_psfFluxSigma', sa.REAL(), autoincrement=False, nullable=True, comment='Scatter of the PSF fluxes of its sources, r band [nJy]'),
    sa.Column('r_psfFluxNdata', sa.Integer(), autoincrement=False, nullable=False, comment='PSF fluxes that went into r_psfFluxMean'),
    sa.Column('r_fpFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the forced fluxes on difference images, r band [nJy]'),
    sa.Column('r_fpFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of r_fpFluxMean [nJy]'),
    sa.Column('i_psfFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the PSF fluxes of its sources, i band [nJy]'),
    sa.Column('i_psfFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of i_psfFluxMean [nJy]'),
    sa.Column('i_psfFluxSigma', sa.REAL(), autoincrement=False, nullable=True, comment='Scatter of the PSF fluxes of its sources, i band [nJy]'),
    sa.Column('i_psfFluxNdata', sa.Integer(), autoincrement=False, nullable=False, comment='PSF fluxes that went into i_psfFluxMean'),
    sa.Column('i_fpFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the forced fluxes on difference images, i band [nJy]'),
    sa.Column('i_fpFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of i_fpFluxMean [nJy]'),
    sa.Column('z_psfFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the PSF fluxes of its sources, z band [nJy]'),
    sa.Column('z_psfFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of z_psfFluxMean [nJy]'),
    sa.Column('z_psfFluxSigma', sa.REAL(), autoincrement=False, nullable=True, comment='Scatter of the PSF fluxes of its sources, z band [nJy]'),
    sa.Column('z_psfFluxNdata', sa.Integer(), autoincrement=False, nullable=False, comment='PSF fluxes that went into z_psfFluxMean'),
    sa.Column('z_fpFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the forced fluxes on difference images, z band [nJy]'),
    sa.Column('z_fpFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of z_fpFluxMean [nJy]'),
    sa.Column('y_psfFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the PSF fluxes of its sources, y band [nJy]'),
    sa.Column('y_psfFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of y_psfFluxMean [nJy]'),
    sa.Column('y_psfFluxSigma', sa.REAL(), autoincrement=False, nullable=True, comment='Scatter of the PSF fluxes of its sources, y band [nJy]'),
    sa.Column('y_psfFluxNdata', sa.Integer(), autoincrement=False, nullable=False, comment='PSF fluxes that went into y_psfFluxMean'),
    sa.Column('y_fpFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the forced fluxes on difference images, y band [nJy]'),
    sa.Column('y_fpFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of y_fpFluxMean [nJy]'),
    sa.Column('u_scienceFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the forced fluxes on the images before subtraction, u band [nJy]'),
    sa.Column('u_scienceFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of u_scienceFluxMean [nJy]'),
    sa.Column('g_scienceFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the forced fluxes on the images before subtraction, g band [nJy]'),
    sa.Column('g_scienceFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of g_scienceFluxMean [nJy]'),
    sa.Column('r_scienceFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the forced fluxes on the images before subtraction, r band [nJy]'),
    sa.Column('r_scienceFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of r_scienceFluxMean [nJy]'),
    sa.Column('i_scienceFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the forced fluxes on the images before subtraction, i band [nJy]'),
    sa.Column('i_scienceFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of i_scienceFluxMean [nJy]'),
    sa.Column('z_scienceFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the forced fluxes on the images before subtraction, z band [nJy]'),
    sa.Column('z_scienceFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of z_scienceFluxMean [nJy]'),
    sa.Column('y_scienceFluxMean', sa.REAL(), autoincrement=False, nullable=True, comment='Weighted mean of the forced fluxes on the images before subtraction, y band [nJy]'),
    sa.Column('y_scienceFluxMeanErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of y_scienceFluxMean [nJy]'),
    sa.Column('u_psfFluxMin', sa.REAL(), autoincrement=False, nullable=True, comment='Lowest PSF flux of its sources, u band [nJy]'),
    sa.Column('u_psfFluxMax', sa.REAL(), autoincrement=False, nullable=True, comment='Highest PSF flux of its sources, u band [nJy]'),
    sa.Column('u_psfFluxMaxSlope', sa.REAL(), autoincrement=False, nullable=True, comment='Steepest change of PSF flux between its sources, u band [nJy/d]'),
    sa.Column('u_psfFluxErrMean', sa.REAL(), autoincrement=False, nullable=True, comment='Typical error of one PSF flux, u band [nJy]'),
    sa.Column('g_psfFluxMin', sa.REAL(), autoincrement=False, nullable=True, comment='Lowest PSF flux of its sources, g band [nJy]'),
    sa.Column('g_psfFluxMax', sa.REAL(), autoincrement=False, nullable=True, comment='Highest PSF flux of its sources, g band [nJy]'),
    sa.Column('g_psfFluxMaxSlope', sa.REAL(), autoincrement=False, nullable=True, comment='Steepest change of PSF flux between its sources, g band [nJy/d]'),
    sa.Column('g_psfFluxErrMean', sa.REAL(), autoincrement=False, nullable=True, comment='Typical error of one PSF flux, g band [nJy]'),
    sa.Column('r_psfFluxMin', sa.REAL(), autoincrement=False, nullable=True, comment='Lowest PSF flux of its sources, r band [nJy]'),
    sa.Column('r_psfFluxMax', sa.REAL(), autoincrement=False, nullable=True, comment='Highest PSF flux of its sources, r band [nJy]'),
    sa.Column('r_psfFluxMaxSlope', sa.REAL(), autoincrement=False, nullable=True, comment='Steepest change of PSF flux between its sources, r band [nJy/d]'),
    sa.Column('r_psfFluxErrMean', sa.REAL(), autoincrement=False, nullable=True, comment='Typical error of one PSF flux, r band [nJy]'),
    sa.Column('i_psfFluxMin', sa.REAL(), autoincrement=False, nullable=True, comment='Lowest PSF flux of its sources, i band [nJy]'),
    sa.Column('i_psfFluxMax', sa.REAL(), autoincrement=False, nullable=True, comment='Highest PSF flux of its sources, i band [nJy]'),
    sa.Column('i_psfFluxMaxSlope', sa.REAL(), autoincrement=False, nullable=True, comment='Steepest change of PSF flux between its sources, i band [nJy/d]'),
    sa.Column('i_psfFluxErrMean', sa.REAL(), autoincrement=False, nullable=True, comment='Typical error of one PSF flux, i band [nJy]'),
    sa.Column('z_psfFluxMin', sa.REAL(), autoincrement=False, nullable=True, comment='Lowest PSF flux of its sources, z band [nJy]'),
    sa.Column('z_psfFluxMax', sa.REAL(), autoincrement=False, nullable=True, comment='Highest PSF flux of its sources, z band [nJy]'),
    sa.Column('z_psfFluxMaxSlope', sa.REAL(), autoincrement=False, nullable=True, comment='Steepest change of PSF flux between its sources, z band [nJy/d]'),
    sa.Column('z_psfFluxErrMean', sa.REAL(), autoincrement=False, nullable=True, comment='Typical error of one PSF flux, z band [nJy]'),
    sa.Column('y_psfFluxMin', sa.REAL(), autoincrement=False, nullable=True, comment='Lowest PSF flux of its sources, y band [nJy]'),
    sa.Column('y_psfFluxMax', sa.REAL(), autoincrement=False, nullable=True, comment='Highest PSF flux of its sources, y band [nJy]'),
    sa.Column('y_psfFluxMaxSlope', sa.REAL(), autoincrement=False, nullable=True, comment='Steepest change of PSF flux between its sources, y band [nJy/d]'),
    sa.Column('y_psfFluxErrMean', sa.REAL(), autoincrement=False, nullable=True, comment='Typical error of one PSF flux, y band [nJy]'),
    sa.Column('firstDiaSourceMjdTai', sa.Double(), autoincrement=False, nullable=True, comment='Mid-exposure of its earliest source, MJD TAI [d]'),
    sa.Column('lastDiaSourceMjdTai', sa.Double(), autoincrement=False, nullable=True, comment='Mid-exposure of its latest source, MJD TAI; forced ones aside [d]'),
    sa.Column('nDiaSources', sa.Integer(), autoincrement=False, nullable=False, comment='Sources that belong to it'),
    sa.PrimaryKeyConstraint('diaObjectId', name=op.f('pk_DiaObjectBase')),
    comment='DiaObjects as they came from elsewhere, to which sources are added',
    )
    op.create_index(op.f('ix_DiaObjectBase_currentId'), 'DiaObjectBase', ['currentId'])
    op.create_table('DiaObjectAlias',
    sa.Column('diaObjectId', sa.BigInteger(), autoincrement=False, nullable=False, comment='Identifier of an object that was merged into another'),
    sa.Column('newId', sa.BigInteger(), autoincrement=False, nullable=False, comment='Identifier of that other, which has its sources now'),
    sa.Column('mergedAt', sa.TIMESTAMP(), autoincrement=False, nullable=False, comment='When, UTC'),
    sa.PrimaryKeyConstraint('diaObjectId', name=op.f('pk_DiaObjectAlias')),
    comment='DiaObjects that turned out to be others',
    )
    op.create_index(op.f('ix_DiaObjectAlias_newId'), 'DiaObjectAlias', ['newId'])
    op.create_table('SsForcedSource',
    sa.Column('ssForcedSourceId', sa.BigInteger(), autoincrement=False, nullable=False, comment='Identifier of the measurement'),
    sa.Column('ssObjectId', sa.BigInteger(), autoincrement=False, nullable=False, comment='The known object whose flux was measured'),
    sa.Column('ra', sa.Double(), autoincrement=False, nullable=False, comment='Right ascension where the flux was measured, ICRS [deg]'),
    sa.Column('dec', sa.Double(), autoincrement=False, nullable=False, comment='Declination where the flux was measured, ICRS [deg]'),
    sa.Column('visit', sa.BigInteger(), autoincrement=False, nullable=False, comment='Visit in which it was measured'),
    sa.Column('detector', sa.SmallInteger(), autoincrement=False, nullable=False, comment='Detector on which it lies; 0 for a survey without'),
    sa.Column('psfFlux', sa.REAL(), autoincrement=False, nullable=True, comment='PSF flux forced on the difference image [nJy]'),
    sa.Column('psfFluxErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of psfFlux [nJy]'),
    sa.Column('midpointMjdTai', sa.Double(), autoincrement=False, nullable=False, comment='Mid-exposure there, MJD TAI [d]'),
    sa.Column('scienceFlux', sa.REAL(), autoincrement=False, nullable=True, comment='PSF flux forced on the exposure before subtraction [nJy]'),
    sa.Column('scienceFluxErr', sa.REAL(), autoincrement=False, nullable=True, comment='1-sigma error of scienceFlux [nJy]'),
    sa.Column('band', sa.String(length=8), autoincrement=False, nullable=True, comment='Filter'),
    sa.Column('timeProcessedMjdTai', sa.Double(), autoincrement=False, nullable=False, comment="When the survey's pipeline made it, MJD TAI [d]"),
    sa.Column('timeWithdrawnMjdTai', sa.Double(), autoincrement=False, nullable=True, comment='When the survey took it back, MJD TAI; NULL: it stands [d]'),
    sa.PrimaryKeyConstraint('ssObjectId', 'visit', 'detector', name=op.f('pk_SsForcedSource')),
    comment='Fluxes measured where known objects were predicted, seen or not: of those not seen, their limits',
    postgresql_partition_by='RANGE (visit)',
    )
    op.add_column('Visit', sa.Column('diaStatus', sa.String(length=8), autoincrement=False, nullable=False, server_default='pending', comment='As status, of its DiaObjects'))
    op.add_column('Visit', sa.Column('diaRunId', sa.String(length=32), autoincrement=False, nullable=True, comment='AssociationRun that gave its sources to DiaObjects'))
    op.add_column('Visit', sa.Column('diaAssociatedAt', sa.TIMESTAMP(), autoincrement=False, nullable=True, comment='When it did, UTC'))
    op.add_column('Visit', sa.Column('nUpdatedDiaObjects', sa.Integer(), autoincrement=False, nullable=True, comment='DiaObjects that got one more source'))
    op.add_column('Visit', sa.Column('nNewDiaObjects', sa.Integer(), autoincrement=False, nullable=True, comment='Sources that made a DiaObject'))
    op.add_column('Visit', sa.Column('nMarginalDiaSources', sa.Integer(), autoincrement=False, nullable=True, comment='Sources too doubtful to make one'))
    op.add_column('AssociationRun', sa.Column('half', sa.String(length=16), autoincrement=False, nullable=True, comment='What it associated: solar-system (also NULL) or dia'))
    op.add_column('AssociationRun', sa.Column('nUpdatedDiaObjects', sa.Integer(), autoincrement=False, nullable=True, comment='DiaObjects that got one more source'))
    op.add_column('AssociationRun', sa.Column('nNewDiaObjects', sa.Integer(), autoincrement=False, nullable=True, comment='Sources that made a DiaObject'))
    op.add_column('AssociationRun', sa.Column('nMarginalDiaSources', sa.Integer(), autoincrement=False, nullable=True, comment='Sources too doubtful to make one'))
    op.create_index(op.f('ix_Visit_diaStatus_midpointMjdTai'), 'Visit', ['diaStatus', 'midpointMjdTai'])
    if op.get_context().dialect.name == 'sqlite':
        _add_on_sqlite()
    else:
        for column in _added():
            column.nullable = column.name != 'zone'
            op.add_column('DiaObjectLast', column)
        # Rows that somebody has put there without ssdb are found by their own place.
        op.execute('UPDATE "DiaObjectLast" SET "searchRa" = ra')
        op.alter_column('DiaObjectLast', 'searchRa', existing_type=sa.Double(), nullable=False)
        # Of rows that are updated: room on the page for their next version. SQLAlchemy before 2.1 cannot say so.
        for name in ('DiaObjectLast', 'DiaObjectMoment'):
            op.execute(f'ALTER TABLE "{name}" SET (fillfactor = 70)')
    op.create_index(op.f('ix_DiaObjectLast_zone_searchRa'), 'DiaObjectLast', ['zone', 'searchRa'])


def downgrade() -> None:
    op.drop_index(op.f('ix_DiaObjectLast_zone_searchRa'), 'DiaObjectLast')
    with op.batch_alter_table('DiaObjectLast') as batch:
        for name in reversed(_OWN):
            batch.drop_column(name)
    if op.get_context().dialect.name == 'postgresql':
        op.execute('ALTER TABLE "DiaObjectLast" RESET (fillfactor)')
    op.drop_index(op.f('ix_Visit_diaStatus_midpointMjdTai'), 'Visit')
    for name in ('nMarginalDiaSources', 'nNewDiaObjects', 'nUpdatedDiaObjects'):
        op.drop_column('AssociationRun', name)
        op.drop_column('Visit', name)
    op.drop_column('AssociationRun', 'half')
    for name in ('diaAssociatedAt', 'diaRunId', 'diaStatus'):
        op.drop_column('Visit', name)
    for name in ('SsForcedSource', 'DiaObjectAlias', 'DiaObjectBase', 'DiaMatch', 'DiaObjectMoment'):
        op.drop_table(name)
