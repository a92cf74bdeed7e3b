BEGIN TRANSACTION;
CREATE TABLE "AssociationRun" (
	"runId" VARCHAR(32) NOT NULL, 
	configuration TEXT NOT NULL, 
	"ssdbVersion" VARCHAR(32) NOT NULL, 
	"startedAt" TIMESTAMP NOT NULL, 
	"finishedAt" TIMESTAMP, 
	"nVisits" INTEGER, 
	"nFailed" INTEGER, 
	"nSources" BIGINT, 
	"nTotalSsObjects" BIGINT, 
	"nAssociatedSsObjects" BIGINT, 
	timings TEXT, half VARCHAR(16), "nUpdatedDiaObjects" INTEGER, "nNewDiaObjects" INTEGER, "nMarginalDiaSources" INTEGER, 
	CONSTRAINT "pk_AssociationRun" PRIMARY KEY ("runId")
);
CREATE TABLE "DiaForcedSource" (
	"diaForcedSourceId" BIGINT NOT NULL, 
	"diaObjectId" BIGINT NOT NULL, 
	ra DOUBLE NOT NULL, 
	dec DOUBLE NOT NULL, 
	visit BIGINT NOT NULL, 
	detector SMALLINT NOT NULL, 
	"psfFlux" REAL, 
	"psfFluxErr" REAL, 
	"midpointMjdTai" DOUBLE NOT NULL, 
	"scienceFlux" REAL, 
	"scienceFluxErr" REAL, 
	band VARCHAR(8), 
	"timeProcessedMjdTai" DOUBLE NOT NULL, 
	"timeWithdrawnMjdTai" DOUBLE, 
	CONSTRAINT "pk_DiaForcedSource" PRIMARY KEY ("diaObjectId", visit, detector)
);
CREATE TABLE "DiaMatch" (
	visit BIGINT NOT NULL, 
	"diaSourceId" BIGINT NOT NULL, 
	"diaObjectId" BIGINT NOT NULL, 
	separation DOUBLE, 
	chi2 DOUBLE, 
	"logOdds" DOUBLE, 
	"isNew" BOOLEAN NOT NULL, 
	"runId" VARCHAR(32), 
	CONSTRAINT "pk_DiaMatch" PRIMARY KEY (visit, "diaSourceId")
);
CREATE TABLE "DiaObject" (
	"diaObjectId" BIGINT NOT NULL, 
	"validityStartMjdTai" DOUBLE NOT NULL, 
	"validityEndMjdTai" DOUBLE, 
	ra DOUBLE NOT NULL, 
	"raErr" REAL, 
	dec DOUBLE NOT NULL, 
	"decErr" REAL, 
	"ra_dec_Cov" REAL, 
	"u_psfFluxMean" REAL, 
	"u_psfFluxMeanErr" REAL, 
	"u_psfFluxSigma" REAL, 
	"u_psfFluxNdata" INTEGER NOT NULL, 
	"u_fpFluxMean" REAL, 
	"u_fpFluxMeanErr" REAL, 
	"g_psfFluxMean" REAL, 
	"g_psfFluxMeanErr" REAL, 
	"g_psfFluxSigma" REAL, 
	"g_psfFluxNdata" INTEGER NOT NULL, 
	"g_fpFluxMean" REAL, 
	"g_fpFluxMeanErr" REAL, 
	"r_psfFluxMean" REAL, 
	"r_psfFluxMeanErr" REAL, 
	"r_psfFluxSigma" REAL, 
	"r_psfFluxNdata" INTEGER NOT NULL, 
	"r_fpFluxMean" REAL, 
	"r_fpFluxMeanErr" REAL, 
	"i_psfFluxMean" REAL, 
	"i_psfFluxMeanErr" REAL, 
	"i_psfFluxSigma" REAL, 
	"i_psfFluxNdata" INTEGER NOT NULL, 
	"i_fpFluxMean" REAL, 
	"i_fpFluxMeanErr" REAL, 
	"z_psfFluxMean" REAL, 
	"z_psfFluxMeanErr" REAL, 
	"z_psfFluxSigma" REAL, 
	"z_psfFluxNdata" INTEGER NOT NULL, 
	"z_fpFluxMean" REAL, 
	"z_fpFluxMeanErr" REAL, 
	"y_psfFluxMean" REAL, 
	"y_psfFluxMeanErr" REAL, 
	"y_psfFluxSigma" REAL, 
	"y_psfFluxNdata" INTEGER NOT NULL, 
	"y_fpFluxMean" REAL, 
	"y_fpFluxMeanErr" REAL, 
	"u_scienceFluxMean" REAL, 
	"u_scienceFluxMeanErr" REAL, 
	"g_scienceFluxMean" REAL, 
	"g_scienceFluxMeanErr" REAL, 
	"r_scienceFluxMean" REAL, 
	"r_scienceFluxMeanErr" REAL, 
	"i_scienceFluxMean" REAL, 
	"i_scienceFluxMeanErr" REAL, 
	"z_scienceFluxMean" REAL, 
	"z_scienceFluxMeanErr" REAL, 
	"y_scienceFluxMean" REAL, 
	"y_scienceFluxMeanErr" REAL, 
	"u_psfFluxMin" REAL, 
	"u_psfFluxMax" REAL, 
	"u_psfFluxMaxSlope" REAL, 
	"u_psfFluxErrMean" REAL, 
	"g_psfFluxMin" REAL, 
	"g_psfFluxMax" REAL, 
	"g_psfFluxMaxSlope" REAL, 
	"g_psfFluxErrMean" REAL, 
	"r_psfFluxMin" REAL, 
	"r_psfFluxMax" REAL, 
	"r_psfFluxMaxSlope" REAL, 
	"r_psfFluxErrMean" REAL, 
	"i_psfFluxMin" REAL, 
	"i_psfFluxMax" REAL, 
	"i_psfFluxMaxSlope" REAL, 
	"i_psfFluxErrMean" REAL, 
	"z_psfFluxMin" REAL, 
	"z_psfFluxMax" REAL, 
	"z_psfFluxMaxSlope" REAL, 
	"z_psfFluxErrMean" REAL, 
	"y_psfFluxMin" REAL, 
	"y_psfFluxMax" REAL, 
	"y_psfFluxMaxSlope" REAL, 
	"y_psfFluxErrMean" REAL, 
	"firstDiaSourceMjdTai" DOUBLE, 
	"lastDiaSourceMjdTai" DOUBLE, 
	"nDiaSources" INTEGER NOT NULL, 
	CONSTRAINT "pk_DiaObject" PRIMARY KEY ("diaObjectId", "validityStartMjdTai")
);
CREATE TABLE "DiaObjectAlias" (
	"diaObjectId" BIGINT NOT NULL, 
	"newId" BIGINT NOT NULL, 
	"mergedAt" TIMESTAMP NOT NULL, 
	CONSTRAINT "pk_DiaObjectAlias" PRIMARY KEY ("diaObjectId")
);
CREATE TABLE "DiaObjectBase" (
	"diaObjectId" BIGINT NOT NULL, 
	"currentId" BIGINT NOT NULL, 
	"validityStartMjdTai" DOUBLE, 
	ra DOUBLE NOT NULL, 
	"raErr" REAL, 
	dec DOUBLE NOT NULL, 
	"decErr" REAL, 
	"ra_dec_Cov" REAL, 
	"u_psfFluxMean" REAL, 
	"u_psfFluxMeanErr" REAL, 
	"u_psfFluxSigma" REAL, 
	"u_psfFluxNdata" INTEGER NOT NULL, 
	"u_fpFluxMean" REAL, 
	"u_fpFluxMeanErr" REAL, 
	"g_psfFluxMean" REAL, 
	"g_psfFluxMeanErr" REAL, 
	"g_psfFluxSigma" REAL, 
	"g_psfFluxNdata" INTEGER NOT NULL, 
	"g_fpFluxMean" REAL, 
	"g_fpFluxMeanErr" REAL, 
	"r_psfFluxMean" REAL, 
	"r_psfFluxMeanErr" REAL, 
	"r_psfFluxSigma" REAL, 
	"r_psfFluxNdata" INTEGER NOT NULL, 
	"r_fpFluxMean" REAL, 
	"r_fpFluxMeanErr" REAL, 
	"i_psfFluxMean" REAL, 
	"i_psfFluxMeanErr" REAL, 
	"i_psfFluxSigma" REAL, 
	"i_psfFluxNdata" INTEGER NOT NULL, 
	"i_fpFluxMean" REAL, 
	"i_fpFluxMeanErr" REAL, 
	"z_psfFluxMean" REAL, 
	"z_psfFluxMeanErr" REAL, 
	"z_psfFluxSigma" REAL, 
	"z_psfFluxNdata" INTEGER NOT NULL, 
	"z_fpFluxMean" REAL, 
	"z_fpFluxMeanErr" REAL, 
	"y_psfFluxMean" REAL, 
	"y_psfFluxMeanErr" REAL, 
	"y_psfFluxSigma" REAL, 
	"y_psfFluxNdata" INTEGER NOT NULL, 
	"y_fpFluxMean" REAL, 
	"y_fpFluxMeanErr" REAL, 
	"u_scienceFluxMean" REAL, 
	"u_scienceFluxMeanErr" REAL, 
	"g_scienceFluxMean" REAL, 
	"g_scienceFluxMeanErr" REAL, 
	"r_scienceFluxMean" REAL, 
	"r_scienceFluxMeanErr" REAL, 
	"i_scienceFluxMean" REAL, 
	"i_scienceFluxMeanErr" REAL, 
	"z_scienceFluxMean" REAL, 
	"z_scienceFluxMeanErr" REAL, 
	"y_scienceFluxMean" REAL, 
	"y_scienceFluxMeanErr" REAL, 
	"u_psfFluxMin" REAL, 
	"u_psfFluxMax" REAL, 
	"u_psfFluxMaxSlope" REAL, 
	"u_psfFluxErrMean" REAL, 
	"g_psfFluxMin" REAL, 
	"g_psfFluxMax" REAL, 
	"g_psfFluxMaxSlope" REAL, 
	"g_psfFluxErrMean" REAL, 
	"r_psfFluxMin" REAL, 
	"r_psfFluxMax" REAL, 
	"r_psfFluxMaxSlope" REAL, 
	"r_psfFluxErrMean" REAL, 
	"i_psfFluxMin" REAL, 
	"i_psfFluxMax" REAL, 
	"i_psfFluxMaxSlope" REAL, 
	"i_psfFluxErrMean" REAL, 
	"z_psfFluxMin" REAL, 
	"z_psfFluxMax" REAL, 
	"z_psfFluxMaxSlope" REAL, 
	"z_psfFluxErrMean" REAL, 
	"y_psfFluxMin" REAL, 
	"y_psfFluxMax" REAL, 
	"y_psfFluxMaxSlope" REAL, 
	"y_psfFluxErrMean" REAL, 
	"firstDiaSourceMjdTai" DOUBLE, 
	"lastDiaSourceMjdTai" DOUBLE, 
	"nDiaSources" INTEGER NOT NULL, 
	CONSTRAINT "pk_DiaObjectBase" PRIMARY KEY ("diaObjectId")
);
CREATE TABLE "DiaObjectLast" (
	"diaObjectId" BIGINT NOT NULL, 
	"validityStartMjdTai" DOUBLE NOT NULL, 
	"lastDiaSourceMjdTai" DOUBLE, 
	ra DOUBLE NOT NULL, 
	"raErr" REAL, 
	dec DOUBLE NOT NULL, 
	"decErr" REAL, 
	"ra_dec_Cov" REAL, 
	"firstDiaSourceMjdTai" DOUBLE, 
	"nDiaSources" INTEGER NOT NULL, 
	zone INTEGER NOT NULL GENERATED ALWAYS AS (CAST((dec + 90) * 60 AS INTEGER)) STORED, 
	"searchRa" DOUBLE NOT NULL, 
	"refRa" DOUBLE, 
	"refDec" DOUBLE, 
	"weightEast" DOUBLE, 
	"weightNorth" DOUBLE, 
	"weightEastNorth" DOUBLE, 
	"sumEast" DOUBLE, 
	"sumNorth" DOUBLE, 
	CONSTRAINT "pk_DiaObjectLast" PRIMARY KEY ("diaObjectId")
);
CREATE TABLE "DiaObjectMoment" (
	"diaObjectId" BIGINT NOT NULL, 
	band VARCHAR(8) NOT NULL, 
	"nWeighted" INTEGER NOT NULL, 
	weight DOUBLE NOT NULL, 
	"weightedMean" DOUBLE, 
	"nValues" INTEGER NOT NULL, 
	mean DOUBLE, 
	squares DOUBLE, 
	lowest DOUBLE, 
	highest DOUBLE, 
	steepest DOUBLE, 
	"lastMjdTai" DOUBLE, 
	"lastFlux" DOUBLE, 
	"nErrors" INTEGER NOT NULL, 
	"errorMean" DOUBLE, 
	"scienceWeight" DOUBLE NOT NULL, 
	"scienceMean" DOUBLE, 
	"forcedWeight" DOUBLE NOT NULL, 
	"forcedMean" DOUBLE, 
	CONSTRAINT "pk_DiaObjectMoment" PRIMARY KEY ("diaObjectId", band)
);
CREATE TABLE "DiaSource" (
	"diaSourceId" BIGINT NOT NULL, 
	visit BIGINT NOT NULL, 
	detector SMALLINT NOT NULL, 
	"diaObjectId" BIGINT, 
	"ssObjectId" BIGINT, 
	"parentDiaSourceId" BIGINT, 
	"ssObjectReassocTimeMjdTai" DOUBLE, 
	"midpointMjdTai" DOUBLE NOT NULL, 
	"exposureTime" REAL, 
	ra DOUBLE NOT NULL, 
	"raErr" REAL, 
	dec DOUBLE NOT NULL, 
	"decErr" REAL, 
	"ra_dec_Cov" REAL, 
	x REAL, 
	"xErr" REAL, 
	y REAL, 
	"yErr" REAL, 
	centroid_flag BOOLEAN, 
	"apFlux" REAL, 
	"apFluxErr" REAL, 
	"apFlux_flag" BOOLEAN, 
	"apFlux_flag_apertureTruncated" BOOLEAN, 
	"isNegative" BOOLEAN, 
	snr REAL, 
	"psfFlux" REAL, 
	"psfFluxErr" REAL, 
	"psfLnL" REAL, 
	"psfChi2" REAL, 
	"psfNdata" INTEGER, 
	"psfFlux_flag" BOOLEAN, 
	"psfFlux_flag_edge" BOOLEAN, 
	"psfFlux_flag_noGoodPixels" BOOLEAN, 
	"trailFlux" REAL, 
	"trailFluxErr" REAL, 
	"trailRa" DOUBLE, 
	"trailRaErr" REAL, 
	"trailDec" DOUBLE, 
	"trailDecErr" REAL, 
	"trailLength" REAL, 
	"trailLengthErr" REAL, 
	"trailAngle" REAL, 
	"trailAngleErr" REAL, 
	"trailChi2" REAL, 
	"trailNdata" INTEGER, 
	"trailAlgorithm" INTEGER, 
	trail_flag_edge BOOLEAN, 
	trail_flag BOOLEAN, 
	"dipoleMeanFlux" REAL, 
	"dipoleMeanFluxErr" REAL, 
	"dipoleFluxDiff" REAL, 
	"dipoleFluxDiffErr" REAL, 
	"dipoleLength" REAL, 
	"dipoleAngle" REAL, 
	"dipoleChi2" REAL, 
	"dipoleNdata" INTEGER, 
	"scienceFlux" REAL, 
	"scienceFluxErr" REAL, 
	"forced_PsfFlux_flag" BOOLEAN, 
	"forced_PsfFlux_flag_edge" BOOLEAN, 
	"forced_PsfFlux_flag_noGoodPixels" BOOLEAN, 
	"templateFlux" REAL, 
	"templateFluxErr" REAL, 
	ixx REAL, 
	iyy REAL, 
	ixy REAL, 
	"ixxPSF" REAL, 
	"iyyPSF" REAL, 
	"ixyPSF" REAL, 
	shape_flag BOOLEAN, 
	shape_flag_no_pixels BOOLEAN, 
	shape_flag_not_contained BOOLEAN, 
	shape_flag_parent_source BOOLEAN, 
	extendedness REAL, 
	reliability REAL, 
	"reliabilityVersion" VARCHAR(7), 
	band VARCHAR(8), 
	"isDipole" BOOLEAN, 
	"dipoleFitAttempted" BOOLEAN, 
	"timeProcessedMjdTai" DOUBLE, 
	"timeWithdrawnMjdTai" DOUBLE, 
	"bboxSize" INTEGER, 
	"pixelFlags" BOOLEAN, 
	"pixelFlags_bad" BOOLEAN, 
	"pixelFlags_cr" BOOLEAN, 
	"pixelFlags_crCenter" BOOLEAN, 
	"pixelFlags_edge" BOOLEAN, 
	"pixelFlags_nodata" BOOLEAN, 
	"pixelFlags_nodataCenter" BOOLEAN, 
	"pixelFlags_interpolated" BOOLEAN, 
	"pixelFlags_interpolatedCenter" BOOLEAN, 
	"pixelFlags_offimage" BOOLEAN, 
	"pixelFlags_saturated" BOOLEAN, 
	"pixelFlags_saturatedCenter" BOOLEAN, 
	"pixelFlags_suspect" BOOLEAN, 
	"pixelFlags_suspectCenter" BOOLEAN, 
	"pixelFlags_streak" BOOLEAN, 
	"pixelFlags_streakCenter" BOOLEAN, 
	"pixelFlags_injected" BOOLEAN, 
	"pixelFlags_injectedCenter" BOOLEAN, 
	"pixelFlags_injected_template" BOOLEAN, 
	"pixelFlags_injected_templateCenter" BOOLEAN, 
	glint_trail BOOLEAN, 
	zone INTEGER NOT NULL GENERATED ALWAYS AS (CAST((dec + 90) * 60 AS INTEGER)) STORED, 
	CONSTRAINT "pk_DiaSource" PRIMARY KEY ("diaSourceId", visit)
);
INSERT INTO "DiaSource" VALUES(9223372036854775807,9007199254740993,3,NULL,21164728253101137,NULL,NULL,60000.25,NULL,359.9999999999,NULL,-0.5,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1.5,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE "SSObject" (
	"ssObjectId" BIGINT NOT NULL, 
	designation VARCHAR(16), 
	"nObs" INTEGER NOT NULL, 
	arc REAL NOT NULL, 
	"firstObservationMjdTai" DOUBLE, 
	"MOIDEarth" REAL, 
	"MOIDEarthDeltaV" REAL, 
	"MOIDEarthEclipticLongitude" REAL, 
	"MOIDEarthTrueAnomaly" REAL, 
	"MOIDEarthTrueAnomalyObject" REAL, 
	"tisserand_J" REAL, 
	"extendednessMax" REAL, 
	"extendednessMedian" REAL, 
	"extendednessMin" REAL, 
	"u_nObs" INTEGER NOT NULL, 
	"u_H" REAL, 
	"u_HErr" REAL, 
	"u_G12" REAL, 
	"u_G12Err" REAL, 
	"u_H_u_G12_Cov" REAL, 
	"u_nObsUsed" INTEGER NOT NULL, 
	"u_Chi2" REAL, 
	"u_phaseAngleMin" REAL, 
	"u_phaseAngleMax" REAL, 
	u_slope_fit_failed BOOLEAN, 
	"g_nObs" INTEGER NOT NULL, 
	"g_H" REAL, 
	"g_HErr" REAL, 
	"g_G12" REAL, 
	"g_G12Err" REAL, 
	"g_H_g_G12_Cov" REAL, 
	"g_nObsUsed" INTEGER NOT NULL, 
	"g_Chi2" REAL, 
	"g_phaseAngleMin" REAL, 
	"g_phaseAngleMax" REAL, 
	g_slope_fit_failed BOOLEAN, 
	"r_nObs" INTEGER NOT NULL, 
	"r_H" REAL, 
	"r_HErr" REAL, 
	"r_G12" REAL, 
	"r_G12Err" REAL, 
	"r_H_r_G12_Cov" REAL, 
	"r_nObsUsed" INTEGER NOT NULL, 
	"r_Chi2" REAL, 
	"r_phaseAngleMin" REAL, 
	"r_phaseAngleMax" REAL, 
	r_slope_fit_failed BOOLEAN, 
	"i_nObs" INTEGER NOT NULL, 
	"i_H" REAL, 
	"i_HErr" REAL, 
	"i_G12" REAL, 
	"i_G12Err" REAL, 
	"i_H_i_G12_Cov" REAL, 
	"i_nObsUsed" INTEGER NOT NULL, 
	"i_Chi2" REAL, 
	"i_phaseAngleMin" REAL, 
	"i_phaseAngleMax" REAL, 
	i_slope_fit_failed BOOLEAN, 
	"z_nObs" INTEGER NOT NULL, 
	"z_H" REAL, 
	"z_HErr" REAL, 
	"z_G12" REAL, 
	"z_G12Err" REAL, 
	"z_H_z_G12_Cov" REAL, 
	"z_nObsUsed" INTEGER NOT NULL, 
	"z_Chi2" REAL, 
	"z_phaseAngleMin" REAL, 
	"z_phaseAngleMax" REAL, 
	z_slope_fit_failed BOOLEAN, 
	"y_nObs" INTEGER NOT NULL, 
	"y_H" REAL, 
	"y_HErr" REAL, 
	"y_G12" REAL, 
	"y_G12Err" REAL, 
	"y_H_y_G12_Cov" REAL, 
	"y_nObsUsed" INTEGER NOT NULL, 
	"y_Chi2" REAL, 
	"y_phaseAngleMin" REAL, 
	"y_phaseAngleMax" REAL, 
	y_slope_fit_failed BOOLEAN, 
	CONSTRAINT "pk_SSObject" PRIMARY KEY ("ssObjectId"), 
	CONSTRAINT "uq_SSObject_designation" UNIQUE (designation)
);
CREATE TABLE "SSSource" (
	"diaSourceId" BIGINT NOT NULL, 
	"ssObjectId" BIGINT NOT NULL, 
	designation VARCHAR(16), 
	"eclLambda" DOUBLE NOT NULL, 
	"eclBeta" DOUBLE NOT NULL, 
	"galLon" DOUBLE NOT NULL, 
	"galLat" DOUBLE NOT NULL, 
	elongation REAL, 
	"phaseAngle" REAL, 
	"topoRange" REAL, 
	"topoRangeRate" REAL, 
	"helioRange" REAL, 
	"helioRangeRate" REAL, 
	"ephRa" DOUBLE, 
	"ephDec" DOUBLE, 
	"ephVmag" REAL, 
	"ephRate" REAL, 
	"ephRateRa" REAL, 
	"ephRateDec" REAL, 
	"ephOffset" REAL, 
	"ephOffsetRa" DOUBLE, 
	"ephOffsetDec" DOUBLE, 
	"ephOffsetAlongTrack" REAL, 
	"ephOffsetCrossTrack" REAL, 
	helio_x REAL, 
	helio_y REAL, 
	helio_z REAL, 
	helio_vx REAL, 
	helio_vy REAL, 
	helio_vz REAL, 
	helio_vtot REAL, 
	topo_x REAL, 
	topo_y REAL, 
	topo_z REAL, 
	topo_vx REAL, 
	topo_vy REAL, 
	topo_vz REAL, 
	topo_vtot REAL, 
	"diaDistanceRank" SMALLINT, 
	visit BIGINT NOT NULL, 
	detector SMALLINT NOT NULL, 
	CONSTRAINT "pk_SSSource" PRIMARY KEY ("diaSourceId", visit)
);
CREATE TABLE "SsAlias" (
	alias VARCHAR(64) NOT NULL, 
	"ssObjectId" BIGINT NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	CONSTRAINT "pk_SsAlias" PRIMARY KEY (alias)
);
CREATE TABLE "SsCandidate" (
	visit BIGINT NOT NULL, 
	"ssObjectId" BIGINT NOT NULL, 
	"diaSourceId" BIGINT NOT NULL, 
	separation DOUBLE NOT NULL, 
	chi2 DOUBLE, 
	"logOdds" DOUBLE, 
	rank INTEGER NOT NULL, 
	chosen BOOLEAN NOT NULL, probability DOUBLE, density DOUBLE, "pDetected" REAL, "ephMag" REAL, magnitude REAL, trail REAL, "oddsPosition" DOUBLE, "oddsDetection" DOUBLE, "oddsMagnitude" DOUBLE, "oddsTrail" DOUBLE, "oddsArtefact" DOUBLE, 
	CONSTRAINT "pk_SsCandidate" PRIMARY KEY (visit, "ssObjectId", "diaSourceId")
);
CREATE TABLE "SsEphemeris" (
	night INTEGER NOT NULL, 
	zone SMALLINT NOT NULL, 
	"hasJson" BOOLEAN NOT NULL, 
	"ssObjectId" BIGINT NOT NULL, 
	"orbitHash" BIGINT NOT NULL, 
	tmin DOUBLE NOT NULL, 
	tmax DOUBLE NOT NULL, 
	"raMin" REAL NOT NULL, 
	"raMax" REAL NOT NULL, 
	"decMin" REAL NOT NULL, 
	"decMax" REAL NOT NULL, 
	h REAL, 
	g REAL, 
	designation VARCHAR(16) NOT NULL, 
	coefficients BLOB NOT NULL, 
	CONSTRAINT "pk_SsEphemeris" PRIMARY KEY (night, "ssObjectId")
);
CREATE TABLE "SsEphemerisEnd" (
	night INTEGER NOT NULL, 
	"ssObjectId" BIGINT NOT NULL, 
	designation VARCHAR(16) NOT NULL, 
	"endsAt" DOUBLE NOT NULL, 
	"endsBy" VARCHAR(8), 
	CONSTRAINT "pk_SsEphemerisEnd" PRIMARY KEY (night, "ssObjectId")
);
CREATE TABLE "SsEphemerisNight" (
	night INTEGER NOT NULL, 
	"nObjects" INTEGER, 
	"nLost" INTEGER, 
	"madeAt" TIMESTAMP, 
	CONSTRAINT "pk_SsEphemerisNight" PRIMARY KEY (night)
);
CREATE TABLE "SsExpected" (
	visit BIGINT NOT NULL, 
	"ssObjectId" BIGINT NOT NULL, 
	detector SMALLINT, 
	"edgeDistance" DOUBLE, 
	"diaSourceId" BIGINT, 
	"nCandidates" INTEGER NOT NULL, "ephMag" REAL, "pDetected" REAL, 
	CONSTRAINT "pk_SsExpected" PRIMARY KEY (visit, "ssObjectId")
);
INSERT INTO "SsExpected" VALUES(9007199254740993,21164728253101137,NULL,NULL,NULL,0,NULL,NULL);
CREATE TABLE "SsForcedSource" (
	"ssForcedSourceId" BIGINT NOT NULL, 
	"ssObjectId" BIGINT NOT NULL, 
	ra DOUBLE NOT NULL, 
	dec DOUBLE NOT NULL, 
	visit BIGINT NOT NULL, 
	detector SMALLINT NOT NULL, 
	"psfFlux" REAL, 
	"psfFluxErr" REAL, 
	"midpointMjdTai" DOUBLE NOT NULL, 
	"scienceFlux" REAL, 
	"scienceFluxErr" REAL, 
	band VARCHAR(8), 
	"timeProcessedMjdTai" DOUBLE NOT NULL, 
	"timeWithdrawnMjdTai" DOUBLE, 
	CONSTRAINT "pk_SsForcedSource" PRIMARY KEY ("ssObjectId", visit, detector)
);
CREATE TABLE "SsObjectChange" (
	visit BIGINT, 
	"ssObjectId" BIGINT
);
CREATE TABLE "SsObjectFit" (
	"ssObjectId" BIGINT NOT NULL, 
	band VARCHAR(8) NOT NULL, 
	model VARCHAR(8) NOT NULL, 
	"nObs" INTEGER NOT NULL, 
	"nNights" INTEGER NOT NULL, 
	"nObsUsed" INTEGER NOT NULL, 
	"fitH" REAL, 
	"fitHErr" REAL, 
	"G12" REAL, 
	"G12Err" REAL, 
	"fitH_G12_Cov" REAL, 
	"G1" REAL, 
	"G1Err" REAL, 
	"fitH_G1_Cov" REAL, 
	"G2" REAL, 
	"G2Err" REAL, 
	"fitH_G2_Cov" REAL, 
	"G1_G2_Cov" REAL, 
	chi2 REAL, 
	"chi2Reduced" REAL, 
	rms REAL, 
	"medianMagErr" REAL, 
	"slopeFitFailed" BOOLEAN, 
	"phaseAngleMin" REAL, 
	"phaseAngleMax" REAL, 
	"offsetRaMean" REAL, 
	"offsetRaSigma" REAL, 
	"offsetRaSkewness" REAL, 
	"offsetRaKurtosis" REAL, 
	"offsetDecMean" REAL, 
	"offsetDecSigma" REAL, 
	"offsetDecSkewness" REAL, 
	"offsetDecKurtosis" REAL, 
	"brightestMag" REAL, 
	"brightestSigma" REAL, 
	"brightestMjdTai" DOUBLE, 
	"brightestDiaSourceId" BIGINT, 
	"faintestMag" REAL, 
	"faintestSigma" REAL, 
	"faintestMjdTai" DOUBLE, 
	"faintestDiaSourceId" BIGINT, 
	CONSTRAINT "pk_SsObjectFit" PRIMARY KEY ("ssObjectId", band, model)
);
CREATE TABLE "SsPrediction" (
	visit BIGINT NOT NULL, 
	"ssObjectId" BIGINT NOT NULL, 
	designation VARCHAR(16) NOT NULL, 
	"midpointMjdTai" DOUBLE NOT NULL, 
	"ephRa" DOUBLE NOT NULL, 
	"ephDec" DOUBLE NOT NULL, 
	"ephRateRa" DOUBLE, 
	"ephRateDec" DOUBLE, 
	"ephVmag" REAL, 
	"ephErrMajor" REAL, 
	"ephErrMinor" REAL, 
	"ephErrPa" REAL, 
	helio_x DOUBLE, 
	helio_y DOUBLE, 
	helio_z DOUBLE, 
	helio_vx DOUBLE, 
	helio_vy DOUBLE, 
	helio_vz DOUBLE, 
	topo_x DOUBLE, 
	topo_y DOUBLE, 
	topo_z DOUBLE, 
	topo_vx DOUBLE, 
	topo_vy DOUBLE, 
	topo_vz DOUBLE, 
	"topoRange" DOUBLE, 
	"topoRangeRate" DOUBLE, 
	"helioRange" DOUBLE, 
	"helioRangeRate" DOUBLE, 
	"phaseAngle" DOUBLE, 
	elongation DOUBLE, 
	provider VARCHAR(32), 
	CONSTRAINT "pk_SsPrediction" PRIMARY KEY (visit, "ssObjectId")
);
INSERT INTO "SsPrediction" VALUES(9007199254740993,21164728253101137,'2015 MQ204',60000.25,0.0,-0.5,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE "SsReportedSource" (
	"diaSourceId" BIGINT NOT NULL, 
	visit BIGINT NOT NULL, 
	stn VARCHAR(4), 
	designation VARCHAR(25), 
	"trkSub" VARCHAR(8), 
	"obsSubID" VARCHAR(25), 
	"obsID" VARCHAR(25), 
	"trkID" VARCHAR(12), 
	"submissionId" VARCHAR(64), 
	mode VARCHAR(3), 
	"astCat" VARCHAR(8), 
	mag REAL, 
	band VARCHAR(3), 
	file TEXT, 
	"submittedAt" TIMESTAMP, 
	CONSTRAINT "pk_SsReportedSource" PRIMARY KEY ("diaSourceId")
);
CREATE TABLE "Visit" (
	visit BIGINT NOT NULL, 
	"midpointMjdTai" DOUBLE NOT NULL, 
	instrument VARCHAR(32), 
	"observatoryCode" VARCHAR(4), 
	band VARCHAR(8), 
	"exposureTime" REAL, 
	ra DOUBLE, 
	dec DOUBLE, 
	radius DOUBLE, 
	"predictionsAt" TIMESTAMP, 
	status VARCHAR(8) DEFAULT 'pending' NOT NULL, 
	"runId" VARCHAR(32), 
	"associatedAt" TIMESTAMP, 
	"nSources" INTEGER, 
	"nTotalSsObjects" INTEGER, 
	"nAssociatedSsObjects" INTEGER, 
	"predictedBy" VARCHAR(64), depth REAL, sys VARCHAR(8), ctr INTEGER, pos1 DOUBLE, pos2 DOUBLE, pos3 DOUBLE, vel1 DOUBLE, vel2 DOUBLE, vel3 DOUBLE, "diaStatus" VARCHAR(8) DEFAULT 'pending' NOT NULL, "diaRunId" VARCHAR(32), "diaAssociatedAt" TIMESTAMP, "nUpdatedDiaObjects" INTEGER, "nNewDiaObjects" INTEGER, "nMarginalDiaSources" INTEGER, "firstDiaSourceId" BIGINT, "lastDiaSourceId" BIGINT, 
	CONSTRAINT "pk_Visit" PRIMARY KEY (visit)
);
INSERT INTO "Visit" VALUES(9007199254740993,60000.25,NULL,NULL,'r',NULL,NULL,NULL,NULL,'2026-11-22 01:02:03.000004','pending',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'pending',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE "VisitDetector" (
	visit BIGINT NOT NULL, 
	detector SMALLINT NOT NULL, 
	footprint BLOB, 
	"capRa" DOUBLE, 
	"capDec" DOUBLE, 
	"capRadius" DOUBLE, 
	width INTEGER, 
	height INTEGER, 
	"pixelScale" DOUBLE, 
	wcs TEXT, 
	"photoCalibMean" DOUBLE, 
	"photoCalibErr" DOUBLE, 
	status VARCHAR(8) DEFAULT 'pending' NOT NULL, 
	"runId" VARCHAR(32), 
	"associatedAt" TIMESTAMP, 
	"nSources" INTEGER, 
	"nTotalSsObjects" INTEGER, 
	"nAssociatedSsObjects" INTEGER, 
	"nDiaSources" INTEGER DEFAULT '0' NOT NULL, 
	"firstSourceMjdTai" DOUBLE, 
	"lastSourceMjdTai" DOUBLE, 
	"maxSourceVariance" DOUBLE, depth REAL, "sourceCounts" BLOB, "firstDiaSourceId" BIGINT, "lastDiaSourceId" BIGINT, 
	CONSTRAINT "pk_VisitDetector" PRIMARY KEY (visit, detector)
);
INSERT INTO "VisitDetector" VALUES(9007199254740993,3,X'00FF',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'done',NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('20261209');
CREATE TABLE current_identifications (
	id INTEGER NOT NULL, 
	packed_primary_provisional_designation VARCHAR(16) NOT NULL, 
	packed_secondary_provisional_designation VARCHAR(16) NOT NULL, 
	unpacked_primary_provisional_designation VARCHAR(16) NOT NULL, 
	unpacked_secondary_provisional_designation VARCHAR(16) NOT NULL, 
	published BOOLEAN, 
	identifier_ids TEXT NOT NULL, 
	object_type INTEGER, 
	numbered BOOLEAN, 
	created_at TIMESTAMP, 
	updated_at TIMESTAMP, 
	CONSTRAINT pk_current_identifications PRIMARY KEY (id), 
	CONSTRAINT uq_current_identifications_packed_secondary UNIQUE (packed_secondary_provisional_designation)
);
CREATE TABLE metadata (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_metadata PRIMARY KEY (name)
);
INSERT INTO "metadata" VALUES('it''s; -- "quoted"','');
CREATE TABLE mpc_orbits (
	id INTEGER NOT NULL, 
	designation VARCHAR(16) NOT NULL, 
	packed_primary_provisional_designation VARCHAR(16) NOT NULL, 
	unpacked_primary_provisional_designation VARCHAR(16) NOT NULL, 
	mpc_orb_jsonb TEXT, 
	created_at TIMESTAMP, 
	updated_at TIMESTAMP, 
	orbit_type_int INTEGER, 
	u_param INTEGER, 
	nopp INTEGER, 
	arc_length_total DOUBLE, 
	arc_length_sel DOUBLE, 
	nobs_total INTEGER, 
	nobs_total_sel INTEGER, 
	a DOUBLE, 
	q DOUBLE, 
	e DOUBLE, 
	i DOUBLE, 
	node DOUBLE, 
	argperi DOUBLE, 
	peri_time DOUBLE, 
	yarkovsky DOUBLE, 
	srp DOUBLE, 
	a1 DOUBLE, 
	a2 DOUBLE, 
	a3 DOUBLE, 
	dt DOUBLE, 
	mean_anomaly DOUBLE, 
	period DOUBLE, 
	mean_motion DOUBLE, 
	a_unc DOUBLE, 
	q_unc DOUBLE, 
	e_unc DOUBLE, 
	i_unc DOUBLE, 
	node_unc DOUBLE, 
	argperi_unc DOUBLE, 
	peri_time_unc DOUBLE, 
	yarkovsky_unc DOUBLE, 
	srp_unc DOUBLE, 
	a1_unc DOUBLE, 
	a2_unc DOUBLE, 
	a3_unc DOUBLE, 
	dt_unc DOUBLE, 
	mean_anomaly_unc DOUBLE, 
	period_unc DOUBLE, 
	mean_motion_unc DOUBLE, 
	epoch_mjd DOUBLE, 
	h DOUBLE, 
	g DOUBLE, 
	not_normalized_rms DOUBLE, 
	normalized_rms DOUBLE, 
	earth_moid DOUBLE, 
	fitting_datetime TIMESTAMP, 
	designation_in_source VARCHAR(16), 
	CONSTRAINT pk_mpc_orbits PRIMARY KEY (id), 
	CONSTRAINT uq_mpc_orbits_designation UNIQUE (designation), 
	CONSTRAINT uq_mpc_orbits_packed_primary_provisional_designation UNIQUE (packed_primary_provisional_designation), 
	CONSTRAINT uq_mpc_orbits_unpacked_primary_provisional_designation UNIQUE (unpacked_primary_provisional_designation)
);
CREATE TABLE numbered_identifications (
	id INTEGER NOT NULL, 
	packed_primary_provisional_designation VARCHAR(16) NOT NULL, 
	unpacked_primary_provisional_designation VARCHAR(16) NOT NULL, 
	permid VARCHAR(16) NOT NULL, 
	iau_designation TEXT, 
	iau_name VARCHAR(32), 
	numbered_publication_references TEXT, 
	named_publication_references TEXT, 
	naming_credit TEXT, 
	created_at TIMESTAMP, 
	updated_at TIMESTAMP, 
	CONSTRAINT pk_numbered_identifications PRIMARY KEY (id), 
	CONSTRAINT uq_numbered_identifications_iau_name UNIQUE (iau_name), 
	CONSTRAINT uq_numbered_identifications_packed_primary UNIQUE (packed_primary_provisional_designation), 
	CONSTRAINT uq_numbered_identifications_permid UNIQUE (permid), 
	CONSTRAINT uq_numbered_identifications_unpacked_primary UNIQUE (unpacked_primary_provisional_designation)
);
CREATE INDEX "ix_DiaForcedSource_visit_detector" ON "DiaForcedSource" (visit, detector);
CREATE INDEX "ix_DiaObject_validityStartMjdTai" ON "DiaObject" ("validityStartMjdTai");
CREATE INDEX "ix_DiaSource_diaObjectId" ON "DiaSource" ("diaObjectId") WHERE "diaObjectId" IS NOT NULL;
CREATE INDEX "ix_DiaSource_visit_zone_ra" ON "DiaSource" (visit, zone, ra);
CREATE INDEX "ix_SSObject_MOIDEarth" ON "SSObject" ("MOIDEarth");
CREATE INDEX "ix_SSSource_designation" ON "SSSource" (designation);
CREATE INDEX "ix_SSSource_ssObjectId" ON "SSSource" ("ssObjectId");
CREATE INDEX "ix_SSSource_visit" ON "SSSource" (visit);
CREATE INDEX "ix_SsAlias_ssObjectId" ON "SsAlias" ("ssObjectId");
CREATE INDEX "ix_SsEphemeris_night_zone_raMin" ON "SsEphemeris" (night, zone, "raMin");
CREATE INDEX "ix_Visit_status" ON "Visit" (status);
CREATE INDEX ix_current_identifications_packed_primary ON current_identifications (packed_primary_provisional_designation);
CREATE INDEX "ix_DiaObjectBase_currentId" ON "DiaObjectBase" ("currentId");
CREATE INDEX "ix_DiaObjectAlias_newId" ON "DiaObjectAlias" ("newId");
CREATE INDEX "ix_Visit_diaStatus_midpointMjdTai" ON "Visit" ("diaStatus", "midpointMjdTai");
CREATE INDEX "ix_DiaObjectLast_zone_searchRa" ON "DiaObjectLast" (zone, "searchRa");
CREATE INDEX "ix_SsObjectChange_ssObjectId" ON "SsObjectChange" ("ssObjectId");
CREATE INDEX "ix_SsReportedSource_visit" ON "SsReportedSource" (visit);
CREATE VIEW "ObjectName" AS -- Every name of an object that is known here, with its identifier and designation.
-- Names are those of SsAlias, and the designations of objects that have a source and no row there.
SELECT a."alias", a."ssObjectId",
       coalesce((SELECT min(p."alias") FROM "SsAlias" p WHERE p."ssObjectId" = a."ssObjectId" AND p."kind" = 'provisional'),
                (SELECT min(n."alias") FROM "SsAlias" n WHERE n."ssObjectId" = a."ssObjectId" AND n."kind" = 'number'),
                a."alias") AS "designation",
       a."kind"
FROM "SsAlias" a
UNION ALL
SELECT m."designation", m."ssObjectId", m."designation",
       CASE WHEN m."ssObjectId" < 0 THEN 'name'
            WHEN m."ssObjectId" < 1099511627776 THEN 'number'       -- packed into 5 characters
            ELSE 'provisional' END
FROM (SELECT DISTINCT "designation", "ssObjectId" FROM "SSSource") m
WHERE m."designation" IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM "SsAlias" s WHERE s."alias" = m."designation" AND s."ssObjectId" = m."ssObjectId");
CREATE VIEW "SsObjectSummary" AS -- The known objects that were seen: one row an object with its number of sources, nights, and the time that they span.
--
-- Columns:
--   nNights                 integer  -  Nights with a source: integer parts of MJD TAI
--   lastObservationMjdTai   double   d  The survey's last observation, MJD TAI
SELECT m."ssObjectId", max(m."designation") AS "designation", CAST(count(*) AS integer) AS "nObs",
       CAST(count(DISTINCT floor(d."midpointMjdTai")) AS integer) AS "nNights",
       CAST(max(d."midpointMjdTai") - min(d."midpointMjdTai") AS real) AS "arc",
       min(d."midpointMjdTai") AS "firstObservationMjdTai", max(d."midpointMjdTai") AS "lastObservationMjdTai"
FROM "SSSource" m
JOIN "DiaSource" d ON d."diaSourceId" = m."diaSourceId" AND d."visit" = m."visit"
GROUP BY m."ssObjectId";
CREATE VIEW "SsObservation" AS -- What was observed of known objects: SSSource with its DiaSource and the object's orbit, one row a source.
-- a, the semi-major axis, is q / (1 - e), there for ellipses alone. chi2, logOdds and probability are those of the match,
-- NULL in fixed mode.
--
-- Columns:
--   mag         double  mag  AB magnitude of psfFlux; NULL where that is not above 0
--   magErr      double  mag  1-sigma error of mag
--   reducedMag  double  mag  mag at 1 au from the Sun and from the observer: mag - 5 log10(helioRange topoRange)
--   midpointUtc    text    -  midpointMjdTai in UTC: ISO 8601 to the millisecond; NULL before 1972
--   emittedMjdTai  double  d  When the light left the object: midpointMjdTai less the light time of topoRange, MJD TAI
SELECT m."ssObjectId", m."designation", m."visit", m."detector", m."diaSourceId", d."midpointMjdTai", d."exposureTime",
       d."band", d."ra", d."raErr", d."dec", d."decErr", d."ra_dec_Cov",
       CASE WHEN d."psfFlux" > 0 THEN 31.4 - 2.5 * log10(d."psfFlux") END AS "mag",
       CASE WHEN d."psfFlux" > 0
            THEN 1.0857362047581296 * CAST(d."psfFluxErr" AS double precision) / d."psfFlux" END AS "magErr",
       CASE WHEN d."psfFlux" > 0 AND m."helioRange" > 0 AND m."topoRange" > 0
            THEN 31.4 - 2.5 * log10(d."psfFlux")
                 - 5 * log10(CAST(m."helioRange" AS double precision) * m."topoRange") END AS "reducedMag",
       d."psfFlux", d."psfFluxErr", d."apFlux", d."apFluxErr", d."trailFlux", d."trailFluxErr", d."scienceFlux",
       d."scienceFluxErr", d."snr", d."isNegative", d."extendedness", d."reliability", d."trailLength", d."trailAngle",
       d."psfFlux_flag", d."centroid_flag", d."trail_flag", d."pixelFlags_edge", d."pixelFlags_saturated",
       d."pixelFlags_cr", d."pixelFlags_streak",
       m."ephRa", m."ephDec", m."ephRate", m."ephRateRa", m."ephRateDec", m."ephVmag", m."ephOffset", m."ephOffsetRa",
       m."ephOffsetDec", m."ephOffsetAlongTrack", m."ephOffsetCrossTrack", m."diaDistanceRank",
       m."eclLambda", m."eclBeta", m."galLon", m."galLat", m."phaseAngle", m."elongation",
       m."topoRange", m."topoRangeRate", m."helioRange", m."helioRangeRate",
       m."helio_x", m."helio_y", m."helio_z", m."helio_vx", m."helio_vy", m."helio_vz", m."helio_vtot",
       m."topo_x", m."topo_y", m."topo_z", m."topo_vx", m."topo_vy", m."topo_vz", m."topo_vtot",
       o."epoch_mjd", o."q", o."e", o."i", o."node", o."argperi", o."peri_time",
       CASE WHEN o."e" < 1 THEN o."q" / (1 - o."e") END AS "a", o."h", o."g", o."earth_moid",
       (SELECT CASE WHEN tai >= 10000 THEN
            CAST(1900 + y + mp / 10 AS text) || '-' || substr(CAST(103 + mp - 12 * (mp / 10) AS text), 2) || '-'
            || substr(CAST(101 + doy - (153 * mp + 2) / 5 AS text), 2) || 'T'
            || substr(CAST(100 + ms / 3600000 AS text), 2) || ':' || substr(CAST(100 + ms / 60000 % 60 AS text), 2)
            || ':' || substr(CAST(100 + ms / 1000 % 60 + leap AS text), 2)
            || '.' || substr(CAST(1000 + ms % 1000 AS text), 2) END
 FROM (SELECT tai, leap, ms, y, doy, (5 * doy + 2) / 153 AS mp
       FROM (SELECT tai, leap, ms, y, day - 1461 * y / 4 AS doy
             FROM (SELECT tai, leap, ms, day, (4 * day + 3) / 1461 AS y
                   FROM (SELECT tai, leap, utc % 86400000 AS ms, 41317 - 15079 + utc / 86400000 AS day
                         FROM (SELECT tai, CASE WHEN tai - era < 1000 THEN 1 ELSE 0 END AS leap,
                                      tai - era % 86400000 - 1000 AS utc
                               FROM (SELECT tai, CASE WHEN tai >= 1420156836000 THEN 1420156836000 WHEN tai >= 1372636835000 THEN 1372636835000 WHEN tai >= 1278028834000 THEN 1278028834000 WHEN tai >= 1167696033000 THEN 1167696033000 WHEN tai >= 1073001632000 THEN 1073001632000 WHEN tai >= 852076831000 THEN 852076831000 WHEN tai >= 804643230000 THEN 804643230000 WHEN tai >= 757382429000 THEN 757382429000 WHEN tai >= 709948828000 THEN 709948828000 WHEN tai >= 678412827000 THEN 678412827000 WHEN tai >= 646876826000 THEN 646876826000 WHEN tai >= 599616025000 THEN 599616025000 WHEN tai >= 568080024000 THEN 568080024000 WHEN tai >= 504921623000 THEN 504921623000 WHEN tai >= 425952022000 THEN 425952022000 WHEN tai >= 362793621000 THEN 362793621000 WHEN tai >= 331257620000 THEN 331257620000 WHEN tai >= 299721619000 THEN 299721619000 WHEN tai >= 252460818000 THEN 252460818000 WHEN tai >= 220924817000 THEN 220924817000 WHEN tai >= 189388816000 THEN 189388816000 WHEN tai >= 157852815000 THEN 157852815000 WHEN tai >= 126230414000 THEN 126230414000 WHEN tai >= 94694413000 THEN 94694413000 WHEN tai >= 63158412000 THEN 63158412000 WHEN tai >= 31622411000 THEN 31622411000 WHEN tai >= 15724810000 THEN 15724810000 WHEN tai >= 9000 THEN 9000 END AS era
                                     FROM (SELECT CAST(floor((d."midpointMjdTai" - 41317) * 86400000 + 0.5) AS bigint) AS tai
                                          ) a) b) c) d) e) f) g) AS "midpointUtc",
       d."midpointMjdTai" - 0.005775518331436995 * CAST(m."topoRange" AS double precision) AS "emittedMjdTai",
       c."chi2", c."logOdds", c."probability"
FROM "SSSource" m
JOIN "DiaSource" d ON d."diaSourceId" = m."diaSourceId" AND d."visit" = m."visit"
LEFT JOIN "SsCandidate" c ON c."visit" = m."visit" AND c."ssObjectId" = m."ssObjectId"
                         AND c."diaSourceId" = m."diaSourceId"
LEFT JOIN "mpc_orbits" o ON o."unpacked_primary_provisional_designation" = m."designation";
CREATE VIEW "SsOrbit" AS -- The orbits of mpc_orbits with what follows from their elements: one row an object.
-- a, the semi-major axis, is q / (1 - e); it and the aphelion are there for ellipses alone. The classes have the bounds
-- of JPL's Small-Body Database; a designation such as C/2017 K2 or 67P makes a comet, 1I an interstellar object.
--
-- Columns:
--   aphelion     double   AU  Aphelion distance; NULL where the orbit is not closed
--   orbitClass   text     -   Dynamical class; NULL where q or e is unknown
--   isNearEarth  boolean  -   q < 1.3 au; of comets those with a period below 200 years (a < 34.2 au)
--   isHazardous  boolean  -   Potentially hazardous: near Earth, MOID <= 0.05 au, H <= 22; NULL where that is unknown
SELECT o."designation", o."packed_primary_provisional_designation", o."epoch_mjd", o."q", o."e", o."i", o."node",
       o."argperi", o."peri_time", o."a", o."aphelion", o."h", o."g", o."earth_moid", o."u_param", o."nopp",
       o."arc_length_total", CAST(o."tisserand" AS real) AS "tisserand_J",
       CASE
           WHEN o."q" IS NULL OR o."e" IS NULL THEN NULL
           WHEN o."mark" = 'I' THEN 'interstellar'
           WHEN o."mark" <> '' THEN CASE
               WHEN o."e" > 1 THEN 'hyperbolic comet'
               WHEN o."e" = 1 THEN 'parabolic comet'
               WHEN o."tisserand" > 2 AND o."tisserand" < 3 THEN 'Jupiter-family comet'
               WHEN o."tisserand" >= 3 AND o."a" < 5.2044 THEN 'Encke-type comet'
               WHEN o."tisserand" >= 3 THEN 'Chiron-type comet'
               WHEN o."a" < 34.2 THEN 'Halley-type comet'
               ELSE 'long-period comet' END
           WHEN o."e" > 1 THEN 'hyperbolic'
           WHEN o."e" = 1 THEN 'parabolic'
           WHEN o."aphelion" < 0.983 THEN 'Atira'
           WHEN o."q" < 1.3 AND o."a" < 1.0 THEN 'Aten'
           WHEN o."q" < 1.017 THEN 'Apollo'
           WHEN o."q" < 1.3 THEN 'Amor'
           WHEN o."q" < 1.666 AND o."a" < 3.2 THEN 'Mars-crosser'
           WHEN o."a" < 2.0 THEN 'inner main belt'
           WHEN o."a" < 3.2 THEN 'main belt'
           WHEN o."a" < 4.6 THEN 'outer main belt'
           WHEN o."a" < 5.5 AND o."e" < 0.3 THEN 'Jupiter Trojan'
           WHEN o."a" < 5.5 THEN 'other'
           WHEN o."a" < 30.1 THEN 'Centaur'
           ELSE 'trans-Neptunian' END AS "orbitClass",
       o."near" AS "isNearEarth",
       o."near" AND o."earth_moid" <= 0.05 AND o."h" <= 22 AS "isHazardous"
FROM (
    SELECT p.*, p."q" < 1.3 AND (p."mark" = '' OR (p."e" < 1 AND p."a" < 34.2)) AS "near"
    FROM (
        SELECT m."unpacked_primary_provisional_designation" AS "designation",
               m."packed_primary_provisional_designation", m."epoch_mjd", m."q", m."e", m."i", m."node", m."argperi",
               m."peri_time", m."h", m."g", m."earth_moid", m."u_param", m."nopp", m."arc_length_total",
               CASE WHEN m."e" < 1 THEN m."q" / (1 - m."e") END AS "a",
               CASE WHEN m."e" < 1 THEN m."q" * (1 + m."e") / (1 - m."e") END AS "aphelion",
               -- With q and e, so that it holds for every orbit: a (1 - e^2) = q (1 + e).
               CASE WHEN m."q" > 0 THEN 5.2044 * (1 - m."e") / m."q"
                    + 2 * cos(radians(m."i")) * sqrt(m."q" * (1 + m."e") / 5.2044) END AS "tisserand",
               -- The letter of a comet's designation: before the slash, or after the number.
               CASE WHEN substr(m."unpacked_primary_provisional_designation", 2, 1) = '/'
                    THEN replace(substr(m."unpacked_primary_provisional_designation", 1, 1), 'A', '')
                    WHEN replace(m."unpacked_primary_provisional_designation", ' ', '')
                         = m."unpacked_primary_provisional_designation"
                    THEN substr(m."unpacked_primary_provisional_designation", 1
                                + length(rtrim(m."unpacked_primary_provisional_designation",
                                               'ABCDEFGHIJKLMNOPQRSTUVWXYZ-')), 1)
                    ELSE '' END AS "mark"
        FROM "mpc_orbits" m
    ) p
) o;
CREATE VIEW "UnassociatedSsObject" AS -- Objects that were expected and not seen, with their predictions.
-- Those in the padding around a detector (edgeDistance below 0) are not expected there. Without footprints
-- (edgeDistance NULL) every object predicted for the visit is. ephMag and pDetected, how bright it should be in the visit's
-- band and how probably it is among the sources, are NULL in fixed mode.
SELECT e."visit", e."ssObjectId", e."detector", e."edgeDistance", e."nCandidates", p."designation",
       p."midpointMjdTai", p."ephRa", p."ephDec", p."ephRateRa", p."ephRateDec", p."ephVmag",
       p."ephErrMajor", p."ephErrMinor", p."ephErrPa", (SELECT CASE WHEN tai >= 10000 THEN
            CAST(1900 + y + mp / 10 AS text) || '-' || substr(CAST(103 + mp - 12 * (mp / 10) AS text), 2) || '-'
            || substr(CAST(101 + doy - (153 * mp + 2) / 5 AS text), 2) || 'T'
            || substr(CAST(100 + ms / 3600000 AS text), 2) || ':' || substr(CAST(100 + ms / 60000 % 60 AS text), 2)
            || ':' || substr(CAST(100 + ms / 1000 % 60 + leap AS text), 2)
            || '.' || substr(CAST(1000 + ms % 1000 AS text), 2) END
 FROM (SELECT tai, leap, ms, y, doy, (5 * doy + 2) / 153 AS mp
       FROM (SELECT tai, leap, ms, y, day - 1461 * y / 4 AS doy
             FROM (SELECT tai, leap, ms, day, (4 * day + 3) / 1461 AS y
                   FROM (SELECT tai, leap, utc % 86400000 AS ms, 41317 - 15079 + utc / 86400000 AS day
                         FROM (SELECT tai, CASE WHEN tai - era < 1000 THEN 1 ELSE 0 END AS leap,
                                      tai - era % 86400000 - 1000 AS utc
                               FROM (SELECT tai, CASE WHEN tai >= 1420156836000 THEN 1420156836000 WHEN tai >= 1372636835000 THEN 1372636835000 WHEN tai >= 1278028834000 THEN 1278028834000 WHEN tai >= 1167696033000 THEN 1167696033000 WHEN tai >= 1073001632000 THEN 1073001632000 WHEN tai >= 852076831000 THEN 852076831000 WHEN tai >= 804643230000 THEN 804643230000 WHEN tai >= 757382429000 THEN 757382429000 WHEN tai >= 709948828000 THEN 709948828000 WHEN tai >= 678412827000 THEN 678412827000 WHEN tai >= 646876826000 THEN 646876826000 WHEN tai >= 599616025000 THEN 599616025000 WHEN tai >= 568080024000 THEN 568080024000 WHEN tai >= 504921623000 THEN 504921623000 WHEN tai >= 425952022000 THEN 425952022000 WHEN tai >= 362793621000 THEN 362793621000 WHEN tai >= 331257620000 THEN 331257620000 WHEN tai >= 299721619000 THEN 299721619000 WHEN tai >= 252460818000 THEN 252460818000 WHEN tai >= 220924817000 THEN 220924817000 WHEN tai >= 189388816000 THEN 189388816000 WHEN tai >= 157852815000 THEN 157852815000 WHEN tai >= 126230414000 THEN 126230414000 WHEN tai >= 94694413000 THEN 94694413000 WHEN tai >= 63158412000 THEN 63158412000 WHEN tai >= 31622411000 THEN 31622411000 WHEN tai >= 15724810000 THEN 15724810000 WHEN tai >= 9000 THEN 9000 END AS era
                                     FROM (SELECT CAST(floor((p."midpointMjdTai" - 41317) * 86400000 + 0.5) AS bigint) AS tai
                                          ) a) b) c) d) e) f) g) AS "midpointUtc", e."ephMag", e."pDetected"
FROM "SsExpected" e
JOIN "SsPrediction" p ON p."visit" = e."visit" AND p."ssObjectId" = e."ssObjectId"
WHERE e."diaSourceId" IS NULL AND (e."edgeDistance" IS NULL OR e."edgeDistance" >= 0);
COMMIT;
