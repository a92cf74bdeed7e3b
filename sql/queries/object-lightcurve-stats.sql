-- Statistics of a DiaObject's light curve that need all its points, by band: percentiles, scatter, skewness, a line.
--
-- Of psfFlux. Percentiles are interpolated. The line is that of least squares, weighted with psfFluxErr, over time since
-- the first source of the band; chi2 is that of a constant flux. What takes more than SQL (Stetson J, periods) is in
-- Python: ssdb.light_curve_statistics.
--
-- Parameters:
--   object  diaobject  -  required  diaObjectId of the object
-- Columns:
--   n          integer  -      Sources with psfFlux
--   p5         double   nJy    5th percentile
--   p25        double   nJy    25th percentile
--   median     double   nJy    50th percentile
--   p75        double   nJy    75th percentile
--   p95        double   nJy    95th percentile
--   mad        double   nJy    Median of the distances from the median
--   skewness   double   -      Skewness, corrected for the number of points; NULL below three
--   chi2       double   -      Sum of the squared deviations from the weighted mean over the errors
--   slope      double   nJy/d  Slope of the line
--   intercept  double   nJy    The line at the first source of the band
-- Example: --param object=1234567890123
WITH points AS (
    SELECT coalesce(s."band", '') AS band, s."midpointMjdTai" AS t, CAST(s."psfFlux" AS double precision) AS f,
           CASE WHEN s."psfFluxErr" > 0 THEN CAST(s."psfFluxErr" AS double precision) END AS e
    FROM "DiaSource" s
    WHERE s."diaObjectId" = CAST(:object AS bigint) AND s."psfFlux" IS NOT NULL
), ranked AS (
    SELECT p.*, row_number() OVER (PARTITION BY band ORDER BY f) - 1 AS place, count(*) OVER (PARTITION BY band) AS n,
           min(t) OVER (PARTITION BY band) AS t0, avg(f) OVER (PARTITION BY band) AS mean
    FROM points p
), wanted AS (
    SELECT 5 AS percent UNION ALL SELECT 25 UNION ALL SELECT 50 UNION ALL SELECT 75 UNION ALL SELECT 95
), percentiles AS (
    SELECT r.band, w.percent,
           sum(f * CASE WHEN abs(place - (n - 1) * w.percent / 100.0e0) < 1
                        THEN 1 - abs(place - (n - 1) * w.percent / 100.0e0) ELSE 0 END) AS value
    FROM ranked r CROSS JOIN wanted w
    GROUP BY r.band, w.percent
), apart AS (
    SELECT r.band, abs(r.f - p.value) AS d, r.n,
           row_number() OVER (PARTITION BY r.band ORDER BY abs(r.f - p.value)) - 1 AS place
    FROM ranked r JOIN percentiles p ON p.band = r.band AND p.percent = 50
), scatter AS (
    SELECT band, sum(d * CASE WHEN abs(place - (n - 1) / 2.0e0) < 1 THEN 1 - abs(place - (n - 1) / 2.0e0) ELSE 0 END) AS mad
    FROM apart GROUP BY band
), weighted AS (
    SELECT band, sum(f / (e * e)) / sum(1 / (e * e)) AS mean, sum((t - t0) / (e * e)) / sum(1 / (e * e)) AS middle
    FROM ranked WHERE e IS NOT NULL GROUP BY band
), line AS (
    SELECT r.band, sum((r.f - w.mean) * (r.f - w.mean) / (e * e)) AS chi2, w.mean, w.middle,
           sum((r.t - r.t0 - w.middle) * (r.f - w.mean) / (e * e))
           / nullif(sum((r.t - r.t0 - w.middle) * (r.t - r.t0 - w.middle) / (e * e)), 0) AS slope
    FROM ranked r JOIN weighted w ON w.band = r.band
    WHERE r.e IS NOT NULL GROUP BY r.band, w.mean, w.middle
), moments AS (
    SELECT band, n, sum((f - mean) * (f - mean)) AS m2, sum((f - mean) * (f - mean) * (f - mean)) AS m3
    FROM ranked GROUP BY band, n
)
SELECT m.band AS "band", CAST(m.n AS integer) AS "n",
       max(CASE WHEN p.percent = 5 THEN p.value END) AS "p5", max(CASE WHEN p.percent = 25 THEN p.value END) AS "p25",
       max(CASE WHEN p.percent = 50 THEN p.value END) AS "median", max(CASE WHEN p.percent = 75 THEN p.value END) AS "p75",
       max(CASE WHEN p.percent = 95 THEN p.value END) AS "p95", s.mad AS "mad",
       CASE WHEN m.n > 2 AND m.m2 > 0
            THEN m.n * sqrt(m.n - 1.0e0) / (m.n - 2.0e0) * m.m3 / (m.m2 * sqrt(m.m2)) END AS "skewness",
       l.chi2 AS "chi2", l.slope AS "slope", l.mean - l.slope * l.middle AS "intercept"
FROM moments m
JOIN percentiles p ON p.band = m.band
JOIN scatter s ON s.band = m.band
LEFT JOIN line l ON l.band = m.band
GROUP BY m.band, m.n, m.m2, m.m3, s.mad, l.chi2, l.slope, l.mean, l.middle
ORDER BY m.band
