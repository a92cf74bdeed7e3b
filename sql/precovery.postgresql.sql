-- Sources without an object near the predictions of one object: boxes on the sky of visits, joined with the sources
-- of the visit through the index (visit, zone, ra). A superset of the pairs that pass the exact tests.
--
-- Parameters: boxes: JSON, one element for each zone (one arcminute of declination) of each box: [visit, zone, smallest
--             and largest right ascension, smallest and largest declination (deg)]; no source is in two of a visit.
with box as materialized (
    select cast(value ->> 0 as bigint) as visit, cast(value ->> 1 as integer) as zone,
           cast(value ->> 2 as float8) as ra0, cast(value ->> 3 as float8) as ra1,
           cast(value ->> 4 as float8) as dec0, cast(value ->> 5 as float8) as dec1
    from json_array_elements(cast(:boxes as json))
)
select d.visit, d."diaSourceId", d.detector, d."midpointMjdTai", d.ra, d.dec, d."raErr", d."decErr", d."ra_dec_Cov",
       d."psfFlux", convert_to(coalesce(d.band, ''), 'UTF8') as band
from box b
join "DiaSource" d on d.visit = b.visit and d.zone = b.zone
                  and d.ra between b.ra0 and b.ra1 and d.dec between b.dec0 and b.dec1
where d."ssObjectId" is null
order by d.visit, d."diaSourceId"
