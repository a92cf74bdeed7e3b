-- Pairs of a prediction and a source that may belong together: see candidates.sqlite.sql.
--
-- The partitions that "first" and "last" leave are known when the statement is planned; the others are not even opened.
-- "offset 0" keeps the inner part from being merged into the rest, whose order the planner would then be free to choose:
-- on fresh tables it takes a range of visits for a handful of rows, and would try each of their sources with every box.
select b.place, d."diaSourceId", d.detector, d."midpointMjdTai", d.ra, d.dec, d."raErr", d."decErr", d."ra_dec_Cov",
       d."ssObjectId", d."psfFlux", d."psfFluxErr", d."trailLength", d."trailAngle", d.reliability,
       convert_to(coalesce(d.band, ''), 'UTF8') as band,
       cast(case when
            coalesce(d."isNegative", false) or coalesce(d."isDipole", false) or coalesce(d.glint_trail, false)
            or coalesce(d.centroid_flag, false) or coalesce(d."pixelFlags_bad", false) or
            coalesce(d."pixelFlags_cr", false) or coalesce(d."pixelFlags_edge", false) or
            coalesce(d."pixelFlags_nodata", false) or coalesce(d."pixelFlags_offimage", false) or
            coalesce(d."pixelFlags_saturated", false) or coalesce(d."pixelFlags_streak", false)
            then 1 else 0 end as smallint) as flagged
from box b
cross join lateral (
    select *
    from "DiaSource" s
    where s.visit = b.visit and s.zone = b.zone and s.ra between b.ra0 and b.ra1 and s.visit between :first and :last
        and s."timeWithdrawnMjdTai" is null
    offset 0
) d
