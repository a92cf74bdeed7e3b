"""DiaObjects: which source belongs to which of them, and what their columns are."""
