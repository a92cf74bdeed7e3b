"""One format of somebody else's a module."""
