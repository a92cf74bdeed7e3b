-- Gives sources their objects. No join, whose order the planner would be free to choose: the object of a source stands
-- where a binary search in the ascending identifiers finds it.
--
-- sources: diaSourceId, ascending; objects: the ssObjectId of each, 0 for none; first, last: their visits are between
-- these; all_change: none of them has its object already, so that there is nothing to compare.
-- "dec" is set to what it is: otherwise the expression of the generated column "zone" is parsed anew for every row, which
-- takes longer than to write it.
update "DiaSource" s
set "ssObjectId" = nullif((:objects)[width_bucket(s."diaSourceId", :sources)], 0), dec = s.dec
where s."diaSourceId" = any(:sources) and s.visit between :first and :last
    and (:all_change
         or s."ssObjectId" is distinct from nullif((:objects)[width_bucket(s."diaSourceId", :sources)], 0))
