"""One detector's image: its mapping from pixels to the sky, its size, its time, its calibration."""
