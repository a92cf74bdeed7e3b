-- Objects that may be in a field: the boxes that they stay in over a night, joined with where a field has to look for
-- them through the index (night, zone, raMin). A superset of the objects in the field; one may be there twice.
--
-- Parameters: probes: JSON, arrays of [number of the field, night, zone, first and last raMin, least raMax,
--             first and last declination] (degrees).
with probe as materialized (
    select json_extract(value, '$[0]') as field, json_extract(value, '$[1]') as night,
           json_extract(value, '$[2]') as zone, json_extract(value, '$[3]') as ra0, json_extract(value, '$[4]') as ra1,
           json_extract(value, '$[5]') as west, json_extract(value, '$[6]') as dec0, json_extract(value, '$[7]') as dec1
    from json_each(:probes)
)
select p.field, p.night, e."ssObjectId", e.designation, e.tmin, e.tmax, e.h, e.g,
       e."hasJson",
       length(e.coefficients) as size, substr(e.coefficients, 1, 96) as coefficients
from probe p
cross join "SsEphemeris" e on e.night = p.night and e.zone = p.zone and e."raMin" between p.ra0 and p.ra1
                          and e."raMax" >= p.west and e."decMin" <= p.dec1 and e."decMax" >= p.dec0
