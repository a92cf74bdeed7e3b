-- The letter of a comet's :designation, before the slash or after the number; I for an interstellar object, else nothing.
-- A/ is an object with the orbit of a comet that shows no activity.
CASE WHEN substr(:designation, 2, 1) = '/' THEN replace(substr(:designation, 1, 1), 'A', '')
     WHEN replace(:designation, ' ', '') = :designation
     THEN substr(:designation, 1 + length(rtrim(:designation, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ-')), 1)
     ELSE '' END
