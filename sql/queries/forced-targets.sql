-- Where to measure forced fluxes in a visit: the DiaObjects in the circles round the outlines of its detectors.
--
-- The circle of a detector is the smallest that holds its outline, so that some of them lie off the pixels. An object in
-- several circles has a row for each. Detectors without an outline have none. Known objects that were expected and not
-- seen, `ssdb forced` measures as well.
--
-- Parameters:
--   visit        integer  -  required  The visit
--   min_sources  integer  -  1         Only objects with so many sources; Rubin's pipeline measures from 2 on
-- Columns:
--   fromCentre  double  deg  Angle between the object and the middle of the detector
-- Example: --param visit=3 --param min_sources=2
WITH RECURSIVE caps AS (
    SELECT d."detector", d."capRa" AS ra, d."capDec" AS dec, d."capRadius" + 1.0 / 3600 AS r,
           CASE WHEN abs(d."capDec") + d."capRadius" + 1.0 / 3600 >= 90 THEN 180
                ELSE degrees(asin(CASE WHEN sin(radians(d."capRadius" + 1.0 / 3600)) < cos(radians(d."capDec"))
                                       THEN sin(radians(d."capRadius" + 1.0 / 3600)) / cos(radians(d."capDec"))
                                       ELSE 1 END)) END AS w
    FROM "VisitDetector" d
    WHERE d."visit" = CAST(:visit AS bigint) AND d."capRa" IS NOT NULL
), zones AS (           -- of one arcminute of declination, by which objects are found
    SELECT c.*, CAST(floor((CASE WHEN dec - r > -90 THEN dec - r + 90 ELSE 0 END) * 60) AS integer) AS zone,
           CAST(floor((CASE WHEN dec + r < 90 THEN dec + r + 90 ELSE 180 END) * 60) AS integer) AS last_zone
    FROM caps c
    UNION ALL
    SELECT "detector", ra, dec, r, w, zone + 1, last_zone FROM zones WHERE zone < last_zone
), boxes AS (           -- on either side of 0h
    SELECT z."detector", z.ra, z.dec, z.r, z.zone, z.ra - w + s.turn AS ra0, z.ra + w + s.turn AS ra1
    FROM zones z CROSS JOIN (SELECT -360 AS turn UNION ALL SELECT 0 UNION ALL SELECT 360) s
    WHERE z.ra + w + s.turn >= 0 AND z.ra - w + s.turn <= 360 AND (s.turn = 0 OR w < 180)
), near AS (
    SELECT b."detector", b.r, o."diaObjectId", o."ra", o."dec", o."nDiaSources",
           sin(radians(o."dec" - b.dec) / 2) * sin(radians(o."dec" - b.dec) / 2)
           + cos(radians(o."dec")) * cos(radians(b.dec)) * sin(radians(o."ra" - b.ra) / 2)
             * sin(radians(o."ra" - b.ra) / 2) AS sine2
    FROM boxes b
    JOIN "DiaObjectLast" o ON o."zone" = b.zone AND o."searchRa" BETWEEN b.ra0 AND b.ra1
    WHERE o."nDiaSources" >= CAST(:min_sources AS integer)
), apart AS (
    SELECT n.*, degrees(2 * asin(sqrt(CASE WHEN sine2 < 1 THEN sine2 ELSE 1 END))) AS "fromCentre" FROM near n
)
SELECT DISTINCT "detector", "diaObjectId", "ra", "dec", "nDiaSources", "fromCentre"
FROM apart
WHERE "fromCentre" <= r
ORDER BY "detector", "diaObjectId"
