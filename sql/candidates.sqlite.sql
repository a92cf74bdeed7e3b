-- Pairs of a prediction and a source that may belong together: bounded boxes round predictions, joined with the sources
-- of their visits through the index (visit, zone, ra). Sources of the same zone of declination may be above or below
-- the box; otherwise the pairs are those that the boxes hold.
--
-- box: place (the number of the prediction), visit, zone (of one arcminute of declination, as in DiaSource), ra0, ra1 (degrees).
-- A box of several zones is there once for each: with a range of zones the use of the index would stop at them.
-- first, last: the visits of the boxes are between these.
-- The last three columns are for precovery; they cost association nothing, which does not select them.
-- "cross join" keeps SQLite to this order.
select b.place, d."diaSourceId", d.detector, d."midpointMjdTai", d.ra, d.dec, d."raErr", d."decErr", d."ra_dec_Cov",
       d."ssObjectId", d."psfFlux", cast(coalesce(d.band, '') as blob) as band
from box b
cross join "DiaSource" d
where d.visit = b.visit and d.zone = b.zone and d.ra between b.ra0 and b.ra1 and d.visit between :first and :last
