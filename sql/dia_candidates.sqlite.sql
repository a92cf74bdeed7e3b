-- Pairs of a source and a DiaObject that may belong together: boxes round sources, joined with the current objects
-- through the index (zone, searchRa) of DiaObjectLast. A box of several zones is there once for each.
--
-- source_box: place (the number of the source), zone, ra0, ra1, dec0, dec1 (degrees).
-- "cross join" keeps SQLite to this order.
select b.place, o."diaObjectId", o.ra, o.dec, o."raErr", o."decErr", o."ra_dec_Cov", o."firstDiaSourceMjdTai",
       o."lastDiaSourceMjdTai", o."nDiaSources", o."searchRa", o."refRa", o."refDec", o."weightEast", o."weightNorth",
       o."weightEastNorth", o."sumEast", o."sumNorth"
from source_box b
cross join "DiaObjectLast" o
where o.zone = b.zone and o."searchRa" between b.ra0 and b.ra1 and o.dec between b.dec0 and b.dec1
