"""What the header of a detector's image says: its WCS, size, time and calibration."""
