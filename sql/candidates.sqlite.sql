-- Pairs of a prediction and a source that may belong together: a bounded box around each prediction, joined with the
-- sources of its exposure through the index (visit, zone, ra). A superset of the pairs that pass the exact tests.
-- The zones of a box are joined one by one: with a range of zones SQLite's use of the index would stop there.
--
-- Parameters: search: JSON, one element an exposure: [identifier, times of its first and of its last source (MJD TAI),
--             variance (arcsec^2) that sources and floor add to an ellipse];
--             base, factor, largest, default_sigma: the search radius (arcsec) is
--             min(largest, sqrt(base + factor * (sigma^2 + variance))), sigma the ellipse's major axis.
with recursive search as materialized (
    select json_extract(value, '$[0]') as visit, json_extract(value, '$[1]') as earliest,
           json_extract(value, '$[2]') as latest, json_extract(value, '$[3]') as variance
    from json_each(:search)
), box as (
    select p.visit, p."ssObjectId", p."ephRa" as ra, p."ephDec" as dec,
           (min(:largest, sqrt(:base + :factor * (pow(max(case when p."ephErrMajor" > 0 then p."ephErrMajor"
                                                               else :default_sigma end,
                                                          coalesce(p."ephErrMinor", 0)), 2) + s.variance)))
            + coalesce(3600 * (abs(p."ephRateRa") + abs(p."ephRateDec")), 0)                -- no less than the rate
              * max(abs(s.earliest - p."midpointMjdTai"), abs(s.latest - p."midpointMjdTai"))
            + 1e-6) / 3600 as r                                                    -- search radius, degrees
    from search s cross join "SsPrediction" p on p.visit = s.visit
), side as materialized (        -- else every use of one of its columns would compute it anew
    select box.*, case when abs(dec) + r >= 90 then 180.0                          -- a pole is inside: the whole circle
                       else degrees(asin(min(1.0, sin(radians(r)) / cos(radians(dec))))) end as dra
    from box
), around (shift) as (values (0.0), (360.0), (-360.0)
), boxes as (
    select side.visit, side."ssObjectId", side.dec - side.r as dec0, side.dec + side.r as dec1,
           cast((side.dec - side.r + 90) * 60 as integer) as zone, cast((side.dec + side.r + 90) * 60 as integer) as zone1,
           case when dra < 180 then side.ra + shift - side.dra else 0 end as ra0,
           case when dra < 180 then side.ra + shift + side.dra else 360 end as ra1
    from side cross join around
    where case when dra < 180 then side.ra + shift + side.dra >= 0 and side.ra + shift - side.dra < 360
               else shift = 0 end                                                  -- no source is in two boxes of one
    union all
    select visit, "ssObjectId", dec0, dec1, zone + 1, zone1, ra0, ra1 from boxes where zone < zone1
)
select b.visit, b."ssObjectId", d."diaSourceId", d.detector, d."midpointMjdTai", d.ra, d.dec,
       d."raErr", d."decErr", d."ra_dec_Cov"
from boxes b
cross join "DiaSource" d on d.visit = b.visit and d.zone = b.zone
                        and d.ra between b.ra0 and b.ra1 and d.dec between b.dec0 and b.dec1
order by b.visit, b."ssObjectId", d."diaSourceId"
