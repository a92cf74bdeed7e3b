-- Pairs of a prediction and a source that may belong together: a bounded box around each prediction, joined with the
-- sources of its exposure through the index (visit, zone, ra). A superset of the pairs that pass the exact tests.
--
-- Parameters: search: JSON, one element an exposure: [identifier, times of its first and of its last source (MJD TAI),
--             variance (arcsec^2) that sources and floor add to an ellipse];
--             base, factor, largest, default_sigma: the search radius (arcsec) is
--             min(largest, sqrt(base + factor * (sigma^2 + variance))), sigma the ellipse's major axis.
with search as materialized (
    select cast(value ->> 0 as bigint) as visit, cast(value ->> 1 as float8) as earliest,
           cast(value ->> 2 as float8) as latest, cast(value ->> 3 as float8) as variance
    from json_array_elements(cast(:search as json))
), box as (
    select p.visit, p."ssObjectId", p."ephRa" as ra, p."ephDec" as dec,
           (least(cast(:largest as float8),
                  sqrt(:base + :factor * (power(greatest(case when p."ephErrMajor" > 0 then p."ephErrMajor"
                                                              else cast(:default_sigma as float8) end,
                                                         coalesce(p."ephErrMinor", 0)), 2) + s.variance)))
            + coalesce(3600 * (abs(p."ephRateRa") + abs(p."ephRateDec")), 0)                -- no less than the rate
              * greatest(abs(s.earliest - p."midpointMjdTai"), abs(s.latest - p."midpointMjdTai"))
            + 1e-6) / 3600 as r                                                    -- search radius, degrees
    from search s join "SsPrediction" p on p.visit = s.visit
), side as materialized (        -- else every use of one of its columns would compute it anew
    select box.*, case when abs(dec) + r >= 90 then 180.0                          -- a pole is inside: the whole circle
                       else degrees(asin(least(1.0, sin(radians(r)) / cos(radians(dec))))) end as dra
    from box
), boxes as materialized (     -- else the planner would take the bounds in right ascension as a filter after the join
    select side.visit, side."ssObjectId", side.dec - side.r as dec0, side.dec + side.r as dec1,
           cast(floor((side.dec - side.r + 90) * 60) as integer) as zone0,
           cast(floor((side.dec + side.r + 90) * 60) as integer) as zone1,
           case when dra < 180 then side.ra + shift - side.dra else 0 end as ra0,
           case when dra < 180 then side.ra + shift + side.dra else 360 end as ra1
    from side cross join (values (0.0::float8), (360.0::float8), (-360.0::float8)) as around (shift)
    where case when dra < 180 then side.ra + shift + side.dra >= 0 and side.ra + shift - side.dra < 360
               else shift = 0 end                                                  -- no source is in two boxes of one
)
select b.visit, b."ssObjectId", d."diaSourceId", d.detector, d."midpointMjdTai", d.ra, d.dec,
       d."raErr", d."decErr", d."ra_dec_Cov"
from boxes b
join "DiaSource" d on d.visit = b.visit and d.zone between b.zone0 and b.zone1
                  and d.ra between b.ra0 and b.ra1 and d.dec between b.dec0 and b.dec1
order by b.visit, b."ssObjectId", d."diaSourceId"
