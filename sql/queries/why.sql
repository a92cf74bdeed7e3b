-- Why a source is an object in a visit, or is not: every candidate of the object, the best first, and what was weighed.
--
-- An object without a candidate has one row, which says whether it was predicted, and expected on a detector. A sigma is
-- the error of prediction and source together, "seen with probability" is pDetected; trail and artefact (flags, reliability)
-- are told where they make the odds twice as high or low. In fixed mode there are no odds.
--
-- Parameters:
--   object  object   -  required  Any name of the object
--   visit   integer  -  all       Only this visit; all: every visit in which the object is predicted
-- Columns:
--   why    text  -    The reason in words
--   depth  real  mag  AB magnitude of a point source of 5 sigma, in the visit or on the detector
-- Example: --param object=433 --param visit=3
WITH asked AS (
    SELECT CAST(:visit AS bigint) AS visit WHERE CAST(:visit AS bigint) IS NOT NULL
    UNION ALL
    SELECT v."visit" FROM "Visit" v
    JOIN "SsPrediction" p ON p."visit" = v."visit" AND p."ssObjectId" = CAST(:object AS bigint)
    WHERE CAST(:visit AS bigint) IS NULL
), weighed AS (
    SELECT a.visit, c."diaSourceId" AS source, c."ssObjectId" AS id, c."separation", c."chi2", c."logOdds", c."chosen",
           c."probability", c."oddsPosition" AS o1, c."oddsDetection" AS o2, c."oddsMagnitude" AS o3,
           c."oddsTrail" AS o4, c."oddsArtefact" AS o5, e."ssObjectId" AS expected, e."detector", e."edgeDistance",
           e."diaSourceId" AS found, coalesce(c."ephMag", e."ephMag") AS mag,
           CAST(c."magnitude" AS double precision) - c."ephMag" AS fainter,
           CAST(coalesce(c."pDetected", e."pDetected") AS double precision) AS seen
    FROM asked a
    LEFT JOIN "SsExpected" e ON e."visit" = a.visit AND e."ssObjectId" = CAST(:object AS bigint)
    LEFT JOIN "SsCandidate" c ON c."visit" = a.visit AND c."ssObjectId" = e."ssObjectId"
), rivals AS (           -- other sources of the object, and other objects of the source
    SELECT w.visit, w.source, count(r."visit") AS n,
           sum(CASE WHEN r."logOdds" > w."logOdds" OR (w."logOdds" IS NULL AND r."separation" < w."separation")
                    THEN 1 ELSE 0 END) AS n_better,
           max(CASE WHEN r."chosen" AND r."diaSourceId" = w.source THEN r."ssObjectId" END) AS taken_by
    FROM weighed w
    LEFT JOIN "SsCandidate" r ON r."visit" = w.visit AND (r."ssObjectId" = w.id OR r."diaSourceId" = w.source)
                             AND NOT (r."ssObjectId" = w.id AND r."diaSourceId" = w.source)
    WHERE w.source IS NOT NULL
    GROUP BY w.visit, w.source
), compared AS (         -- by how much the parts of the source that the object has are better
    SELECT w.visit, w.source, b."oddsPosition" - o1 AS b1, b."oddsMagnitude" - o3 AS b3, b."oddsTrail" - o4 AS b4,
           b."oddsArtefact" - o5 AS b5
    FROM weighed w
    JOIN "SsCandidate" b ON b."visit" = w.visit AND b."ssObjectId" = w.id AND b."diaSourceId" = w.found
), rounded AS (          -- whole numbers, which both databases write alike
    SELECT w.*, r.n, r.n_better, r.taken_by,
           CAST(floor(100 * "separation" + 0.5) AS bigint) AS i_apart,
           CAST(floor(10 * sqrt("chi2") + 0.5) AS bigint) AS i_sigma,
           CAST(floor(10 * abs(fainter) + 0.5) AS bigint) AS i_fainter,
           CAST(floor(10 * CAST(mag AS double precision) + 0.5) AS bigint) AS i_mag,
           CAST(floor(100 * seen + 0.5) AS bigint) AS i_seen,
           CAST(floor(100 * "probability" + 0.5) AS bigint) AS i_sure
    FROM weighed w LEFT JOIN rivals r ON r.visit = w.visit AND r.source = w.source
), written AS (
    SELECT r.*, CAST(i_apart / 100 AS text) || '.' || ((i_apart / 10) % 10) || (i_apart % 10) || ' arcsec'
                || coalesce(' (' || (i_sigma / 10) || '.' || (i_sigma % 10) || ' sigma)', '') || ' from the prediction'
                || coalesce(CASE WHEN i_fainter = 0 THEN ', as bright as expected'
                                 ELSE ', ' || (i_fainter / 10) || '.' || (i_fainter % 10) || ' mag '
                                      || CASE WHEN fainter > 0 THEN 'fainter' ELSE 'brighter' END || ' than expected' END,
                            '')
                || CASE WHEN o4 > 0.7 THEN ', the trail speaks for it' WHEN o4 < -0.7 THEN ', the trail speaks against it'
                        ELSE '' END
                || CASE WHEN o5 < -0.7 THEN ', like an artefact' ELSE '' END AS apart,
           'seen with probability ' || CASE WHEN i_seen > 99 THEN 'above 0.99' WHEN i_seen < 1 THEN 'below 0.01'
                                            ELSE '0.' || (i_seen / 10) || (i_seen % 10) END AS chance,
           CASE WHEN i_sure > 99 THEN 'above 0.99' WHEN i_sure < 1 THEN 'below 0.01'
                ELSE '0.' || (i_sure / 10) || (i_sure % 10) END AS sure,
           coalesce(' at ' || (i_mag / 10) || '.' || (i_mag % 10) || ' mag', '') AS at_mag,
           coalesce(' on detector ' || "detector", '') AS place
    FROM rounded r
), ended AS (
    SELECT "night" AS night, "endsBy" AS ends_by, CAST(floor(1000 * "endsAt" + 0.5) AS bigint) AS i_end
    FROM "SsEphemerisEnd" WHERE "ssObjectId" = CAST(:object AS bigint)
), explained AS (
    SELECT w.visit, w.source, CASE
        WHEN v."visit" IS NULL THEN 'this visit is not in the database'
        WHEN p."visit" IS NULL AND v."predictionsAt" IS NULL THEN 'not predicted: the visit has no predictions yet'
        WHEN p."visit" IS NULL
        THEN 'not predicted in this visit' || coalesce('; its path ends on MJD ' || (i_end / 1000) || '.'
             || ((i_end / 100) % 10) || ((i_end / 10) % 10) || (i_end % 10) || coalesce(' (' || ends_by || ')', ''), '')
        WHEN w.expected IS NULL AND v."status" <> 'done' THEN 'predicted; the visit is not associated yet'
        WHEN w.expected IS NULL AND EXISTS (SELECT 1 FROM "VisitDetector" d
                                            WHERE d."visit" = w.visit AND d."footprint" IS NOT NULL)
        THEN 'not expected: predicted outside of all detectors'
        WHEN w.expected IS NULL THEN 'not used: the stored prediction makes no sense'
        WHEN w.source IS NULL AND w."edgeDistance" < 0
        THEN 'just outside: predicted' || at_mag || replace(place, ' on ', ' outside of ') || '; no source near'
        WHEN w.source IS NULL
        THEN CASE WHEN seen < 0.1 THEN 'too faint' ELSE 'not seen' END || ': expected' || at_mag || place
             || coalesce(', ' || chance, '') || '; no source near'
        WHEN w."chosen"
        THEN 'chosen: ' || apart || coalesce(', ' || chance, '')
             || CASE WHEN n = 0 THEN '; no rival' WHEN n_better = 0 THEN '; no better rival'
                     WHEN w."logOdds" IS NULL THEN '; a rival is nearer' ELSE '; a rival has better odds' END
        ELSE CASE
            WHEN taken_by IS NOT NULL
            THEN 'not chosen: another object has it (' || coalesce(t."designation", CAST(taken_by AS text)) || ')'
            WHEN w."logOdds" <= 0 AND o2 < 0 AND o2 <= o1 AND o2 <= o3 AND o2 <= o4 AND o2 <= o5
            THEN 'not chosen: the object is too faint'
            WHEN w."logOdds" <= 0 AND o3 < 0 AND o3 <= o1 AND o3 <= o4 AND o3 <= o5
            THEN 'not chosen: too ' || CASE WHEN fainter > 0 THEN 'faint' ELSE 'bright' END || ' for the object'
            WHEN w."logOdds" <= 0 AND o4 < 0 AND o4 <= o1 AND o4 <= o5 THEN 'not chosen: not the trail of the object'
            WHEN w."logOdds" <= 0 AND o5 < 0 AND o5 <= o1 THEN 'not chosen: looks like an artefact'
            WHEN w."logOdds" <= 0 THEN 'not chosen: more likely near by chance'
            WHEN w.found IS NOT NULL
            THEN 'not chosen: the object has another source (' || w.found || coalesce(CASE
                 WHEN b3 > 0 AND b3 >= b1 AND b3 >= b4 AND b3 >= b5 THEN ', whose magnitude fits better'
                 WHEN b4 > 0 AND b4 >= b1 AND b4 >= b5 THEN ', whose trail fits better'
                 WHEN b5 > 0 AND b5 >= b1 THEN ', which is less like an artefact'
                 WHEN b1 > 0 THEN ', whose place fits better' END, '') || ')'
            WHEN w."logOdds" IS NULL THEN 'not chosen: at the very edge of the radius'
            ELSE 'not chosen: less probable than was asked for' || coalesce(' (' || sure || ')', '') END
            || '; ' || apart || coalesce(', ' || chance, '') END AS why
    FROM written w
    LEFT JOIN compared b ON b.visit = w.visit AND b.source = w.source
    LEFT JOIN "Visit" v ON v."visit" = w.visit
    LEFT JOIN "SsPrediction" p ON p."visit" = w.visit AND p."ssObjectId" = CAST(:object AS bigint)
    LEFT JOIN "SsPrediction" t ON t."visit" = w.visit AND t."ssObjectId" = w.taken_by
    LEFT JOIN ended n ON n.night = floor(v."midpointMjdTai")
)
SELECT x.visit AS "visit", v."midpointMjdTai", CAST(:object AS bigint) AS "ssObjectId", p."designation", x.why AS "why",
       c."diaSourceId", c."chosen", c."probability", c."logOdds", c."oddsPosition", c."oddsDetection",
       c."oddsMagnitude", c."oddsTrail", c."oddsArtefact", c."separation", c."chi2", c."rank", c."density",
       coalesce(c."pDetected", e."pDetected") AS "pDetected", coalesce(c."ephMag", e."ephMag") AS "ephMag",
       c."magnitude", coalesce(v."depth", n."depth") AS "depth", c."trail", d."trailLength", d."trailAngle",
       d."reliability", p."ephVmag", p."ephErrMajor", p."ephErrMinor", p."ephErrPa", e."detector", e."edgeDistance"
FROM explained x
LEFT JOIN "Visit" v ON v."visit" = x.visit
LEFT JOIN "SsPrediction" p ON p."visit" = x.visit AND p."ssObjectId" = CAST(:object AS bigint)
LEFT JOIN "SsExpected" e ON e."visit" = x.visit AND e."ssObjectId" = CAST(:object AS bigint)
LEFT JOIN "SsCandidate" c ON c."visit" = x.visit AND c."ssObjectId" = CAST(:object AS bigint)
                         AND c."diaSourceId" = x.source
LEFT JOIN "DiaSource" d ON d."visit" = x.visit AND d."diaSourceId" = x.source
LEFT JOIN "VisitDetector" n ON n."visit" = x.visit AND n."detector" = coalesce(d."detector", e."detector")
ORDER BY v."midpointMjdTai", x.visit, c."logOdds" DESC NULLS LAST, c."separation", c."diaSourceId"
