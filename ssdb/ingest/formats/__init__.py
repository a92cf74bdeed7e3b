"""Readers of formats that other software writes, one a module; the names of formats that commands take."""

FORMATS = ("auto", "ssdb", "sorcha", "mpsky", "skybot")
"""Formats of predictions; ``auto`` looks at the contents."""

ORBIT_FORMATS = (
    *("auto", "mpc_orbits", "mpcorb", "sorcha"),
    *("mpcorb_extended", "cometels", "mpc_orb", "sbdb", "dp1", "kete", "horizons"),
)
"""Formats of orbits; ``auto`` looks at the contents."""
