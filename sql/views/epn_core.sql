-- Observations of known objects in the columns of EPN-TAP 2.0 (IVOA Recommendation of 22 August 2022), one row a source.
-- All mandatory columns are there, in the order of its table, and some optional ones at the end. NULL are those that no
-- survey of points has (emergence) and those that are its own to know: the bands as frequencies (spectral_range). The name
-- of an asteroid is that which the IAU gave it, where that is stored; a comet has its designation. A name with a quote,
-- which EPN-TAP forbids, is in alt_target_name alone, with an underscore. Times are right to 40 microseconds.
--
-- Columns:
--   granule_uid  text  -  meta.id  Identifier of the row: diaSourceId
--   granule_gid  text  -  meta.id  What the row is: detection
--   obs_id  text  -  meta.id;obs  The visit
--   dataproduct_type  text  -  meta.code.class  ci: an item of a catalogue
--   measurement_type  text  -  meta.ucd  UCDs of what was measured
--   processing_level  integer  -  meta.calibLevel  5: derived
--   target_name  text  -  meta.id;src  Name of the object, or its primary designation
--   target_class  text  -  src.class  asteroid, comet or dwarf_planet; more than one are separated by #
--   time_min  double  d  time.start;obs  Start of the exposure, Julian date in UTC
--   time_max  double  d  time.end;obs  End of the exposure, Julian date in UTC
--   time_sampling_step_min  double  s  time.resolution;stat.min  NULL
--   time_sampling_step_max  double  s  time.resolution;stat.max  NULL
--   time_exp_min  double  s  time.duration;obs.exposure;stat.min  Exposure time
--   time_exp_max  double  s  time.duration;obs.exposure;stat.max  Exposure time
--   spectral_range_min  double  Hz  em.freq;stat.min  NULL
--   spectral_range_max  double  Hz  em.freq;stat.max  NULL
--   spectral_sampling_step_min  double  Hz  em.freq;spect.binSize;stat.min  NULL
--   spectral_sampling_step_max  double  Hz  em.freq;spect.binSize;stat.max  NULL
--   spectral_resolution_min  double  -  spect.resolution;stat.min  NULL
--   spectral_resolution_max  double  -  spect.resolution;stat.max  NULL
--   c1min  double  deg  pos.eq.ra;stat.min  Right ascension of the source, ICRS
--   c1max  double  deg  pos.eq.ra;stat.max  Right ascension of the source, ICRS
--   c2min  double  deg  pos.eq.dec;stat.min  Declination of the source, ICRS
--   c2max  double  deg  pos.eq.dec;stat.max  Declination of the source, ICRS
--   c3min  double  AU  pos.distance;stat.min  Distance from the Sun, when the light left the object
--   c3max  double  AU  pos.distance;stat.max  Distance from the Sun, when the light left the object
--   s_region  text  -  pos.outline;obs.field  NULL
--   c1_resol_min  double  deg  pos.angResolution;stat.min  NULL
--   c1_resol_max  double  deg  pos.angResolution;stat.max  NULL
--   c2_resol_min  double  deg  pos.angResolution;stat.min  NULL
--   c2_resol_max  double  deg  pos.angResolution;stat.max  NULL
--   c3_resol_min  double  AU  pos.resolution;stat.min  NULL
--   c3_resol_max  double  AU  pos.resolution;stat.max  NULL
--   spatial_frame_type  text  -  meta.code.class;pos.frame  celestial
--   incidence_min  double  deg  pos.incidenceAng;stat.min  NULL
--   incidence_max  double  deg  pos.incidenceAng;stat.max  NULL
--   emergence_min  double  deg  pos.emergenceAng;stat.min  NULL
--   emergence_max  double  deg  pos.emergenceAng;stat.max  NULL
--   phase_min  double  deg  pos.phaseAng;stat.min  Phase angle
--   phase_max  double  deg  pos.phaseAng;stat.max  Phase angle
--   instrument_host_name  text  -  meta.id;instr.obsty  Observatory code of the Minor Planet Center
--   instrument_name  text  -  meta.id;instr  Camera
--   service_title  text  -  meta.title  Schema of the service: ssdb, until it is published under another name
--   creation_date  timestamp  -  time.creation  When the visit was associated, UTC
--   modification_date  timestamp  -  time.processing  When the visit was associated, UTC
--   release_date  timestamp  -  time.release  When the visit was associated, UTC
--   ra  double  deg  pos.eq.ra;meta.main  Right ascension of the source, ICRS
--   dec  double  deg  pos.eq.dec;meta.main  Declination of the source, ICRS
--   alt_target_name  text  -  meta.id;src  Other names of the object, separated by #
--   filter  text  -  meta.id;instr.filter  Filter
--   flux  double  mJy  phot.flux.density  PSF flux on the difference image
--   earth_distance_min  double  AU  pos.distance;stat.min  Distance from the observer, when the light left the object
--   earth_distance_max  double  AU  pos.distance;stat.max  Distance from the observer, when the light left the object
--   sun_distance_min  double  AU  pos.distance;stat.min  Distance from the Sun, when the light left the object
--   sun_distance_max  double  AU  pos.distance;stat.max  Distance from the Sun, when the light left the object
SELECT CAST(e."diaSourceId" AS text) AS "granule_uid", 'detection' AS "granule_gid",
       CAST(e."visit" AS text) AS "obs_id", 'ci' AS "dataproduct_type",
       'phot.flux.density#pos.eq.ra#pos.eq.dec' AS "measurement_type", 5 AS "processing_level", e."target_name",
       CASE WHEN e."mark" = 'I' THEN 'comet#asteroid'
            WHEN e."mark" <> '' THEN 'comet'
            WHEN e."designation" IN ('1', 'A801 AA', '134340', '1930 BM', '136108', '2003 EL61', '136199', '2003 UB313',
                                     '136472', '2005 FY9') THEN 'dwarf_planet#asteroid'
            ELSE 'asteroid' END AS "target_class",
       utc_jd(e."midpointMjdTai") - coalesce(e."exposureTime", 0) / 172800.0 AS "time_min",
       utc_jd(e."midpointMjdTai") + coalesce(e."exposureTime", 0) / 172800.0 AS "time_max",
       CAST(NULL AS double precision) AS "time_sampling_step_min",
       CAST(NULL AS double precision) AS "time_sampling_step_max",
       e."exposureTime" AS "time_exp_min", e."exposureTime" AS "time_exp_max",
       CAST(NULL AS double precision) AS "spectral_range_min", CAST(NULL AS double precision) AS "spectral_range_max",
       CAST(NULL AS double precision) AS "spectral_sampling_step_min",
       CAST(NULL AS double precision) AS "spectral_sampling_step_max",
       CAST(NULL AS double precision) AS "spectral_resolution_min",
       CAST(NULL AS double precision) AS "spectral_resolution_max",
       e."ra" AS "c1min", e."ra" AS "c1max", e."dec" AS "c2min", e."dec" AS "c2max",
       e."helioRange" AS "c3min", e."helioRange" AS "c3max", CAST(NULL AS text) AS "s_region",
       CAST(NULL AS double precision) AS "c1_resol_min", CAST(NULL AS double precision) AS "c1_resol_max",
       CAST(NULL AS double precision) AS "c2_resol_min", CAST(NULL AS double precision) AS "c2_resol_max",
       CAST(NULL AS double precision) AS "c3_resol_min", CAST(NULL AS double precision) AS "c3_resol_max",
       'celestial' AS "spatial_frame_type",
       CAST(NULL AS double precision) AS "incidence_min", CAST(NULL AS double precision) AS "incidence_max",
       CAST(NULL AS double precision) AS "emergence_min", CAST(NULL AS double precision) AS "emergence_max",
       e."phaseAngle" AS "phase_min", e."phaseAngle" AS "phase_max",
       e."observatoryCode" AS "instrument_host_name", e."instrument" AS "instrument_name", 'ssdb' AS "service_title",
       e."associatedAt" AS "creation_date", e."associatedAt" AS "modification_date", e."associatedAt" AS "release_date",
       e."ra", e."dec",
       CASE WHEN e."target_name" = e."designation" THEN e."other_name"
            ELSE coalesce(e."other_name" || '#', '') || e."designation" END AS "alt_target_name",
       e."band" AS "filter", e."flux", e."topoRange" AS "earth_distance_min", e."topoRange" AS "earth_distance_max",
       e."helioRange" AS "sun_distance_min", e."helioRange" AS "sun_distance_max"
FROM (
    SELECT m."diaSourceId", m."visit", m."designation", m."target_name", m."mark", d."midpointMjdTai", d."ra", d."dec",
           d."band", CAST(coalesce(d."exposureTime", v."exposureTime") AS double precision) AS "exposureTime",
           CAST(d."psfFlux" AS double precision) / 1000000.0 AS "flux",
           CAST(m."helioRange" AS double precision) AS "helioRange",
           CAST(m."topoRange" AS double precision) AS "topoRange",
           CAST(m."phaseAngle" AS double precision) AS "phaseAngle",
           v."observatoryCode", v."instrument", coalesce(v."associatedAt", v."predictionsAt") AS "associatedAt",
           (SELECT replace(replace(min(x."alias"), '''', '_'), '#', '_')
            FROM "SsAlias" x
            WHERE x."ssObjectId" = m."ssObjectId" AND x."alias" <> m."designation" AND x."alias" <> m."target_name"
              AND x."kind" IN ('number', 'name')) AS "other_name"
    FROM (
        -- Two parts, so that both a name and a designation are found by their indexes.
        SELECT s."diaSourceId", s."visit", s."ssObjectId", s."designation", s."helioRange", s."topoRange",
               s."phaseAngle", a."alias" AS "target_name", '' AS "mark"
        FROM "SSSource" s
        JOIN "SsAlias" a ON a."ssObjectId" = s."ssObjectId"
        WHERE coalesce(comet_mark(s."designation"), '') = '' AND a."kind" = 'name' AND a."alias" NOT LIKE '%''%'
          AND NOT EXISTS (
              SELECT 1 FROM "SsAlias" b
              WHERE b."ssObjectId" = a."ssObjectId" AND b."kind" = 'name' AND b."alias" NOT LIKE '%''%'
                AND b."alias" < a."alias")
        UNION ALL
        SELECT s."diaSourceId", s."visit", s."ssObjectId", s."designation", s."helioRange", s."topoRange",
               s."phaseAngle", s."designation" AS "target_name", comet_mark(s."designation") AS "mark"
        FROM "SSSource" s
        WHERE NOT EXISTS (
            SELECT 1 FROM "SsAlias" b
            WHERE b."ssObjectId" = s."ssObjectId" AND b."kind" = 'name' AND b."alias" NOT LIKE '%''%'
              AND coalesce(comet_mark(s."designation"), '') = '')
    ) m
    JOIN "DiaSource" d ON d."diaSourceId" = m."diaSourceId" AND d."visit" = m."visit"
    JOIN "Visit" v ON v."visit" = m."visit"
) e
