-- The MOID of an object that is not due is possible for its orbit, and near that of the Minor Planet Center.
-- The Earth is at 0.9832 to 1.0168 au, and somewhere within 90 degrees of the object's perihelion. Others may take its
-- osculating orbit, which is up to 0.002 au off the mean one.
SELECT o."ssObjectId", o.designation, o."MOIDEarth", m.q, m.earth_moid
FROM "SSObject" o
JOIN "mpc_orbits" m ON m.unpacked_primary_provisional_designation = o.designation
WHERE (o."MOIDEarth" < m.q - 1.0168 - 0.00001 - 0.000001 * m.q
       OR CAST(o."MOIDEarth" AS double precision) * o."MOIDEarth" > 1.000001 * (m.q * m.q + 1.0168 * 1.0168)
       OR abs(o."MOIDEarth" - m.earth_moid) > 0.003 + 0.01 * m.earth_moid)
  AND NOT EXISTS (SELECT 1 FROM "SsObjectChange" c WHERE c."ssObjectId" = o."ssObjectId")
