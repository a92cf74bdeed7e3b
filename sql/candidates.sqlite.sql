-- Pairs of a prediction and a source that may belong together: bounded boxes round predictions, joined with the sources
-- of their visits through the index (visit, zone, ra). Sources of the same zone of declination may be above or below
-- the box; otherwise the pairs are those that the boxes hold.
--
-- box: place (the number of the prediction), visit, zone (of one arcminute of declination, as in DiaSource), ra0, ra1 (degrees).
-- A box of several zones is there once for each: with a range of zones the use of the index would stop at them.
-- first, last: the visits of the boxes are between these.
-- What is not selected of the columns costs nothing: the errors and what follows them are for uncertainty mode and precovery.
-- "cross join" keeps SQLite to this order.
select b.place, d."diaSourceId", d.detector, d."midpointMjdTai", d.ra, d.dec, d."raErr", d."decErr", d."ra_dec_Cov",
       d."ssObjectId", d."psfFlux", d."psfFluxErr", d."trailLength", d."trailAngle", d.reliability,
       cast(coalesce(d.band, '') as blob) as band,
       cast(case when
            coalesce(d."isNegative", false) or coalesce(d."isDipole", false) or coalesce(d.glint_trail, false)
            or coalesce(d.centroid_flag, false) or coalesce(d."pixelFlags_bad", false) or
            coalesce(d."pixelFlags_cr", false) or coalesce(d."pixelFlags_edge", false) or
            coalesce(d."pixelFlags_nodata", false) or coalesce(d."pixelFlags_offimage", false) or
            coalesce(d."pixelFlags_saturated", false) or coalesce(d."pixelFlags_streak", false)
            then 1 else 0 end as smallint) as flagged
from box b
cross join "DiaSource" d
where d.visit = b.visit and d.zone = b.zone and d.ra between b.ra0 and b.ra1 and d.visit between :first and :last
    and d."timeWithdrawnMjdTai" is null
