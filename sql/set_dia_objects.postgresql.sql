-- Gives sources their DiaObjects: see set_objects.postgresql.sql.
--
-- sources: diaSourceId, ascending; objects: the diaObjectId of each, 0 for none; first, last: their visits are between
-- these; reassociated: when they left these objects for known ones, or NULL.
update "DiaSource" s
set "diaObjectId" = nullif((:objects)[width_bucket(s."diaSourceId", :sources)], 0), dec = s.dec,
    "ssObjectReassocTimeMjdTai" = coalesce(cast(:reassociated as double precision), s."ssObjectReassocTimeMjdTai")
where s."diaSourceId" = any(:sources) and s.visit between :first and :last
