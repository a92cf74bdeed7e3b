-- Objects that were expected and not seen, with their predictions.
-- Those in the padding around a detector (edgeDistance below 0) are not expected there. Without footprints
-- (edgeDistance NULL) every object predicted for the visit is. ephMag and pDetected, how bright it should be in the visit's
-- band and how probably it is among the sources, are NULL in fixed mode.
SELECT e."visit", e."ssObjectId", e."detector", e."edgeDistance", e."nCandidates", p."designation",
       p."midpointMjdTai", p."ephRa", p."ephDec", p."ephRateRa", p."ephRateDec", p."ephVmag",
       p."ephErrMajor", p."ephErrMinor", p."ephErrPa", utc_text(p."midpointMjdTai") AS "midpointUtc", e."ephMag", e."pDetected"
FROM "SsExpected" e
JOIN "SsPrediction" p ON p."visit" = e."visit" AND p."ssObjectId" = e."ssObjectId"
WHERE e."diaSourceId" IS NULL AND (e."edgeDistance" IS NULL OR e."edgeDistance" >= 0)
