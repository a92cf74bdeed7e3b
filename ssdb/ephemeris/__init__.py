"""From orbits to positions on the sky: planets, integrator, observers, uncertainties."""
