-- What was observed of known objects: SSSource with its DiaSource and the object's orbit, one row a source.
-- a, the semi-major axis, is q / (1 - e), there for ellipses alone. chi2, logOdds and probability are those of the match,
-- NULL in fixed mode.
--
-- Columns:
--   mag            double  mag  phot.mag             AB magnitude of psfFlux; NULL where that is not above 0
--   magErr         double  mag  stat.error;phot.mag  1-sigma error of mag
--   reducedMag     double  mag  phot.mag             mag at 1 au from the Sun and from the observer: mag - 5 log10(helioRange topoRange)
--   midpointUtc    text    -    time.epoch           midpointMjdTai in UTC: ISO 8601 to the millisecond; NULL before 1972
--   emittedMjdTai  double  d    time.epoch;src       When the light left the object: midpointMjdTai less the light time of topoRange, MJD TAI
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
       utc_text(d."midpointMjdTai") AS "midpointUtc",
       d."midpointMjdTai" - 0.005775518331436995 * CAST(m."topoRange" AS double precision) AS "emittedMjdTai",
       c."chi2", c."logOdds", c."probability"
FROM "SSSource" m
JOIN "DiaSource" d ON d."diaSourceId" = m."diaSourceId" AND d."visit" = m."visit"
LEFT JOIN "SsCandidate" c ON c."visit" = m."visit" AND c."ssObjectId" = m."ssObjectId"
                         AND c."diaSourceId" = m."diaSourceId"
LEFT JOIN "mpc_orbits" o ON o."unpacked_primary_provisional_designation" = m."designation"
