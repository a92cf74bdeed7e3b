-- Phase curves that need a look: a slope at the end of its range, not to be fitted, or a poor fit, of many observations.
--
-- Bright objects whose light curve is large, a wrong match, or a wrong flux show here. Slopes are those of the fits in
-- SsObjectFit, HG1G2 aside.
--
-- Parameters:
--   times   integer   -    10   Only fits of at least this many observations
--   rms     positive  mag  0.3  A fit with a larger scatter is poor
-- Columns:
--   suspicion  text  -  at its bound, not fitted, or poor fit
-- Example: --param times=5
SELECT o."designation", f."ssObjectId", f."band", f."model", s.suspicion AS "suspicion", f."G12", f."G12Err", f."fitH",
       f."fitHErr", f."rms", f."chi2Reduced", f."nObs", f."nObsUsed", f."phaseAngleMin", f."phaseAngleMax"
FROM (
    SELECT "ssObjectId", "band", "model",
           CASE WHEN "rms" > CAST(:rms AS double precision) THEN 'poor fit' WHEN "slopeFitFailed" THEN 'not fitted'
                WHEN "G12" <= 0 OR "G12" >= 1 THEN 'at its bound' END AS suspicion
    FROM "SsObjectFit"
    WHERE "nObsUsed" >= CAST(:times AS integer) AND "model" <> 'HG1G2'
) s
JOIN "SsObjectFit" f ON f."ssObjectId" = s."ssObjectId" AND f."band" = s."band" AND f."model" = s."model"
JOIN "SSObject" o ON o."ssObjectId" = f."ssObjectId"
WHERE s.suspicion IS NOT NULL
ORDER BY s.suspicion, f."rms" DESC, f."ssObjectId", f."band"
