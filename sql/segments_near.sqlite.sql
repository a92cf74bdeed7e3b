-- Segments of objects that may be in a field: the boxes that they stay in over a night, joined with where a field has to
-- look for them through the index (night, zone, raMin). A superset of the objects in the field; one may be there twice.
--
-- probe: field (its number), night, zone, ra0, ra1 (first and last raMin), west (least raMax), dec0, dec1 (degrees).
-- "cross join" keeps SQLite to this order.
select p.field, p.night, e."ssObjectId", e.designation, e.tmin, e.tmax, e.h, e.g,
       e."hasJson",
       length(e.coefficients) as size, substr(e.coefficients, 1, 96) as coefficients
from probe p
cross join "SsEphemeris" e on e.night = p.night and e.zone = p.zone and e."raMin" between p.ra0 and p.ra1
                          and e."raMax" >= p.west and e."decMin" <= p.dec1 and e."decMax" >= p.dec0
