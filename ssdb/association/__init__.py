"""Association: finds which source is which known object."""
