-- The UTC of :mjd_tai as text (ISO 8601, to the millisecond): NULL before 1972, when UTC had other steps than seconds.
--
-- Whole milliseconds since MJD 41317 (1972) from the innermost outward, the same on both databases. :era is the time
-- (TAI) at which the last leap second began; the time of day at which it did is TAI - UTC before it. The calendar counts
-- from March 1900: until February 2100 every fourth year has a leap day.
(SELECT CASE WHEN tai >= 10000 THEN
            CAST(1900 + y + mp / 10 AS text) || '-' || substr(CAST(103 + mp - 12 * (mp / 10) AS text), 2) || '-'
            || substr(CAST(101 + doy - (153 * mp + 2) / 5 AS text), 2) || 'T'
            || substr(CAST(100 + ms / 3600000 AS text), 2) || ':' || substr(CAST(100 + ms / 60000 % 60 AS text), 2)
            || ':' || substr(CAST(100 + ms / 1000 % 60 + leap AS text), 2)
            || '.' || substr(CAST(1000 + ms % 1000 AS text), 2) END
 FROM (SELECT tai, leap, ms, y, doy, (5 * doy + 2) / 153 AS mp
       FROM (SELECT tai, leap, ms, y, day - 1461 * y / 4 AS doy
             FROM (SELECT tai, leap, ms, day, (4 * day + 3) / 1461 AS y
                   FROM (SELECT tai, leap, utc % 86400000 AS ms, 41317 - 15079 + utc / 86400000 AS day
                         FROM (SELECT tai, CASE WHEN tai - era < 1000 THEN 1 ELSE 0 END AS leap,
                                      tai - era % 86400000 - 1000 AS utc
                               FROM (SELECT tai, :era AS era
                                     FROM (SELECT CAST(floor((:mjd_tai - 41317) * 86400000 + 0.5) AS bigint) AS tai
                                          ) a) b) c) d) e) f) g)
