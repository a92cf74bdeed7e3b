-- Every phase curve in SsObjectFit is of an object of SSObject, with as many observations in its band.
SELECT f."ssObjectId", f.band, f.model
FROM "SsObjectFit" f
LEFT JOIN "SSObject" o ON o."ssObjectId" = f."ssObjectId"
WHERE o."ssObjectId" IS NULL
   OR f."nObs" <> CASE f.band WHEN 'u' THEN o."u_nObs" WHEN 'g' THEN o."g_nObs" WHEN 'r' THEN o."r_nObs"
                              WHEN 'i' THEN o."i_nObs" WHEN 'z' THEN o."z_nObs" ELSE o."y_nObs" END
   OR f."nObsUsed" > f."nObs"
