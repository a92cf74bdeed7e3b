-- DiaObjects whose first source is of a time, the newest first.
--
-- Parameters:
--   since        time     -  all  Only objects first seen from this time on
--   until        time     -  all  Only objects first seen before this time
--   min_sources  integer  -  1    Only objects with at least so many sources
-- Example: --param since=2026-11-29 --param min_sources=2
SELECT o."diaObjectId", o."ra", o."dec", o."raErr", o."decErr", o."firstDiaSourceMjdTai", o."lastDiaSourceMjdTai",
       o."nDiaSources"
FROM "DiaObjectLast" o
WHERE o."firstDiaSourceMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
  AND o."firstDiaSourceMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
  AND o."nDiaSources" >= CAST(:min_sources AS bigint)
ORDER BY o."firstDiaSourceMjdTai" DESC, o."diaObjectId"
