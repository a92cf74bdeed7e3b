-- DiaObjects near a DiaObject, the nearest first.
--
-- Parameters:
--   object  diaobject  -       required  diaObjectId of the object
--   radius  positive   arcsec  10        How near, up to 3600
-- Columns:
--   separation  double  arcsec  Angle between the two
-- Example: --param object=1234567890123 --param radius=5
SELECT n."diaObjectId", n."separation", n."ra", n."dec", n."raErr", n."decErr", n."firstDiaSourceMjdTai",
       n."lastDiaSourceMjdTai", n."nDiaSources"
FROM (
    SELECT o.*, 3600 * 2 * degrees(asin(sqrt(CASE WHEN h."half" < 1 THEN h."half" ELSE 1 END))) AS "separation"
    FROM (
        SELECT o."diaObjectId" AS "id",
               sin(radians(o."dec" - c."dec") / 2) * sin(radians(o."dec" - c."dec") / 2)
               + cos(radians(o."dec")) * cos(radians(c."dec"))
               * sin(radians(o."ra" - c."ra") / 2) * sin(radians(o."ra" - c."ra") / 2) AS "half"
        FROM "DiaObjectLast" c
        JOIN "DiaObjectLast" o ON o."zone" BETWEEN c."zone" - CAST(:radius AS double precision) / 60 - 1
                                               AND c."zone" + CAST(:radius AS double precision) / 60 + 1
        WHERE c."diaObjectId" = CAST(:object AS bigint) AND o."diaObjectId" <> c."diaObjectId"
    ) h
    JOIN "DiaObjectLast" o ON o."diaObjectId" = h."id"
) n
WHERE n."separation" <= CAST(:radius AS double precision)
ORDER BY n."separation", n."diaObjectId"
