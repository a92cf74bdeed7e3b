-- Objects that were once far brighter or fainter than their phase curves say: outbursts, activity, a wrong match.
--
-- Of every object and band the observation farthest from the fit on either side, as SsObjectFit has it, whether it was
-- fitted or left out as an outlier. The error in deviation is that of the flux, with the scatter of the fit.
--
-- Parameters:
--   sigmas  positive  -    5    At least so far from the fit, in errors
--   times   integer   -    5    Only fits of at least this many observations
--   since   time      -    all  Only observations from this time on
--   until   time      -    all  Only observations before this time
-- Columns:
--   kind            text    -    brighter or fainter
--   difference      double  mag  Magnitude minus the fit: below 0, brighter
--   deviation       double  -    The same over its error
-- Example: --param sigmas=4
SELECT o."designation", f."ssObjectId", f."band", d.kind AS "kind", d.difference AS "difference",
       d.deviation AS "deviation", d.mjd AS "midpointMjdTai", d.source AS "diaSourceId", f."fitH", f."G12", f."nObsUsed",
       f."rms"
FROM (
    SELECT "ssObjectId", "band", "model", 'brighter' AS kind, CAST("brightestMag" AS double precision) AS difference,
           CAST("brightestSigma" AS double precision) AS deviation, "brightestMjdTai" AS mjd, "brightestDiaSourceId" AS source
    FROM "SsObjectFit" WHERE "model" <> 'HG1G2'
    UNION ALL
    SELECT "ssObjectId", "band", "model", 'fainter', "faintestMag", "faintestSigma", "faintestMjdTai", "faintestDiaSourceId"
    FROM "SsObjectFit" WHERE "model" <> 'HG1G2'
) d
JOIN "SsObjectFit" f ON f."ssObjectId" = d."ssObjectId" AND f."band" = d."band" AND f."model" = d."model"
JOIN "SSObject" o ON o."ssObjectId" = f."ssObjectId"
WHERE abs(d.deviation) > CAST(:sigmas AS double precision) AND f."nObsUsed" >= CAST(:times AS integer)
  AND d.mjd >= coalesce(CAST(:since AS double precision), -1e9)
  AND d.mjd < coalesce(CAST(:until AS double precision), 1e9)
ORDER BY abs(d.deviation) DESC, f."ssObjectId", f."band", d.kind
