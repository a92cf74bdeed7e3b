-- Objects that may be in a field: the boxes that they stay in over a night, joined with where a field has to look for
-- them through the index (night, zone, raMin). A superset of the objects in the field; one may be there twice.
--
-- Parameters: probes: JSON, arrays of [number of the field, night, zone, first and last raMin, least raMax,
--             first and last declination] (degrees).
with probe as materialized (
    select cast(value ->> 0 as integer) as field, cast(value ->> 1 as integer) as night,
           cast(value ->> 2 as smallint) as zone,
           cast(value ->> 3 as float8) as ra0, cast(value ->> 4 as float8) as ra1, cast(value ->> 5 as float8) as west,
           cast(value ->> 6 as float8) as dec0, cast(value ->> 7 as float8) as dec1
    from json_array_elements(cast(:probes as json))
)
select p.field, p.night, e."ssObjectId", e.designation, e.tmin, e.tmax, e.h, e.g,
       cast(e."hasJson" as integer) as "hasJson",
       octet_length(e.coefficients) as size, substring(e.coefficients for 96) as coefficients
from probe p
join "SsEphemeris" e on e.night = p.night and e.zone = p.zone and e."raMin" between p.ra0 and p.ra1
                    and e."raMax" >= p.west and e."decMin" <= p.dec1 and e."decMax" >= p.dec0
