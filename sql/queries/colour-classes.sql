-- Colours of objects as differences of their absolute magnitudes, and the taxonomic class that they speak for.
--
-- Absolute magnitudes are of all observations, so that rotation is averaged and its scatter is in the errors. The class
-- is by the colour a* = 0.89 (g - r) + 0.45 (r - i) - 0.57 of Ivezic et al. (2001): below 0 C, above S, and of the latter V
-- where i - z is below -0.2; unclear where a* is within its error. Objects without H in g, r and i are left out.
--
-- Parameters:
--   times   integer  -  3    Only objects with at least this many observations fitted in each of g, r and i
--   class   text     -  all  Only this class: C, S, V or unclear
-- Columns:
--   gr         double  mag  H in g minus H in r
--   ri         double  mag  H in r minus H in i
--   iz         double  mag  H in i minus H in z; NULL without z
--   aStar      double  mag  The colour a*
--   aStarErr   double  mag  1-sigma error of aStar
--   colourClass text   -    C, S, V or unclear
-- Example: --param class=S
SELECT c."designation", c."ssObjectId", c.gr AS "gr", c.ri AS "ri", c.iz AS "iz", c.star AS "aStar", c.err AS "aStarErr",
       c.kind AS "colourClass", c."r_H", c."r_HErr", c."nObs"
FROM (
    SELECT b.*, CASE WHEN abs(b.star) < b.err THEN 'unclear' WHEN b.star < 0 THEN 'C' WHEN b.iz < -0.2 THEN 'V'
                     ELSE 'S' END AS kind
    FROM (
        SELECT a.*, 0.89 * a.gr + 0.45 * a.ri - 0.57 AS star
        FROM (
            SELECT o."designation", o."ssObjectId", o."r_H", o."r_HErr", o."nObs",
                   CAST(o."g_H" AS double precision) - o."r_H" AS gr, CAST(o."r_H" AS double precision) - o."i_H" AS ri,
                   CAST(o."i_H" AS double precision) - o."z_H" AS iz,
                   sqrt(0.7921 * CAST(o."g_HErr" AS double precision) * o."g_HErr"
                        + 0.1936 * CAST(o."r_HErr" AS double precision) * o."r_HErr"
                        + 0.2025 * CAST(o."i_HErr" AS double precision) * o."i_HErr") AS err
            FROM "SSObject" o
            WHERE o."g_nObsUsed" >= CAST(:times AS integer) AND o."r_nObsUsed" >= CAST(:times AS integer)
              AND o."i_nObsUsed" >= CAST(:times AS integer)
        ) a
    ) b
    WHERE b.star IS NOT NULL
) c
WHERE CAST(:class AS text) IS NULL OR c.kind = CAST(:class AS text)
ORDER BY c.star, c."ssObjectId"
