-- Pairs of a prediction and a source that may belong together: see candidates.sqlite.sql.
--
-- Citus takes no "offset" in a lateral subquery. The boxes are sent to the servers that have visits of theirs.
select b.place, s."diaSourceId", s.detector, s."midpointMjdTai", s.ra, s.dec, s."raErr", s."decErr", s."ra_dec_Cov",
       s."ssObjectId", s."psfFlux", s."psfFluxErr", s."trailLength", s."trailAngle", s.reliability,
       convert_to(coalesce(s.band, ''), 'UTF8') as band,
       cast(case when
            coalesce(s."isNegative", false) or coalesce(s."isDipole", false) or coalesce(s.glint_trail, false)
            or coalesce(s.centroid_flag, false) or coalesce(s."pixelFlags_bad", false) or
            coalesce(s."pixelFlags_cr", false) or coalesce(s."pixelFlags_edge", false) or
            coalesce(s."pixelFlags_nodata", false) or coalesce(s."pixelFlags_offimage", false) or
            coalesce(s."pixelFlags_saturated", false) or coalesce(s."pixelFlags_streak", false)
            then 1 else 0 end as smallint) as flagged
from box b
join "DiaSource" s on s.visit = b.visit and s.zone = b.zone and s.ra between b.ra0 and b.ra1
where s.visit between :first and :last and s."timeWithdrawnMjdTai" is null
