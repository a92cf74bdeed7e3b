-- The MOID of an object that is not due is possible for its orbit, and near that of the Minor Planet Center.
-- The Earth is at 0.9832 to 1.0168 au. The two differ by what the planets do to the Earth's orbit, and between epochs.
SELECT o."ssObjectId", o.designation, o."MOIDEarth", m.q, m.earth_moid
FROM "SSObject" o
JOIN "mpc_orbits" m ON m.unpacked_primary_provisional_designation = o.designation
WHERE (o."MOIDEarth" < CASE WHEN m.q > 1.0168 THEN m.q - 1.0168 ELSE 0 END - 0.00001 - 0.000001 * m.q
       OR o."MOIDEarth" > CASE WHEN m.q > 1.0168 THEN m.q + 1.0168 ELSE 1.0168 + m.q END
       OR abs(o."MOIDEarth" - m.earth_moid) > 0.01 + 0.01 * m.earth_moid)
  AND NOT EXISTS (SELECT 1 FROM "SsObjectChange" c WHERE c."ssObjectId" = o."ssObjectId")
