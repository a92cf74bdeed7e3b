-- Pairs of a source and a DiaObject that may belong together: see dia_candidates.sqlite.sql. "offset 0" holds the order,
-- as in candidates.postgresql.sql.
select b.place, o."diaObjectId", o.ra, o.dec, o."raErr", o."decErr", o."ra_dec_Cov", o."firstDiaSourceMjdTai",
       o."lastDiaSourceMjdTai", o."nDiaSources", o."searchRa", o."refRa", o."refDec", o."weightEast", o."weightNorth",
       o."weightEastNorth", o."sumEast", o."sumNorth"
from source_box b
cross join lateral (
    select *
    from "DiaObjectLast" l
    where l.zone = b.zone and l."searchRa" between b.ra0 and b.ra1 and l.dec between b.dec0 and b.dec1
    offset 0
) o
