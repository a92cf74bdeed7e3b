-- Segments of objects that may be in a field: see segments_near.sqlite.sql.
select p.field, p.night, e."ssObjectId", e.designation, e.tmin, e.tmax, e.h, e.g,
       cast(e."hasJson" as integer) as "hasJson",
       octet_length(e.coefficients) as size, substring(e.coefficients for 96) as coefficients
from probe p
join "SsEphemeris" e on e.night = p.night and e.zone = p.zone and e."raMin" between p.ra0 and p.ra1
                    and e."raMax" >= p.west and e."decMin" <= p.dec1 and e."decMax" >= p.dec0
